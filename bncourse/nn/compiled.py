"""The engine "numba": the compiled kernels, as an operation of autograd.

The argument list is that of torch.nn.functional.batch_norm, in its order.
"""

import os
import warnings
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.profiler import record_function

from bncourse.nn import equations
from bncourse.nn.equations import HALF, as_torch_lays_out, of_parameters


def _allowed_keys() -> int:
    """Return the dispatch keys of a dense tensor on the CPU, as bits."""
    key = torch._C.DispatchKey
    keys = torch._C.DispatchKeySet(key.CPU)
    for further in (key.ADInplaceOrView, key.AutogradCPU, key.AutocastCPU):
        keys = keys.add(further)
    bits: int = keys.raw_repr()
    return bits


_FURTHER_KEYS = ~_allowed_keys()
_dispatch_keys = torch._C._dispatch_keys
_warned = False


def takes(*call: Any) -> bool:
    """Return whether the kernels compute a call, here and now.

    Cheapest checks first: they are a visible share of a small call.
    """
    if not (equations.is_usual(*call) and _are_plain(call[:5]) and _nothing_looks_on()):
        return False
    x, training = call[0], call[5]
    for running in call[1:3]:
        # Several channels that share one number: torch writes it once for each.
        if running is not None and training and running.stride(0) == 0 and len(running) > 1:
            return False
    kernels = _kernels()
    return kernels is not None and (x.dtype != torch.float16 or kernels.converts_float16())


def _are_plain(tensors: Iterable[Tensor | None]) -> bool:
    """Return whether each tensor's values are what is at its address, in the CPU's memory.

    Everything else has a dispatch key more: tensors of another device or layout, lazily negated,
    fake, or wrapped by a transform, even one that has ended.
    """
    for tensor in tensors:
        if tensor is not None and _dispatch_keys(tensor).raw_repr() & _FURTHER_KEYS:
            return False
    return True


def _nothing_looks_on() -> bool:
    """Return whether no transform, mode or trace is active."""
    return (
        torch._C._functorch.peek_interpreter_stack() is None
        and torch._C._len_torch_dispatch_stack() == 0
        and forward_ad._current_level < 0
        and torch._C._get_tracing_state() is None
    )


def _kernels() -> Any:
    """Return the kernels' module; None where Numba is missing, switched off or out of order."""
    global _warned
    kernels, problem = _imported()
    if problem and not _warned:
        _warned = True
        warnings.warn(problem, RuntimeWarning, stacklevel=2)
    return kernels


@cache
def _imported() -> tuple[Any, str]:
    """Import the kernels when they are first needed: Numba takes some tenths of a second."""
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    if disabled or find_spec("numba") is None:
        return None, ""
    try:
        from bncourse.kernels import cpu
    except Exception as error:  # a Numba that does not fit the NumPy beside it, for one
        return None, (
            "bncourse.nn computes by torch's own operator, since Numba cannot be imported "
            f"({error}): pip install --upgrade 'bncourse[fast]'"
        )
    return cpu, ""


def batch_norm(*call: Any) -> Tensor:
    """Compute a call that `takes` accepts."""
    if torch._C._autograd._profiler_enabled():
        with record_function("bncourse::batch_norm"):
            return _batch_norm(*call)
    return _batch_norm(*call)


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    if not x.is_contiguous():
        x = as_torch_lays_out(x)
    call = (x, running_mean, running_var, weight, bias, training, momentum, eps)
    if torch.is_grad_enabled() and (
        x.requires_grad
        or (weight is not None and weight.requires_grad)
        or (bias is not None and bias.requires_grad)
    ):
        y: Tensor = BncourseBatchNorm.apply(*call)  # type: ignore[no-untyped-call]
        return y
    return _forward(False, *call)[0]


def _forward(
    saves: bool,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor | None]:
    """Return y, and the statistics for the backward pass if they are wanted."""
    kernels = _kernels()
    given = (weight, bias, running_mean, running_var)
    channels: tuple[Tensor | None, ...] = given
    if x.dtype in HALF or not all(c is None or c.is_contiguous() for c in given):
        channels = tuple(map(_for_kernels, given))
    result: tuple[Tensor, Tensor | None]
    if not training:
        result = kernels.inference(x, *channels, eps, saves)
        return result
    result = kernels.forward(x, *channels, momentum, eps, saves)
    if channels is not given:
        for kept, updated in zip(given[2:], channels[2:], strict=True):
            if kept is not updated and kept is not None and updated is not None:
                kept.data.copy_(updated)  # unseen by autograd, as the kernels' own writing
    return result


def _for_kernels(channels: Tensor | None) -> Tensor | None:
    """Return one value per channel as the kernels read them: contiguous, at least float32."""
    if channels is None:
        return None
    return (channels.float() if channels.dtype in HALF else channels).contiguous()


class BncourseBatchNorm(torch.autograd.Function):
    """The kernels' node in a graph; profilers and anomaly mode show its name."""

    @staticmethod
    def forward(ctx: Any, *call: Any) -> Tensor:
        """Compute y; keep what the backward pass needs."""
        x, running_mean, running_var, weight, _, ctx.training, _, ctx.eps = call
        y, saved = _forward(True, *call)
        # The running statistics only so that autograd detects changes in place.
        ctx.save_for_backward(x, weight, saved, running_mean, running_var)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Compute dx, dgamma and dbeta, those that are wanted."""
        (dy,) = grads
        x, weight, saved = ctx.saved_tensors[:3]
        wanted = [ctx.needs_input_grad[i] for i in (0, 3, 4)]
        # Hooks may have kept what was saved in another form.
        plain = _nothing_looks_on() and _are_plain((dy, x, weight, saved))
        if torch.is_grad_enabled() or not plain:
            gradients = _differentiable(dy, x, weight, saved, ctx.training, ctx.eps, wanted)
        else:
            saved, x = saved.to(torch.float64).contiguous(), x.to(dy.dtype)
            if _kernels().dense(x) is None:
                x = x.contiguous()
            if weight is not None:  # autograd rounds the parameters' gradients
                weight = weight.to(of_parameters(x)).contiguous()
            if dy.stride() != x.stride():
                dy = torch.empty_like(x).copy_(dy)
            gradients = _kernels().backward(dy, x, weight, saved, ctx.training, wanted)
        dx, dweight, dbias = gradients
        return dx, None, None, dweight, dbias, None, None, None


def _differentiable(
    dy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    saved: Tensor,
    training: bool,
    eps: float,
    wanted: list[bool],
) -> list[Tensor | None]:
    """Compute the gradients by equations that are differentiable at will."""
    differentiates = torch.is_grad_enabled()
    mean, _, inv_std = saved
    running_mean, running_var = (None, None) if training else (mean, 1 / inv_std**2 - eps)
    with torch.enable_grad():
        # Views, so that grad() treats x and weight as independent.
        x = x.view_as(x)
        weight = None if weight is None else weight.view_as(weight)
        # Gradients do not depend on the bias. Its own may be too large for half precision.
        zeros = x.new_zeros(x.shape[1], dtype=of_parameters(x))
        bias = zeros.requires_grad_() if wanted[2] else None
        y = equations.batch_norm(x, running_mean, running_var, weight, bias, training, 0.0, eps)
        inputs = [
            t for t, want in zip((x, weight, bias), wanted, strict=True) if want and t is not None
        ]
        grads = iter(torch.autograd.grad(y, inputs, dy, create_graph=differentiates))
    return [next(grads) if want else None for want in wanted]
