"""Time batch normalization on the CPU, in one run beside all that it can be compared with.

`make bench`, or ``python -m benchmarks.cpu``: torch and its compiled form, NumPy as one would
first write it, `bncourse.scratch`, `bncourse.nn`, JAX if it is installed, and the machine's limit.
Errors are measured, too.

The contenders take turns, in an order drawn anew in each round. Where the C library hands large
outputs back to the system, the next call gets them as pages that are not there yet, and most of
its time is the system's, not the contender's. So the program starts itself again with variables
that make the library keep what is freed (glibc reads them; others ignore them), for all
contenders alike; each batch begins by touching more than its calls will need.
"""

import argparse
import datetime
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from math import prod
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.accuracy import accuracies
from benchmarks.calls import first_calls, overheads
from benchmarks.cases import (
    DTYPES,
    FLOPS,
    PASSES,
    SHAPES,
    TENSORS,
    Setting,
    Shape,
    make_batch,
    settings,
)
from benchmarks.contenders import COMPILED, NUMPY, OURS, TORCH, contenders
from benchmarks.limit import limits
from benchmarks.report import Report, as_json, summary, table
from benchmarks.rows import Row
from benchmarks.timing import Plan, interleaved
from bncourse import nn
from tools.machine import busy_elsewhere, caches, processor

RESULTS = Path(__file__).parent / "results" / "cpu.json"
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
# Settings that change timings, and so are stored if they are set.
VARIABLES = (
    "OMP_NUM_THREADS", "OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY",
    "GOMP_SPINCOUNT", "GOMP_CPU_AFFINITY", "KMP_BLOCKTIME", "KMP_AFFINITY", "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "XLA_FLAGS", *KEEP_MEMORY,
)  # fmt: skip
PACKAGES = ("torch", "numpy", "numba", "jax")
QUICK = Plan(most=20, least=3, seconds=0.05)
QUICK_VALUES = 4096  # in a channel, for accuracy
# Tensors like x that are touched before a batch is timed: more than any contender has at once.
TOUCHED = 12


def measure(chosen: Sequence[Setting], plan: Plan) -> list[Row]:
    """Time all passes of all contenders, with a line of progress.

    Parameters
    ----------
    chosen : sequence of Setting
    plan : Plan

    Returns
    -------
    list of Row
    """
    before = torch.get_num_threads()
    rows = []
    try:
        for setting in tqdm(chosen, desc="batches", unit="batch"):
            torch.set_num_threads(setting.threads)
            rows += _rows(setting, plan)
    finally:
        torch.set_num_threads(before)
    return rows


def _rows(setting: Setting, plan: Plan) -> list[Row]:
    torch.ones(TOUCHED * setting.elements, dtype=DTYPES[setting.dtype])
    batch = make_batch(setting)
    calls, missing = contenders(setting, batch)
    calls |= limits(batch, setting.threads)
    engine = nn.engine(batch.x)
    rows = []
    for direction in PASSES:
        start, before = time.monotonic(), busy_elsewhere()
        timings = interleaved({name: each[direction] for name, each in calls.items()}, plan)
        others = (busy_elsewhere() - before) / (time.monotonic() - start)
        rows.append(Row(setting, direction, engine, timings, missing, others))
    return rows


def machine(seconds: float) -> dict[str, Any]:
    """Return where, when and with what the run was made.

    Parameters
    ----------
    seconds : float
        What the run took.

    Returns
    -------
    dict
    """
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "date": datetime.date.today().isoformat(),
        "seconds": round(seconds),
        "versions": versions,
        "processor": processor(),
        "cores": os.cpu_count(),
        "caches": caches(),
        "system": f"{platform.system()} {platform.release()}",
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the roofline of the rows with float32, or the first dtype, and the most threads.

    Parameters
    ----------
    rows : sequence of Row
    path : Path
        Of the picture.
    """
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    from bncourse import figures

    dtype, threads = rows[0].setting.dtype, max(row.setting.threads for row in rows)
    rows = [row for row in rows if (row.setting.dtype, row.setting.threads) == (dtype, threads)]
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        layout = row.setting.layout.replace("_", " ")
        panel = panels.setdefault(f"{layout}, {dtype}, {threads} threads", {})
        for name in (OURS, TORCH, COMPILED, NUMPY):
            if name in row.timings:
                speed = row.flops / row.timings[name].median / 1e9
                panel.setdefault(name, []).append((row.flops / row.bytes, speed))
    moved = [row.bytes / row.limit / 1e9 for row in rows]
    roofs = {
        f"fastest copy, {max(moved):.0f} GB/s": max(moved),
        f"slowest copy, {min(moved):.0f} GB/s": min(moved),
    }
    itemsize = rows[0].setting.itemsize
    passes = {one: FLOPS[one] / (TENSORS[one] * itemsize) for one in PASSES}
    with mpl.rc_context():
        figures.use_style()
        figures.draw_roofline(panels, roofs, passes)
        plt.savefig(path, dpi=150)
        plt.close()


def shape(text: str) -> Shape:
    """Return the shape that a text such as 32x64x56x56 says."""
    sizes = tuple(int(size) for size in text.split("x"))
    if len(sizes) < 2 or prod(sizes) <= sizes[1]:
        raise argparse.ArgumentTypeError(f"want a shape such as 32x64x56x56, got {text}")
    return sizes


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, float32 only")
    parser.add_argument(
        "--shapes", type=shape, nargs="+", default=SHAPES, metavar="NxCx..", help="of x"
    )
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--threads", type=int, nargs="+", default=sorted({1, min(2, cores)}), metavar="n"
    )
    parser.add_argument(
        "--json", type=Path, default=RESULTS, help="where results go; the picture goes beside them"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, store and draw."""
    options = parse(arguments)
    start = time.monotonic()
    plan = QUICK if options.quick else Plan()
    dtypes = ["float32"] if options.quick else list(DTYPES)
    rows = measure(settings(options.shapes, dtypes, options.threads), plan)
    first = first_calls(cached=1 if options.quick else 3)
    accurate = accuracies(QUICK_VALUES) if options.quick else accuracies()
    seconds = time.monotonic() - start
    report = Report(rows, overheads(plan), first, accurate, machine(seconds))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(as_json(report), indent=1, allow_nan=False) + "\n")
    picture = options.json.with_suffix(".png")
    draw(rows, picture)
    print(table(rows), summary(report), sep="\n\n")
    print(f"\nStored in {options.json.name} and {picture.name}")


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in KEEP_MEMORY.items()):
        command = [sys.executable, "-m", "benchmarks.cpu", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | KEEP_MEMORY)
    main()
