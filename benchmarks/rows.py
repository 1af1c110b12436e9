"""What was measured of one pass in one setting."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.cases import FLOPS, TENSORS, Setting
from benchmarks.contenders import OURS, TORCH
from benchmarks.limit import LIMITS
from benchmarks.timing import Timing


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    setting : Setting
    direction : str
        "forward", "backward" or "inference".
    engine : str
        What computed in `bncourse.nn`.
    timings : mapping of Timing
        By contender, the limits among them.
    missing : mapping of str
        Why a contender has no timing.
    others : float
        Cores that other processes kept busy meanwhile; NaN where the system does not tell.
    """

    setting: Setting
    direction: str
    engine: str
    timings: Mapping[str, Timing]
    missing: Mapping[str, str]
    others: float = 0.0

    @property
    def speed(self) -> float:
        """How many times as fast as torch ours is: torch's median by ours."""
        return self.timings[TORCH].median / self.timings[OURS].median

    @property
    def limit(self) -> float:
        """Seconds that the fastest plain copy or triad took."""
        return min(self.timings[name].median for name in LIMITS if name in self.timings)

    @property
    def over_limit(self) -> float:
        """How many times the limit's time ours takes."""
        return self.timings[OURS].median / self.limit

    @property
    def bytes(self) -> int:
        """The least bytes that have to move."""
        return TENSORS[self.direction] * self.setting.elements * self.setting.itemsize

    @property
    def flops(self) -> int:
        """Operations that the equations ask for."""
        return FLOPS[self.direction] * self.setting.elements

    @property
    def name(self) -> str:
        """The setting and the pass, in words."""
        one = self.setting
        shape = "x".join(map(str, one.shape))
        return f"{shape} {one.layout} {self.direction} {one.dtype} {one.threads}t"
