"""Run compiled code on the threads that torch already has.

torch's operators run in an OpenMP team, whose threads wait, spinning, for the next operator;
threads of another pool would compete with them. So the passes enter OpenMP where code from
GCC does, by ``GOMP_parallel``, which the runtimes of LLVM and Intel have as well. As in
torch, each thread that calls gets a team of its own.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import torch

# A thread's part, in values, below which waking another one does not pay.
GRAIN = 32_768
# What the passes call. torch makes the functions of its OpenMP visible in the whole process.
_NAMES = ("omp_get_thread_num", "omp_get_num_threads", "GOMP_barrier", "GOMP_parallel")

# What stands in their place, so that the passes can be linked. A task for one thread asks nobody.
_ALONE = {
    "omp_get_thread_num": ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0),
    "omp_get_num_threads": ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1),
    "GOMP_barrier": ctypes.CFUNCTYPE(None)(lambda: None),
}

# The threads of a team do not come along into a forked child; OpenMP would wait for them.
_forked = False


def _forget_the_team() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_team)


@cache
def prepare() -> Callable[[int, bytes, int, int], None] | None:
    """Find what the passes call, before they are linked.

    Returns
    -------
    function or None
        ``GOMP_parallel``; None if it is not there, and then a team of one stands in for the rest.
    """
    try:
        process = ctypes.CDLL(None)
        functions = [getattr(process, name) for name in _NAMES]
    except (AttributeError, TypeError):  # Windows has no library of the whole process
        for name, function in _ALONE.items():
            llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
        return None
    parallel: Any = functions[-1]
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return parallel


def threads_for(values: int) -> int:
    """Return how many threads should share work on so many values.

    Parameters
    ----------
    values : int

    Returns
    -------
    int
        At most ``torch.get_num_threads()``; 1 in a forked child, and where torch's OpenMP has
        no ``GOMP_parallel``.
    """
    if values < 2 * GRAIN or _forked or prepare() is None:
        return 1
    return min(torch.get_num_threads(), values // GRAIN)


def run(address: int, task: bytes, threads: int) -> None:
    """Run compiled code in a team.

    Parameters
    ----------
    address : int
        Of a function ``void (*)(void *)``.
    task : bytes
        What it gets.
    threads : int
    """
    parallel = prepare()
    if threads == 1 or parallel is None:
        _function(address)(task)
    else:
        parallel(address, task, threads, 0)


@cache
def _function(address: int) -> Callable[[bytes], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_char_p)(address)
