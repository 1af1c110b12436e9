"""The engine "equations": training, differentiable any number of times and in each mode.

In training, torch's own operator gives wrong third derivatives, and wrong results in nested forward
mode and in reverse over forward mode. In evaluation it is right.
"""

from typing import Any

import torch
from torch import Tensor
from torch._prims_common import suggest_memory_format
from torch.autograd import forward_ad

HALF = (torch.float16, torch.bfloat16)
DTYPES = (*HALF, torch.float32, torch.float64)


def takes(*call: Any) -> bool:
    """Return whether a call is of the usual kind, in training, and within a transform."""
    transformed = (
        torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0
    )
    # What a mode looks on at is torch's own operator.
    seen = torch._C._len_torch_dispatch_stack() > 0
    return transformed and not seen and is_usual(*call) and bool(call[5])


def is_usual(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: Any,
    momentum: Any,
    eps: Any,
) -> bool:
    """Return whether a call is one that torch computes, and of the usual kind."""
    if not isinstance(x, Tensor) or not isinstance(training, bool):
        return False
    if not _is_real(momentum) or not _is_real(eps):
        return False
    if x.ndim < 2 or x.dtype not in DTYPES or x.numel() == 0 or x.layout != torch.strided:
        return False
    if not eps > 0 if training else (not eps >= 0 or running_mean is None):
        return False
    if (running_mean is None) != (running_var is None):
        return False
    channels = x.shape[1:2]
    if training and x.numel() == channels[0]:
        return False
    dtype, device = x.dtype, x.device
    parameters = (running_mean, running_var, weight, bias)
    if dtype in HALF and any(
        isinstance(p, Tensor) and p.dtype == torch.float32 for p in parameters
    ):
        dtype = torch.float32
    for parameter in parameters:
        if parameter is not None and not (
            isinstance(parameter, Tensor)
            and parameter.dtype == dtype
            and parameter.shape == channels
            and parameter.device == device
        ):
            return False
    return running_mean is None or not (running_mean.requires_grad or running_var.requires_grad)


def _is_real(number: Any) -> bool:
    """Return whether a number is one that float64 holds."""
    return isinstance(number, float) or (isinstance(number, int) and abs(number) <= 2**53)


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """Compute a call that `takes` accepts, by torch's operations."""
    x = as_torch_lays_out(x)
    wide = x.to(_wider(x))
    if training:
        centered, mean = _centered(wide)
        var = _channel_mean(centered * centered)  # eq-batch-var
        if running_mean is not None and running_var is not None:
            m = x.numel() // x.shape[1]
            _update(running_mean, running_var, mean, var * (m / (m - 1)), momentum)
    else:
        assert running_mean is not None
        assert running_var is not None
        centered = wide - _against(wide, running_mean.detach())
        var = _against(wide, running_var.detach()).to(wide.dtype)
    y = centered * (1 / torch.sqrt(var + eps))  # eq-inv-std, eq-normalize
    if weight is not None:
        y = y * _against(wide, weight)  # eq-scale-shift
    if bias is not None:
        y = y + _against(wide, bias)
    return y.to(x.dtype)


def as_torch_lays_out(x: Tensor) -> Tensor:
    """Return x in the memory format that torch gives its result."""
    return x if x.is_contiguous() else x.contiguous(memory_format=suggest_memory_format(x))


def _wider(x: Tensor) -> torch.dtype:
    """Return the dtype to compute in: the kernels' on the CPU, which has it."""
    return torch.float64 if x.device.type == "cpu" else of_parameters(x)


def of_parameters(x: Tensor) -> torch.dtype:
    """Return the dtype of parameters and their gradients while computing: at least float32."""
    return torch.float32 if x.dtype in HALF else x.dtype


def _centered(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return x less the mean of its channel, and the mean."""
    mean = _channel_mean(x)  # eq-batch-mean
    # Far less is lost to rounding once the mean is taken off.
    centered = x - mean
    lost = _channel_mean(centered)
    return centered - lost, torch.where(torch.isfinite(lost), mean + lost, mean)


def _channel_mean(x: Tensor) -> Tensor:
    return x.mean([0, *range(2, x.ndim)], keepdim=True)


def _against(x: Tensor, channels: Tensor) -> Tensor:
    """Return one value a channel in a shape that broadcasts against `x`."""
    return channels.view(-1, *[1] * (x.ndim - 2))


def _update(
    running_mean: Tensor, running_var: Tensor, mean: Tensor, var: Tensor, momentum: float
) -> None:
    """Let torch's operator average the statistics: unseen by transforms, or refused, as in torch.

    It gets two values per channel that have this mean, then two that have this unbiased variance.
    """
    mean = mean.detach().view(-1).to(running_mean.dtype)
    away = torch.sqrt(var.detach().view(-1) / 2).to(running_var.dtype)  # eq-unbiased-var
    for values, into in (
        ((mean, mean), (running_mean, torch.zeros_like(running_var))),
        ((-away, away), (torch.zeros_like(running_mean), running_var)),
    ):
        torch.nn.functional.batch_norm(  # eq-running-average
            torch.stack(values), *into, training=True, momentum=momentum
        )
