"""The implementations that are timed, each as a user would call it."""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeAlias

import torch
from torch import Tensor

from benchmarks import naive
from benchmarks.cases import CHANNELS_LAST, Batch, Setting
from benchmarks.timing import Call
from bncourse import nn, scratch

# One call for each pass.
Calls: TypeAlias = dict[str, Call]
BatchNorm: TypeAlias = Callable[..., Tensor]

OURS, TORCH, COMPILED, NUMPY, SCRATCH, JAX = "ours", "torch", "compiled", "numpy", "scratch", "jax"


def contenders(setting: Setting, batch: Batch) -> tuple[dict[str, Calls], dict[str, str]]:
    """Return the calls to time, and why a contender has none.

    Parameters
    ----------
    setting : Setting
    batch : Batch

    Returns
    -------
    calls : dict of dict of functions
        By contender and pass.
    missing : dict of str
        The reason, by contender.
    """
    calls = {
        OURS: through_autograd(nn.functional.batch_norm, batch),
        TORCH: through_autograd(torch.nn.functional.batch_norm, batch),
        NUMPY: in_numpy(batch),
        SCRATCH: in_scratch(batch),
    }
    missing = {}
    for name, make in ((COMPILED, compiled), (JAX, in_jax)):
        made = make(setting, batch)
        if isinstance(made, str):
            missing[name] = made
        else:
            calls[name] = made
    return calls, missing


def through_autograd(function: BatchNorm, batch: Batch) -> Calls:
    """Return the passes of a function that is called as torch.nn.functional.batch_norm is."""
    x, gamma, beta = (t.detach().requires_grad_() for t in (batch.x, batch.gamma, batch.beta))
    # Each has its own: who updates them in place makes what another one saved useless.
    mean, var = batch.running_mean.clone(), batch.running_var.clone()

    def forward() -> Tensor:
        return function(x, mean, var, gamma, beta, training=True)

    y = forward()

    def backward() -> tuple[Tensor, ...]:
        return torch.autograd.grad(y, (x, gamma, beta), batch.dy, retain_graph=True)

    def inference() -> Tensor:
        with torch.no_grad():
            return function(x, mean, var, gamma, beta, training=False)

    return {"forward": forward, "backward": backward, "inference": inference}


def compiled(setting: Setting, batch: Batch) -> Calls | str:
    """Return the passes of torch.nn.functional.batch_norm, compiled; or why there are none."""
    if setting.dtype != "float32":
        return "timed for float32 only"
    # A graph that is kept for another backward pass must not give its memory away.
    functorch: Any = importlib.import_module("torch._functorch.config")
    functorch.donated_buffer = False
    # Inductor writes the number of threads into what it compiles, and keeps that on disk.
    inductor: Any = importlib.import_module("torch._inductor.config")
    inductor.cpp.threads = setting.threads
    torch.compiler.reset()
    try:
        calls = through_autograd(torch.compile(_batch_norm, dynamic=False), batch)
        for direction in ("backward", "inference"):  # the forward pass has been called
            calls[direction]()
    except Exception as problem:  # of many kinds: no compiler, a compiler's bug, no disk
        lines = str(problem).strip().splitlines() or [""]
        return f"torch.compile failed: {type(problem).__name__}: {lines[0][:200]}"
    return calls


def _batch_norm(
    x: Tensor, mean: Tensor, var: Tensor, weight: Tensor, bias: Tensor, training: bool
) -> Tensor:
    return torch.nn.functional.batch_norm(x, mean, var, weight, bias, training)


def in_numpy(batch: Batch) -> Calls:
    """Return the passes of `benchmarks.naive`."""
    x, dy, gamma, beta, mean, var = _arrays(batch)
    _, kept = naive.forward(x, gamma, beta, mean, var)
    return {
        "forward": lambda: naive.forward(x, gamma, beta, mean, var),
        "backward": lambda: naive.backward(dy, gamma, kept),
        "inference": lambda: naive.inference(x, gamma, beta, mean, var),
    }


def in_scratch(batch: Batch) -> Calls:
    """Return the passes of `bncourse.scratch`."""
    x, dy, gamma, beta, mean, var = _arrays(batch)
    _, kept = scratch.batch_norm_forward(x, gamma, beta)
    return {
        "forward": lambda: scratch.batch_norm_forward(x, gamma, beta),
        "backward": lambda: scratch.batch_norm_backward(dy, kept),
        "inference": lambda: scratch.batch_norm_inference(x, mean, var, gamma, beta),
    }


def _arrays(batch: Batch) -> list[naive.Array]:
    """Return x and dy as they lie in memory, and the rest as copies."""
    channels = (batch.gamma, batch.beta, batch.running_mean, batch.running_var)
    return [batch.x.numpy(), batch.dy.numpy(), *(t.numpy().copy() for t in channels)]


def in_jax(setting: Setting, batch: Batch) -> Calls | str:
    """Return the passes written in JAX, compiled; or why there are none.

    JAX has as many threads as the machine has cores, and that cannot be changed in a process.
    Where the channels come last in memory they are the last axis.
    """
    if find_spec("jax") is None:
        return "JAX is not installed"
    jax: Any = importlib.import_module("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    last = setting.layout == CHANNELS_LAST
    x, dy, gamma, beta, mean, var = (
        jax.numpy.array((t.movedim(1, -1) if last and t.ndim > 1 else t).numpy())
        for t in vars(batch).values()
    )
    axes = tuple(axis for axis in range(x.ndim) if axis != (x.ndim - 1 if last else 1))
    column = [1 if axis in axes else -1 for axis in range(x.ndim)]

    def normalize(x: Any, gamma: Any, beta: Any, mean: Any, var: Any) -> Any:
        inv_std = gamma * jax.lax.rsqrt(var + 1e-5)
        return (x - mean.reshape(column)) * inv_std.reshape(column) + beta.reshape(column)

    def train(x: Any, gamma: Any, beta: Any) -> Any:
        return normalize(x, gamma, beta, x.mean(axes), x.var(axes))

    _, pull = jax.jit(lambda *given: jax.vjp(train, *given))(x, gamma, beta)
    forward, backward = jax.jit(train), jax.jit(lambda pull, dy: pull(dy))
    inference = jax.jit(normalize)
    return {
        "forward": lambda: forward(x, gamma, beta).block_until_ready(),
        "backward": lambda: jax.block_until_ready(backward(pull, dy)),
        "inference": lambda: inference(x, gamma, beta, mean, var).block_until_ready(),
    }
