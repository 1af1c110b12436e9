"""The engine "numba": the compiled kernels, as an operation of autograd."""

import os
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from bncourse.nn import equations
from bncourse.nn.equations import DTYPES, HALF

# Of subclasses, such as those that describe a tensor, nobody knows what they are.
_MEMORY = (Tensor, torch.nn.Parameter)


def takes(x: Tensor) -> bool:
    """Return whether the kernels can compute with a tensor, here and now.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool
        Whether x has one of `equations.DTYPES`, is on the CPU, nothing traces or transforms what
        is done with it, and Numba is there.
    """
    return (
        # First, so that a compiler does not look at what follows.
        _is_plain(x)
        and x.dtype in DTYPES
        and x.device.type == "cpu"
        and _numba_is_there()
        and (x.dtype != torch.float16 or _kernels().converts_float16())
    )


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """Take and give what `bncourse.nn.equations.batch_norm` does, by the kernels."""
    for channels in (weight, bias, running_mean, running_var):
        if channels is not None and not _is_in_line(channels):
            return equations.batch_norm(
                x, weight, bias, running_mean, running_var, training, momentum, eps
            )
    if torch.is_grad_enabled() and (
        x.requires_grad
        or (weight is not None and weight.requires_grad)
        or (bias is not None and bias.requires_grad)
    ):
        y: Tensor = _BatchNorm.apply(  # type: ignore[no-untyped-call]
            x, weight, bias, running_mean, running_var, training, momentum, eps
        )
        return y
    return _forward(
        x, weight, bias, running_mean, running_var, training, momentum, eps, saves=False
    )[0]


def _is_in_line(channels: Tensor) -> bool:
    """Return whether the kernels can read one value a channel: all that a layer has."""
    return _has_memory(channels) and channels.is_contiguous()


def _has_memory(x: Tensor) -> bool:
    """Return whether a tensor's values are what lies at its address."""
    return (
        type(x) in _MEMORY
        and x.layout == torch.strided
        and not x.is_neg()
        and not x._is_zerotensor()
    )


def _is_plain(x: Tensor) -> bool:
    """Return whether a tensor is just its memory now: nothing traces or transforms it."""
    return (
        not torch.compiler.is_compiling()
        and _has_memory(x)
        and torch._C._functorch.peek_interpreter_stack() is None
        and not torch._C._functorch.is_legacy_batchedtensor(x)
        and torch._C._len_torch_dispatch_stack() == 0
        and forward_ad._current_level < 0
    )


@cache
def _numba_is_there() -> bool:
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return find_spec("numba") is not None and not disabled


@cache
def _kernels() -> Any:
    """Import the kernels when they are first needed: Numba takes some tenths of a second."""
    from bncourse.kernels import cpu

    return cpu


def _forward(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    saves: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Return y, and the statistics for the backward pass if they are wanted."""
    result: tuple[Tensor, Tensor | None]
    channels: Any = (weight, bias, running_mean, running_var)
    if x.dtype in HALF:
        channels = tuple(map(_wide, channels))
    if not training:
        result = _kernels().inference(x, *channels, eps, saves)
        return result
    result = _kernels().forward(x, *channels, momentum, eps, saves)
    if x.dtype in HALF:
        for kept, updated in zip((running_mean, running_var), channels[2:], strict=True):
            if kept is not None and kept is not updated:
                kept.data.copy_(updated)  # unseen by autograd, as the kernels' own writing
    return result


def _wide(channels: Tensor | None) -> Tensor | None:
    """Return what the kernels take in the place of parameters in half precision."""
    return channels.float() if channels is not None and channels.dtype in HALF else channels


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        x, weight, _, *running, ctx.training, _, ctx.eps = arguments
        y, saved = _forward(*arguments)
        # The running statistics only so that who changes them before the backward pass hears of it.
        ctx.save_for_backward(x, weight, saved, *running)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (dy,) = grads
        x, weight, saved = ctx.saved_tensors[:3]
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled() or not (_is_plain(dy) and _has_memory(x) and _has_memory(saved)):
            gradients = _differentiable(dy, x, weight, saved, ctx.training, ctx.eps, wanted)
        else:
            # Hooks may have kept what was saved in another form.
            saved, x = saved.to(torch.float64).contiguous(), x.to(dy.dtype)
            if _kernels().dense(x) is None:
                x = x.contiguous()
            if weight is not None:  # autograd rounds the parameters' gradients
                weight = weight.to(equations.of_parameters(x)).contiguous()
            if dy.stride() != x.stride():
                dy = torch.empty_like(x).copy_(dy)
            gradients = _kernels().backward(dy, x, weight, saved, ctx.training, wanted)
        return *gradients, None, None, None, None, None


def _differentiable(
    dy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    saved: Tensor,
    training: bool,
    eps: float,
    wanted: tuple[bool, ...],
) -> list[Tensor | None]:
    """Compute the gradients by torch's operations, which have gradients themselves."""
    differentiates = torch.is_grad_enabled()
    mean, _, inv_std = saved
    running_mean, running_var = (None, None) if training else (mean, 1 / inv_std**2 - eps)
    with torch.enable_grad():
        # Stand-ins: where one of them was made from the other, that must not count here as well.
        x = x.view_as(x)
        weight = None if weight is None else weight.view_as(weight)
        # Gradients do not depend on the bias. Its own may be too large for half precision.
        zeros = x.new_zeros(x.shape[1], dtype=equations.of_parameters(x))
        bias = zeros.requires_grad_() if wanted[2] else None
        y = equations.batch_norm(x, weight, bias, running_mean, running_var, training, 0.0, eps)
        inputs = [
            t for t, want in zip((x, weight, bias), wanted, strict=True) if want and t is not None
        ]
        grads = iter(torch.autograd.grad(y, inputs, dy, create_graph=differentiates))
    return [next(grads) if want else None for want in wanted]
