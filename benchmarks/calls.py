"""What a call costs beside its arithmetic: on a small tensor, and the first time."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from statistics import median

import torch

from benchmarks.cases import CONTIGUOUS, Setting, make_batch
from benchmarks.contenders import OURS, TORCH, BatchNorm
from benchmarks.timing import Call, Plan, interleaved
from bncourse import nn

SMALL = (4, 8)
# Calls in a timing: one alone is near what the clock can tell.
MANY = 100

FIRST = """
import time
import torch
x, dy = torch.randn(2, 8, 4, 6, 6)
x.requires_grad_()
weight, bias, mean, var = torch.ones(4), torch.zeros(4), torch.zeros(4), torch.ones(4)
start = time.perf_counter()
import bncourse.nn
y = bncourse.nn.functional.batch_norm(x, mean, var, weight, bias, True)
forward = time.perf_counter() - start
torch.autograd.grad(y, x, dy)
print(forward, time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Overhead:
    """A call on a small tensor, in training.

    Attributes
    ----------
    what : str
        Which call.
    ours, torch : float
        Seconds.
    """

    what: str
    ours: float
    torch: float

    @property
    def ratio(self) -> float:
        """How many times torch's time ours takes."""
        return self.ours / self.torch


@dataclass(frozen=True)
class FirstCall:
    """The first call in a new process.

    Attributes
    ----------
    forward, step : float
        Seconds from before ``import bncourse.nn``, torch being imported, to the end of a training
        forward pass, and of the backward pass after it.
    """

    forward: float
    step: float


def overheads(plan: Plan) -> list[Overhead]:
    """Time calls on a small float32 tensor, ours and torch's in turn.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    list of Overhead
    """
    functions = {OURS: nn.functional.batch_norm, TORCH: torch.nn.functional.batch_norm}
    calls = {name: _small(function) for name, function in functions.items()}
    measured = []
    for what in calls[OURS]:
        timings = interleaved({name: each[what] for name, each in calls.items()}, plan)
        seconds = {name: timing.median / MANY for name, timing in timings.items()}
        measured.append(Overhead(what, seconds[OURS], seconds[TORCH]))
    return measured


def _small(function: BatchNorm) -> dict[str, Call]:
    """Return many calls in one, by what they do."""
    batch = make_batch(Setting(SMALL, CONTIGUOUS, "float32", 1))
    mean, var = batch.running_mean, batch.running_var
    plain = (batch.x, batch.gamma, batch.beta)
    leaves = tuple(tensor.clone().requires_grad_() for tensor in plain)

    def forward(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        return function(x, mean, var, gamma, beta, training=True)

    def without_grad() -> None:
        for _ in range(MANY):
            forward(*plain)

    def with_grad() -> None:
        for _ in range(MANY):
            forward(*leaves)

    def with_backward() -> None:
        for _ in range(MANY):
            torch.autograd.grad(forward(*leaves), leaves, batch.dy)

    return {
        "forward without grad": without_grad,
        "forward with grad": with_grad,
        "forward and backward": with_backward,
    }


def first_calls(cached: int = 3) -> dict[str, FirstCall]:
    """Make the first call in new processes: with Numba's cache empty, then with what it left there.

    Parameters
    ----------
    cached : int
        Processes of the second kind; their medians count.

    Returns
    -------
    dict of FirstCall
        "cold" and "cached".
    """
    with tempfile.TemporaryDirectory() as cache:
        cold = _first_call(cache)
        warm = [_first_call(cache) for _ in range(cached)]
    return {
        "cold": cold,
        "cached": FirstCall(median(one.forward for one in warm), median(one.step for one in warm)),
    }


def _first_call(cache: str) -> FirstCall:
    said = subprocess.run(
        [sys.executable, "-c", FIRST],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return FirstCall(*map(float, said.split()))
