"""What all tests share: settings of hypothesis, problems to solve, and how to hold the results."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings

from bncourse import oracle, tolerances

# The same examples at each run: a red test stays red until it is mended.
settings.register_profile("course", derandomize=True, deadline=None, max_examples=30)
settings.load_profile("course")
# The tensors are small: threads would only wait for one another.
torch.set_num_threads(1)


@dataclass(frozen=True, eq=False)
class Problem:
    """A batch, parameters, a gradient and running statistics; nothing is 0, 1 or the same twice.

    Iterating gives the arguments of `oracle.batch_norm`.
    """

    x: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    dy: np.ndarray
    running_mean: np.ndarray
    running_var: np.ndarray
    eps: float

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by name."""
        return {name: value for name, value in vars(self).items() if name != "eps"}

    def changed(self, **arrays: Any) -> "Problem":
        """Return the problem with other arrays in the place of some."""
        return Problem(**(vars(self) | arrays))

    def reference(self) -> oracle.Reference:
        """Return what the oracle gives in training."""
        return oracle.batch_norm(self.x, self.gamma, self.beta, self.dy, eps=self.eps)

    def inference_reference(self) -> oracle.Reference:
        """Return what the oracle gives in evaluation."""
        return oracle.batch_norm(
            self.x,
            self.gamma,
            self.beta,
            self.dy,
            running_mean=self.running_mean,
            running_var=self.running_var,
            training=False,
            eps=self.eps,
        )


def make_problem(shape, dtype=np.float64, *, mean=2.0, std=1.5, eps=1e-3, seed=0) -> Problem:
    """Return a problem whose channels lie about `mean` with about `std`, rounded to `dtype`."""
    rng = np.random.default_rng([seed, *shape])
    channels = shape[1]
    column = (channels, *[1] * (len(shape) - 2))
    center = mean * rng.uniform(0.7, 1.0, column)
    spread = std * rng.uniform(0.5, 1.5, column)
    signs = np.where(np.arange(channels) % 2 == 0, -1.0, 1.0)
    arrays = {
        "x": center + spread * rng.standard_normal(shape),
        "gamma": signs * rng.uniform(0.3, 2.5, channels),
        "beta": rng.standard_normal(channels),
        "dy": rng.standard_normal(shape),
        "running_mean": mean * rng.uniform(0.7, 1.0, channels),
        "running_var": (std * rng.uniform(0.5, 1.5, channels)) ** 2,
    }
    return Problem(eps=eps, **{name: value.astype(dtype) for name, value in arrays.items()})


@pytest.fixture
def problem():
    """`problem(shape, dtype, mean=..., std=..., eps=..., seed=...)` makes a problem."""
    return make_problem


@pytest.fixture
def close():
    """`close(actual, expected)` asserts that they agree, but for rounding of the largest entry."""
    return partial(tolerances.compare_arrays, "result")


@pytest.fixture(params=[np.float64, np.float32, np.float16], ids=lambda dtype: dtype.__name__)
def dtype(request):
    """Each dtype in turn."""
    return request.param


@pytest.fixture(
    params=[(7, 5), (2, 3), (6, 1), (4, 3, 5), (1, 2, 2), (3, 5, 4, 3), (2, 3, 3, 2, 2)], ids=str
)
def shape(request):
    """Each shape in turn: all ranks, m = 2, one channel, C no power of two."""
    return request.param
