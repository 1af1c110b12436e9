"""Timings of several contenders in one run, each as often as it has time for."""

import gc
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeAlias

Call: TypeAlias = Callable[[], object]

# A contender that takes so many seconds does not notice who came before.
SLOW = 0.01


@dataclass(frozen=True)
class Timing:
    """How long one call took.

    Attributes
    ----------
    seconds : tuple of float
        One entry a round, in order.
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """What a quarter, and three quarters, of the rounds stayed below."""
        if len(self.seconds) == 1:
            return self.seconds[0], self.seconds[0]
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Plan:
    """How often to call.

    Attributes
    ----------
    most, least : int
        Rounds of a contender.
    seconds : float
        After so much time of its own a contender drops out, though not before `least` rounds.
    """

    most: int = 200
    least: int = 5
    seconds: float = 0.15


def interleaved(calls: Mapping[str, Call], plan: Plan) -> dict[str, Timing]:
    """Time calls in rounds: each contender once a round, in an order drawn anew.

    Before each timed call stands one that is not timed, so that threads are awake and caches hold
    what that contender leaves in them, whoever came before; slow contenders do without. A result
    is freed after the clock has stopped.

    Parameters
    ----------
    calls : mapping of functions
        By the contender's name.
    plan : Plan

    Returns
    -------
    dict of Timing
    """
    order = random.Random(0)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    spent = dict.fromkeys(calls, 0.0)
    slow = {name: once(call) > SLOW for name, call in calls.items()}
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for turn in range(plan.most):
            names = [name for name in calls if turn < plan.least or spent[name] < plan.seconds]
            order.shuffle(names)
            for name in names:
                begun = time.perf_counter()
                if not slow[name]:
                    calls[name]()
                seconds[name].append(timed(calls[name]))
                spent[name] += time.perf_counter() - begun
    finally:
        if collects:
            gc.enable()
    return {name: Timing(tuple(each)) for name, each in seconds.items()}


def once(call: Call) -> float:
    """Return how many seconds the second of two calls takes."""
    call()
    return timed(call)


def timed(call: Call) -> float:
    """Return how many seconds a call takes, without the freeing of what it returns."""
    start = time.perf_counter()
    result = call()
    taken = time.perf_counter() - start
    del result
    return taken
