"""A copy and a sum in compiled code, on torch's threads, written past the caches."""

# Compiled code calls what Python could not: mypy knows nothing of Numba's types and intrinsics.
# mypy: disable-error-code="attr-defined, call-arg, no-untyped-call, no-untyped-def, unreachable"

from functools import cache
from typing import Any

import numba
import numpy as np
import torch
from numba import types
from torch import Tensor

from benchmarks.timing import Call
from bncourse.kernels import openmp
from bncourse.kernels.memory import LINE, fence, pointer, store_line

# Bytes that are added up in the nearest cache before they are written past all of them.
CHUNK = 2048
WHOLE = ("a", "b", "out", "work", "count", "itemsize")

_thread: Any = types.ExternalFunction("omp_get_thread_num", types.int32())
_threads: Any = types.ExternalFunction("omp_get_num_threads", types.int32())


def move(a: Tensor, b: Tensor | None, out: Tensor, threads: int) -> Call:
    """Return a call that copies `a` to `out`, or adds `a` and `b` into it, by non-temporal stores.

    Parameters
    ----------
    a, b, out : tensors
        Dense, of one shape, layout and dtype; `b` may be None.
    threads : int

    Returns
    -------
    function
    """
    work = torch.empty(threads * CHUNK, dtype=torch.uint8)
    kind = np.dtype(str(a.dtype).removeprefix("torch."))
    task = np.zeros(1, _task(kind))
    addresses = {"a": a, "b": b, "out": out, "work": work}
    for name, tensor in addresses.items():
        task[name] = 0 if tensor is None else tensor.data_ptr()
    task["count"], task["itemsize"] = a.numel(), a.element_size()
    assert out.data_ptr() % LINE == 0
    packed, address = task.tobytes(), _compiled(kind).address
    kept = (a, b, out, work)

    def call() -> tuple[Tensor | None, ...]:
        openmp.run(address, packed, threads)
        return kept

    return call


def _task(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of a task; its last number stands for the dtype."""
    return np.dtype([*((name, "i8") for name in WHOLE), ("like", dtype)])


@cache
def _compiled(dtype: np.dtype[Any]) -> Any:
    task = numba.from_dtype(_task(dtype))
    return numba.cfunc(types.void(types.CPointer(task)), error_model="numpy")(_walk)


@numba.njit
def _put(a, b, out, adds):
    """Write one chunk. Indices that cannot be negative let the loops fill vectors."""
    if adds:
        for i in range(out.size):
            out[i] = a[i] + b[i]
    else:
        for i in range(out.size):
            out[i] = a[i]


def _walk(tasks):
    """Move one thread's share of whole chunks; the last thread moves what is left, too."""
    t = numba.carray(tasks, 1)[0]
    thread, threads = _thread(), _threads()
    count, adds, begin, target = t.count, t.b != 0, t.a, t.out
    size, work = CHUNK // t.itemsize, t.work + thread * CHUNK
    a = numba.carray(pointer(begin, t.like), (count,))
    b = numba.carray(pointer(t.b if adds else begin, t.like), (count,))
    out = numba.carray(pointer(target, t.like), (count,))
    summed = numba.carray(pointer(work, t.like), (size,))
    chunks = count // size
    for chunk in range(chunks * thread // threads, chunks * (thread + 1) // threads):
        part = slice(chunk * size, (chunk + 1) * size)
        source = begin + chunk * CHUNK
        if adds:
            _put(a[part], b[part], summed, adds)
            source = work
        for line in range(0, CHUNK, LINE):
            into = pointer(target + chunk * CHUNK + line, t.like)
            store_line(into, pointer(source + line, t.like))
    if thread == threads - 1:
        rest = slice(chunks * size, count)
        _put(a[rest], b[rest], out[rest], adds)
    fence()
