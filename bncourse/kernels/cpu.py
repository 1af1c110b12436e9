"""Batch normalization on the CPU, compiled with Numba.

Tensors are float32, float64, bfloat16 or float16, on the CPU, and dense
(`bncourse.kernels.layout.dense`), dy as x is; parameters have x's dtype, but float32 where x is of
half precision. `bncourse.nn` sees to all that. Statistics come and go as
``saved``, float64, shape (3, C): the mean, what rounding took off it, and 1/sqrt(var + eps).
"""

import hashlib
import platform
import struct
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import torch
from numba import types
from numba.core.ccallback import CFunc
from numba.np.numpy_support import as_dtype
from torch import Tensor

from bncourse.kernels import kept, openmp, passes
from bncourse.kernels.layout import dense
from bncourse.kernels.memory import BFLOAT16, FLOAT16
from bncourse.kernels.task import CHUNK, REAL, WHOLE, plan, record

# What stands for x's dtype, and the dtype of parameters.
DTYPES: dict[torch.dtype, tuple[np.dtype[Any], np.dtype[Any]]] = {
    torch.float32: (np.dtype(np.float32), np.dtype(np.float32)),
    torch.float64: (np.dtype(np.float64), np.dtype(np.float64)),
    torch.bfloat16: (as_dtype(BFLOAT16), np.dtype(np.float32)),
    torch.float16: (as_dtype(FLOAT16), np.dtype(np.float32)),
}
# An output of so many bytes is written past the caches if what lies in line is long: it would be
# out of them before the next operator reads it, and what lies in its place need not be read.
STREAM = 12_000_000

_PACK = {
    dtype: struct.Struct(f"={len(WHOLE)}q{len(REAL)}d{parameters.char}{values.char}").pack
    for dtype, (values, parameters) in DTYPES.items()
}


def forward(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    saves: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Normalize a batch by its own statistics, and update the running ones in place (training).

    Parameters
    ----------
    x : tensor, shape (N, C, *locations)
    weight, bias, running_mean, running_var : tensors, shape (C,), or None
    momentum, eps : float
    saves : bool, default True
        Whether a backward pass may follow.

    Returns
    -------
    y : tensor like `x`
    saved : tensor, shape (3, C), or None
        For `backward`.
    """
    y, saved = _outputs(x, saves)
    parameters = (weight, bias, running_mean, running_var, None, None)
    _run(passes.forward, x, None, y, parameters, saved, eps, momentum)
    return y, saved


def inference(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
    saves: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Normalize by the running statistics (evaluation).

    Parameters
    ----------
    x : tensor, shape (N, C, *locations)
    weight, bias : tensors, shape (C,), or None
    running_mean, running_var : tensors, shape (C,)
    eps : float
    saves : bool, default True
        Whether a backward pass may follow.

    Returns
    -------
    y : tensor like `x`
    saved : tensor, shape (3, C), or None
        For `backward`.
    """
    y, saved = _outputs(x, saves)
    parameters = (weight, bias, running_mean, running_var, None, None)
    _run(passes.inference, x, None, y, parameters, saved, eps, 0.0)
    return y, saved


def backward(
    dy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    saved: Tensor,
    training: bool,
    wanted: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Compute the gradients.

    Parameters
    ----------
    dy, x : tensors, shape (N, C, *locations)
    weight : tensor, shape (C,), or None
    saved : tensor, shape (3, C)
        From `forward`, or from `inference`.
    training : bool
        Whether the statistics depend on x.
    wanted : three bools
        Which of the results are.

    Returns
    -------
    dx : tensor like `x`, or None
    dweight, dbias : tensors, shape (C,), or None
    """
    dx = torch.empty_like(x) if wanted[0] else None
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    dweight = torch.empty(x.shape[1], dtype=dtype, device="cpu") if wanted[1] else None
    dbias = torch.empty(x.shape[1], dtype=dtype, device="cpu") if wanted[2] else None
    parameters = (weight, None, None, None, dweight, dbias)
    _run(passes.backward, x, dy, dx, parameters, saved, 0.0, 0.0, training)
    return dx, dweight, dbias


@cache
def converts_float16() -> bool:
    """Return whether the processor that Numba compiles for converts float16 by itself.

    Where it does not, compiled code would call functions that the process may lack.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return True
    features = numba.config.CPU_FEATURES  # None stands for all that this processor has
    if features is None:
        return bool(llvm.get_host_cpu_features().get("f16c"))
    return "+f16c" in features.split(",")


def _outputs(x: Tensor, saves: bool) -> tuple[Tensor, Tensor | None]:
    """Return room for y, with the strides that torch's own has, and for what is saved."""
    strides = torch.contiguous_format if x.is_contiguous() else torch.preserve_format
    y = torch.empty_like(x, memory_format=strides)
    return y, torch.empty(3, x.shape[1], dtype=torch.float64, device="cpu") if saves else None


def _run(
    walk: Callable[[Any], None],
    x: Tensor,
    dy: Tensor | None,
    out: Tensor | None,
    parameters: tuple[Tensor | None, ...],
    saved: Tensor | None,
    eps: float,
    momentum: float,
    training: bool = True,
) -> None:
    values, channels, size = x.numel(), x.shape[1], x.element_size()
    repeat = dense(x)
    assert repeat is not None, f"x: want a dense tensor, got strides {x.stride()}"
    way, threads, shared, room, tables, chunks = plan(
        channels,
        values // channels,
        repeat,
        openmp.threads_for(values),
        walk is not passes.inference,
    )
    work = np.empty(room)
    start = work.__array_interface__["data"][0]
    tensors = (x, dy, out, *parameters, saved)
    addresses = [0 if tensor is None else tensor.data_ptr() or _refuse() for tensor in tensors]
    streams = values * size >= STREAM and way.stretch * size >= CHUNK
    task = _PACK[x.dtype](
        *addresses, start, start + 8 * tables, start + 8 * chunks, *way,
        threads, shared, training, streams, size, eps, momentum, 0.0, 0,
    )  # fmt: skip
    openmp.run(_compiled(walk, x.dtype).address, task, threads)


def _refuse() -> int:
    raise RuntimeError("want tensors in memory, got one whose memory is not allocated")


@cache
def _compiled(walk: Callable[[Any], None], dtype: torch.dtype) -> Any:
    """Compile a pass for a dtype, or load it from the disk.

    Numba names files and symbols after the function, so everything that is compiled differently
    gets a name of its own.
    """
    openmp.prepare()
    version = f"{str(dtype).removeprefix('torch.')}_{kept.version()}"
    named = FunctionType(walk.__code__, walk.__globals__, f"{walk.__name__}_{version}")
    named.__qualname__ = named.__name__
    task = numba.from_dtype(record(*DTYPES[dtype]))
    # The functions inside are named by the types that they take, and a record by a number that
    # Numba counts from 1 in each process: float64's would be taken for float32's from another.
    task._code = 2**28 + int(hashlib.sha256(version.encode()).hexdigest()[:7], 16)
    signature = types.void(types.CPointer(task))
    kernel = CFunc(named, (signature.args, signature.return_type), {}, {"error_model": "numpy"})
    kernel._cache = kept.cache_of(named)  # type: ignore[attr-defined]
    kernel.compile()
    return kernel
