import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from bncourse import oracle, tolerances
from bncourse.kernels import cpu

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, eq=False)
class Passes:
    """What the three passes computed, in training and then in evaluation."""

    training: dict[str, np.ndarray]
    evaluation: dict[str, np.ndarray]


def run(problem, memory_format=torch.contiguous_format, momentum=0.1):
    """Run the three passes on a problem, in training and in evaluation."""
    tensors = {name: torch.from_numpy(value.copy()) for name, value in problem.arrays().items()}
    x, dy = (tensors[name].contiguous(memory_format=memory_format) for name in ("x", "dy"))
    weight, bias = tensors["gamma"], tensors["beta"]
    running = tensors["running_mean"], tensors["running_var"]
    y, saved = cpu.inference(x, weight, bias, *running, problem.eps)
    evaluation = y, *cpu.backward(dy, x, weight, saved, False, (True, True, True))
    y, saved = cpu.forward(x, weight, bias, *running, momentum, problem.eps)
    training = y, *cpu.backward(dy, x, weight, saved, True, (True, True, True)), *running
    names = ("y", "dx", "dgamma", "dbeta", "running_mean", "running_var")
    return Passes(
        {name: tensor.numpy() for name, tensor in zip(names, training, strict=True)},
        {name: tensor.numpy() for name, tensor in zip(names[:4], evaluation, strict=True)},
    )


def agree(problem, passes):
    """Hold the passes against the oracle; return the comparisons."""
    p = problem
    arguments = {"running_mean": p.running_mean, "running_var": p.running_var, "eps": p.eps}
    trained = oracle.batch_norm(p.x, p.gamma, p.beta, p.dy, **arguments)
    evaluated = oracle.batch_norm(p.x, p.gamma, p.beta, p.dy, training=False, **arguments)
    return (
        *tolerances.compare(trained, **passes.training),
        *tolerances.compare(evaluated, **passes.evaluation),
    )


@pytest.fixture
def passes():
    """`passes(problem, memory_format)` runs all three."""
    return run


@pytest.fixture
def as_the_oracle():
    """`as_the_oracle(problem, passes)` asserts that the oracle computes the same."""
    return agree


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """Each number of threads in turn, on tensors of any size."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bncourse.kernels.openmp.GRAIN", 1)
        yield request.param
    torch.set_num_threads(before)


def run_python(code, folder=ROOT, **variables):
    """Run code in a Python of its own, with the package in a folder; return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(folder)} | variables
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


@pytest.fixture(scope="session")
def python():
    """`python(code, folder, **variables)` runs code in a Python of its own."""
    return run_python
