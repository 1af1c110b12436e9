"""A task: what a compiled pass is told.

Compiled code gets one pointer, so all that it needs is in one record: addresses (0 where there
is nothing), the layout, flags; real numbers; and one number that stands for x's dtype.
"""

from typing import Any

import numba
import numpy as np

from bncourse.kernels.arithmetic import INNER
from bncourse.kernels.layout import Layout

# The rows of a note on a strip: what its channels, or its columns, are centered on, and the
# coefficients of what is written; sums, and what rounding took off them or off the mean.
CENTER, SCALE, OFFSET, SLOPE, FIRST, SECOND, LOST, FAR = range(8)
COEFFICIENTS, NOTE = 4, 8
# Values that are written past the caches at a time.
CHUNK = 512

WHOLE = (
    "x", "dy", "out", "weight", "bias", "running_mean", "running_var", "dweight", "dbias",
    "saved", "work", *Layout._fields, "threads", "training", "streams", "itemsize",
)  # fmt: skip
REAL = ("eps", "momentum")

exact = numba.njit(error_model="numpy", **INNER)


def record(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of a task on tensors of a dtype."""
    fields = [*((name, "i8") for name in WHOLE), *((name, "f8") for name in REAL)]
    return np.dtype([*fields, ("like", dtype)])


def workspace(way: Layout, threads: int) -> int:
    """Return how many numbers a task's work has room for: sums, notes, and chunks to be written."""
    return way.lanes * way.strips * (2 * way.pieces + threads * NOTE) + threads * CHUNK
