"""What the rows say together: means, the worst of them, and whether requirements are met."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from benchmarks.calls import FirstCall, Overhead
from benchmarks.cases import CHANNELS_LAST, CONTIGUOUS, PASSES
from benchmarks.rows import Row

# Rows with fewer values are not held against torch one by one.
LARGE = 100_000
FLOOR, STRETCH = "floor", "stretch"
# The least geometric means of torch's time by ours.
MEANS = {FLOOR: {"forward": 1.8, "backward": 1.15}, STRETCH: {"forward": 2.5, "backward": 1.4}}
SPEEDS = {FLOOR: 0.9, STRETCH: 1.0}
# The most times of the limit's time.
OVER_LIMIT = {CONTIGUOUS: 1.5, CHANNELS_LAST: 2.5}
OVERHEAD = 3.0
FIRST_SECONDS = {"cold": 5.0, "cached": 0.5}


@dataclass(frozen=True)
class Verdict:
    """A requirement and what was measured.

    Attributes
    ----------
    level : str
        "floor" or "stretch".
    wanted : str
    got : str
    met : bool
    """

    level: str
    wanted: str
    got: str
    met: bool

    def __str__(self) -> str:
        said = "met" if self.met else "NOT MET"
        return f"{said:<8} {self.level:<8} {self.wanted}: {self.got}"


def means(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Return geometric means of torch's time by ours.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    dict of dict of float
        By group, such as "float32, 1 thread" or "all", and pass.
    """
    groups: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        count = row.setting.threads
        own = f"{row.setting.dtype}, {count} thread{'s' * (count != 1)}"
        for group in (own, "all"):
            groups.setdefault(group, {}).setdefault(row.direction, []).append(row.speed)
    every = groups.pop("all", {})
    return {
        group: {direction: geometric_mean(speeds) for direction, speeds in each.items()}
        for group, each in [*groups.items(), *([("all", every)] if every else [])]
    }


def worst(rows: Sequence[Row], count: int = 5) -> list[Row]:
    """Return the rows where ours is slowest beside torch, the worst first."""
    return sorted(rows, key=lambda row: row.speed)[:count]


def verdicts(
    rows: Sequence[Row], overheads: Sequence[Overhead], first: Mapping[str, FirstCall]
) -> list[Verdict]:
    """Say of each requirement whether it is met; those of which nothing was measured are left out.

    Parameters
    ----------
    rows : sequence of Row
    overheads : sequence of Overhead
    first : mapping of FirstCall
        "cold" and "cached".

    Returns
    -------
    list of Verdict
    """
    made = [one for level in (FLOOR, STRETCH) for one in _against_torch(rows, level)]
    for layout, most in OVER_LIMIT.items():
        those = [row for row in rows if row.setting.layout == layout]
        if those:
            wanted = f"{layout} within {most:g} times the limit in every row"
            made.append(_every(STRETCH, wanted, those, lambda row: row.over_limit, most, False))
    for one in overheads:
        wanted = f"{one.what} of a small tensor takes at most {OVERHEAD:g} times torch's time"
        made.append(Verdict(FLOOR, wanted, f"{one.ratio:.2f} times", one.ratio <= OVERHEAD))
    for state, most in FIRST_SECONDS.items():
        if state in first:
            for what, seconds in (("call", first[state].forward), ("step", first[state].step)):
                wanted = f"first {what}, {state}, under {most:g} s"
                made.append(Verdict(FLOOR, wanted, f"{seconds:.2f} s", seconds < most))
    return made


def _against_torch(rows: Sequence[Row], level: str) -> list[Verdict]:
    made = []
    large = [row for row in rows if row.setting.elements >= LARGE or level == STRETCH]
    if large:
        least = SPEEDS[level]
        which = f"row of {LARGE:,} elements or more" if level == FLOOR else "row"
        wanted = f"no {which} below {least:g} of torch's speed"
        made.append(_every(level, wanted, large, lambda row: row.speed, least, True))
    every = means(rows).get("all", {})
    for direction in PASSES:
        if direction in MEANS[level] and direction in every:
            least, got = MEANS[level][direction], every[direction]
            wanted = f"geometric mean of torch/ours in {direction} at least {least:g}"
            made.append(Verdict(level, wanted, f"{got:.3f}", got >= least))
    return made


def _every(
    level: str,
    wanted: str,
    rows: Sequence[Row],
    value: Callable[[Row], float],
    bound: float,
    at_least: bool,
) -> Verdict:
    """Say whether a value keeps to its bound in every row, and where it is worst."""
    sign = 1 if at_least else -1
    first = min(rows, key=lambda row: sign * value(row))
    failed = sum(sign * value(row) < sign * bound for row in rows)
    got = f"{failed} of {len(rows)} rows fail; the worst, {first.name}, has {value(first):.3f}"
    return Verdict(level, wanted, got, failed == 0)
