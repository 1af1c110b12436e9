"""Run the notebooks and store their outputs in them: `python -m tools.outputs`.

Two runs on one machine store the same bytes, pictures included. A cell keeps the outputs that it
has where a run shows the same but for rounding, which differs between machines. Cells that show
timings (marked NBVAL_IGNORE_OUTPUT) keep theirs until their code changes, or `--timings` says to
measure anew.
"""

import argparse
import base64
import binascii
import configparser
import hashlib
import io
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

from tools.surroundings import entered
from tools.toc import ROOT, notebooks

SECONDS_A_CELL = 300
TIMING = "NBVAL_IGNORE_OUTPUT"
SANITIZE = "tests/nbval_sanitize.cfg"  # the numbers that nbval does not compare
SHADE = 0.02  # of a color, from 0 to 1: less is rounding, and nobody sees it
# What editors, Colab and the kernel leave behind; the rest of the metadata is the authors'.
VOLATILE = {"ExecuteTime", "collapsed", "colab", "execution", "outputId", "scrolled"}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotebookError(Exception):
    """A cell failed; the text names the notebook and the cell, and shows what the kernel said."""


def execute(path: Path) -> Any:
    """Run a notebook in a new kernel, in its own folder.

    Parameters
    ----------
    path : Path
        The notebook; the file itself stays as it is.

    Returns
    -------
    NotebookNode
        The notebook with the outputs of this run.

    Raises
    ------
    NotebookError
        If a cell raises, runs too long or takes the kernel down.
    """
    notebook = nbformat.read(path, as_version=4)
    running = {"cell": 0}
    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=lambda cell, cell_index: running.update(cell=cell_index),
    )
    try:
        with entered():
            return client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        said = re.sub(r"\x1b\[[0-9;]*m", "", str(problem)).strip()
        where = f"{os.path.relpath(path)}, cell {running['cell'] + 1}"
        raise NotebookError(f"{where} failed:\n{said}") from None


def canonical(notebook: Any) -> str:
    """Return the one text in which this notebook is stored.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook; what is volatile in its metadata is removed.

    Returns
    -------
    str
        JSON with sorted keys and a line break at the end.
    """
    kept = {key: value for key, value in notebook.metadata.items() if key not in VOLATILE}
    notebook.metadata = nbformat.from_dict(kept | METADATA)
    for cell in notebook.cells:
        for key in VOLATILE.intersection(cell.metadata):
            del cell.metadata[key]
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def code_digest(cell: Any) -> str:
    """Return a short digest of a cell's code."""
    return hashlib.sha256(cell.source.encode()).hexdigest()[:12]


def is_timing(cell: Any) -> bool:
    """Tell whether a cell shows timings, which no two runs share."""
    tags = cell.metadata.get("tags", [])
    return cell.cell_type == "code" and (
        TIMING.lower().replace("_", "-") in tags
        or re.search(rf"^\s*#\s*{TIMING}\s*$", cell.source, re.MULTILINE) is not None
    )


def keep_timings(fresh: Any, stored: Any) -> None:
    """Give cells that show timings the stored outputs back, where their code is still the same.

    Parameters
    ----------
    fresh : NotebookNode
        The notebook as just executed; changed in place.
    stored : NotebookNode
        The notebook as it stands in the file.
    """
    for new, old in zip(fresh.cells, stored.cells, strict=True):
        if not is_timing(new):
            continue
        measured = new.metadata.setdefault("bncourse", {})
        if measured.get("measured") == code_digest(new) and old.outputs:
            new.outputs = old.outputs
        measured["measured"] = code_digest(new)


def pictures(cell: Any) -> list[Any]:
    """Return the pictures that a cell shows, as arrays of pixels with colors from 0 to 1."""
    encoded = [
        output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})
    ]
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) / 255
        for one in encoded
    ]


def words(cell: Any) -> str:
    """Return what a cell shows beside pictures, without the numbers that nbval leaves out."""
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / SANITIZE)
    text = re.sub(r'"image/png": "[^"]*"', "", json.dumps(cell.outputs, sort_keys=True)).replace(
        "\\n", "\n"
    )
    for name in rules.sections():
        text = re.sub(rules[name]["regex"], rules[name]["replace"], text)
    return text


def keep_roundings(fresh: Any, stored: Any) -> None:
    """Give cells that show the same as before, but for rounding, the stored outputs back.

    Parameters
    ----------
    fresh : NotebookNode
        The notebook as just executed; changed in place.
    stored : NotebookNode
        The notebook as it stands in the file.
    """
    for new, old in zip(fresh.cells, stored.cells, strict=True):
        if new.cell_type != "code" or words(new) != words(old):
            continue
        try:
            pairs = list(zip(pictures(new), pictures(old), strict=True))
        except (OSError, binascii.Error):  # what is stored is no picture
            continue
        if all(a.shape == b.shape and np.abs(a - b).max() < SHADE for a, b in pairs):
            new.outputs = old.outputs


def store(path: Path, text: str) -> bool:
    """Write the text to the file, whole or not at all; return whether anything changed."""
    if path.read_text() == text:
        return False
    half = path.with_name(path.name + ".half")
    half.write_text(text)
    half.replace(path)
    return True


def different_cells(text: str, stored: str) -> list[int]:
    """Return the numbers, from one, of the cells in which two texts of a notebook differ."""
    pairs = zip(json.loads(text)["cells"], json.loads(stored)["cells"], strict=True)
    return [number for number, (new, old) in enumerate(pairs, 1) if new != old]


def treat(path: Path, check: bool, timings: bool) -> bool:
    """Run one notebook, and store its outputs or compare them; return whether all is well."""
    print(f"{os.path.relpath(path)} ...", end=" ", flush=True)
    start = time.monotonic()
    fresh, before = execute(path), nbformat.read(path, as_version=4)
    keep_roundings(fresh, before)
    if not timings:
        keep_timings(fresh, before)
    text = canonical(fresh)
    seconds = f"{time.monotonic() - start:.1f} s"
    if not check:
        print(f"{seconds}, {'stored anew' if store(path, text) else 'unchanged'}", flush=True)
        return True
    stored = path.read_text()
    if text == stored:
        print(f"{seconds}, as stored", flush=True)
        return True
    cells = ", ".join(map(str, different_cells(text, stored))) or "none, only the form"
    print(f"{seconds}, DIFFERS from what is stored in cells: {cells}", flush=True)
    return False


def main() -> int:
    """Run the notebooks that are named, or all of the book; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of the book if none is named")
    parser.add_argument("--check", action="store_true", help="store nothing, say what differs")
    parser.add_argument("--timings", action="store_true", help="measure timings anew as well")
    arguments = parser.parse_args()
    bad = 0
    for path in arguments.notebooks or notebooks():
        try:
            bad += not treat(path.resolve(), arguments.check, arguments.timings)
        except NotebookError as problem:
            print(f"FAILED, the file stays as it was\n\n{problem}\n", flush=True)
            bad += 1
    if bad:
        print(f"{bad} of the notebooks failed or differ: see above", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
