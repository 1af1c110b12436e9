"""A task: what a compiled pass is told, and where its threads write down their numbers.

Compiled code gets one pointer, so all that it needs is in one record: addresses (0 where there
is nothing), the layout, flags; real numbers; and one number each that stands for the dtype of
parameters and of x.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from bncourse.kernels.layout import Layout, layout

# The rows of a table of numbers on a strip, each with one number a lane. CENTER is taken off x:
# at first a guess, after the sums the mean. SCALE, SLOPE and OFFSET are the coefficients of what
# is written. FIRST and SECOND are the two sums, then what is made of them: the variance, dgamma.
# LOST is what rounding took off the sums, then off the mean. Numbers of channels stand at the
# beginning of a row. FAR has one number: how many centers were too far from the mean.
CENTER, SCALE, SLOPE, OFFSET, FIRST, SECOND, LOST, FAR = range(8)
SPREAD, TABLE = 4, 8  # the rows that are copied from channels to lanes, and all rows
# Bytes that are written past the caches at a time.
CHUNK = 4096
# Strips per thread below which the team shares each of them.
FEW = 4
# Lanes up to which the inference pass has one table for all strips, which fits into a cache.
SHARED_TABLE = 2**15

WHOLE = (
    "x", "dy", "out", "weight", "bias", "running_mean", "running_var", "dweight", "dbias",
    "saved", "sums", "tables", "chunks", *Layout._fields,
    "threads", "shared", "training", "streams", "itemsize",
)  # fmt: skip
REAL = ("eps", "momentum")


class Member(NamedTuple):
    """One thread of the team that runs a task.

    Attributes
    ----------
    strip, end_strip, at_once : int
        Its strips: the first, the first that is not its own, and how many it sums before it
        writes them.
    piece, end_piece : int
        Its pieces of each.
    stores : bool
        Whether it stores what it computes of channels; what all compute, one stores.
    sums, table, chunk : pointers
        To the sums of all pieces, its tables of strips, and values that it will write.
    """

    strip: int
    end_strip: int
    at_once: int
    piece: int
    end_piece: int
    stores: bool
    sums: Any
    table: Any
    chunk: Any


def record(values: np.dtype[Any], parameters: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of a task on a tensor of a dtype, with parameters of another."""
    fields = [*((name, "i8") for name in WHOLE), *((name, "f8") for name in REAL)]
    return np.dtype([*fields, ("parameter", parameters), ("like", values)])


class Plan(NamedTuple):
    """How a team goes about a task.

    Attributes
    ----------
    way : Layout
        The walk through the tensor.
    threads : int
        How many threads have something to do.
    shared : bool
        Whether the team shares each strip, so that no thread has much more to do than others.
        Otherwise a thread has strips of its own, and memory for one of them.
    room : int
        How many numbers are written down in all: first sums, then tables and chunks.
    tables, chunks : int
        Where those begin.
    """

    way: Layout
    threads: int
    shared: bool
    room: int
    tables: int
    chunks: int


@lru_cache(maxsize=1024)
def plan(channels: int, values: int, repeat: int, threads: int, sums: bool) -> Plan:
    """Return how a team of at most this many threads goes about a task.

    Memory grows neither with the number of channels nor with the number of values, beyond one sum
    for some thousand values where the team shares strips.

    Parameters
    ----------
    channels, values, repeat : int
        What `bncourse.kernels.layout.layout` takes.
    threads : int
    sums : bool
        Whether the pass sums before it writes: the inference pass does not.

    Returns
    -------
    Plan
    """
    way = layout(channels, values, repeat)
    threads = min(threads, max(way.strips, way.pieces))
    if sums:
        shared = way.pieces >= threads and way.strips < FEW * threads and way.strips % threads != 0
        tables = 2 * way.lanes * way.pieces * (way.strips if shared else threads)
        count = threads * way.strips if shared else threads
    else:
        shared = way.lanes * way.strips <= SHARED_TABLE
        tables, count = 0, way.strips if shared else threads
    chunks = tables + TABLE * way.lanes * count
    return Plan(way, threads, shared, chunks + CHUNK // 8 * threads, tables, chunks)
