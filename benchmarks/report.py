"""The measurements as a table to read and as JSON to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from math import isfinite, isnan
from typing import Any

from benchmarks.accuracy import Accuracy
from benchmarks.accuracy import table as accuracy_table
from benchmarks.calls import FirstCall, Overhead
from benchmarks.contenders import COMPILED, JAX, NUMPY, OURS, SCRATCH, TORCH
from benchmarks.rows import Row
from benchmarks.summary import means, verdicts, worst
from benchmarks.timing import Timing

TIMED = (
    "The public call of each contender, results freed after the clock has stopped. forward: "
    "F.batch_norm in training with running statistics, on inputs that want gradients. backward: "
    "torch.autograd.grad of x, weight and bias, the graph retained. inference: under "
    "torch.no_grad. compiled: torch.compile of F.batch_norm, compiling not counted. numpy: "
    "benchmarks.naive. scratch: bncourse.scratch. limit: the fastest plain copy (backward: sum of "
    "two tensors) of the least bytes, into memory that is there already. Memory that is freed is "
    "kept for the next allocation, for all contenders (MALLOC_ variables)."
)
# Cores for other processes from which on a timing is not to be believed.
BUSY = 0.2
UNITS = {
    "times": "seconds for a call",
    "bytes": "the least that must move",
    "flops": "operations",
    "others": "cores",
}
HEADER = (
    f"{'shape':<15} {'layout':<13} {'pass':<9} {'engine':<6} {'ours, ms (quartiles)':<26}"
    f"{'torch':>8}{'compiled':>9}{'numpy':>8}{'scratch':>8}{'jax':>8}{'limit':>8}"
    f"{'torch/ours':>11}{'ours/limit':>11}"
)


@dataclass(frozen=True)
class Report:
    """All that one run measured.

    Attributes
    ----------
    rows : sequence of Row
    overheads : sequence of Overhead
    first : mapping of FirstCall
    accuracies : sequence of Accuracy
    machine : mapping
        Versions, processor, date and the like.
    """

    rows: Sequence[Row]
    overheads: Sequence[Overhead]
    first: Mapping[str, FirstCall]
    accuracies: Sequence[Accuracy]
    machine: Mapping[str, Any]


def table(rows: Sequence[Row]) -> str:
    """Return the medians in milliseconds, grouped by dtype and threads.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    str
        Lines for a person to read.
    """
    lines = []
    for (dtype, threads), group in groupby(rows, lambda r: (r.setting.dtype, r.setting.threads)):
        lines += ["", f"{dtype}, torch's threads: {threads}", HEADER]
        lines += [_line(row) for row in group]
    reasons = {f"{name}: {why}" for row in rows for name, why in row.missing.items()}
    return "\n".join([*lines, "", *(f"- {reason}" for reason in sorted(reasons))])


def _line(row: Row) -> str:
    ours = row.timings[OURS]
    low, high = ours.quartiles
    spread = f"{_ms(ours.median)} ({_ms(low)} to {_ms(high)})"
    others = "".join(
        f"{_ms(row.timings[name].median) if name in row.timings else '-':>{width}}"
        for name, width in ((TORCH, 8), (COMPILED, 9), (NUMPY, 8), (SCRATCH, 8), (JAX, 8))
    )
    shape = "x".join(map(str, row.setting.shape))
    return (
        f"{shape:<15} {row.setting.layout:<13} {row.direction:<9} {row.engine:<6} {spread:<26}"
        f"{others}{_ms(row.limit):>8}{row.speed:>11.2f}{row.over_limit:>11.2f}"
    )


def _ms(seconds: float) -> str:
    """Return milliseconds with about three digits."""
    value = seconds * 1e3
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def summary(report: Report) -> str:
    """Return means, the worst rows, call costs and verdicts, as lines for a person to read."""
    lines = _disturbed(report.rows)
    lines += ["Geometric means of torch/ours", f"{'':<22}{'forward':>10}{'backward':>10}"]
    lines[-1] += f"{'inference':>11}"
    for group, each in means(report.rows).items():
        numbers = (f"{each[one]:.2f}" if one in each else "-" for one in ("forward", "backward"))
        last = f"{each['inference']:.2f}" if "inference" in each else "-"
        lines.append(f"{group:<22}" + "".join(f"{one:>10}" for one in numbers) + f"{last:>11}")
    lines += ["", "Slowest beside torch (torch/ours)"]
    lines += [f"{row.speed:6.2f}  {row.name}" for row in worst(report.rows)]
    if report.overheads:
        lines += ["", "A call on a (4, 8) tensor, microseconds: ours, torch, ratio"]
        lines += [
            f"{one.what:<22}{one.ours * 1e6:8.1f}{one.torch * 1e6:8.1f}{one.ratio:8.2f}"
            for one in report.overheads
        ]
    if report.first:
        lines += ["", "First call in a process, torch imported: seconds to forward, and backward"]
        lines += [
            f"{state:<22}{one.forward:8.2f}{one.step:8.2f}" for state, one in report.first.items()
        ]
    if report.accuracies:
        lines += ["", accuracy_table(report.accuracies)]
    judged = verdicts(report.rows, report.overheads, report.first)
    return "\n".join([*lines, "", "Requirements", *map(str, judged)])


def _disturbed(rows: Sequence[Row]) -> list[str]:
    """Return a warning if other processes were at work, for then a row says little.

    A team of threads waits for the one whose core has other work, and that for milliseconds.
    """
    count = sum(row.others > BUSY for row in rows)
    if count == 0:
        return []
    which = f"{count} of {len(rows)} rows"
    return [f"WARNING: other processes were at work during {which}, which may be far off", ""]


def as_json(report: Report) -> dict[str, Any]:
    """Return everything as numbers, texts, lists and dictionaries.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict
    """
    judged = verdicts(report.rows, report.overheads, report.first)
    return {
        "timed": TIMED,
        "units": UNITS,
        "machine": dict(report.machine),
        "rows": [_row(row) for row in report.rows],
        "means": means(report.rows),
        "overheads": [asdict(one) | {"ratio": one.ratio} for one in report.overheads],
        "first": {state: asdict(one) for state, one in report.first.items()},
        "accuracies": [_accuracy(one) for one in report.accuracies],
        "verdicts": [asdict(one) for one in judged],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        **asdict(row.setting),
        "pass": row.direction,
        "engine": row.engine,
        "bytes": row.bytes,
        "flops": row.flops,
        "times": {name: _times(timing) for name, timing in row.timings.items()},
        "missing": dict(row.missing),
        "others": None if isnan(row.others) else round(row.others, 2),
        "limit": row.limit,
        "torch_over_ours": row.speed,
        "ours_over_limit": row.over_limit,
    }


def _accuracy(one: Accuracy) -> dict[str, Any]:
    """Return errors; None where what should be zero is not."""
    errors = {"ours": one.ours, "torch": one.torch}
    finite = {
        name: {quantity: error if isfinite(error) else None for quantity, error in each.items()}
        for name, each in errors.items()
    }
    return {"batch": one.batch, **finite}


def _times(timing: Timing) -> dict[str, float]:
    low, high = timing.quartiles
    return {
        "least": min(timing.seconds),
        "lower_quartile": low,
        "median": timing.median,
        "upper_quartile": high,
        "rounds": len(timing.seconds),
    }
