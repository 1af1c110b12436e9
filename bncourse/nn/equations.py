"""The equations in torch's operations: on any device, for any dtype, and differentiable at will."""

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)
DTYPES = (*HALF, torch.float32, torch.float64)


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
    """Normalize, scale and shift; in training also update the running statistics in place.

    Parameters
    ----------
    x : tensor, shape (N, C, *locations)
    weight, bias, running_mean, running_var : tensors, shape (C,), or None
    training : bool
    momentum, eps : float

    Returns
    -------
    tensor, shape and dtype of `x`
    """
    wide = x.to(_wider(x))
    if training:
        centered, mean = _centered(wide)
        var = _channel_mean(centered * centered)  # eq-batch-var
        if running_mean is not None and running_var is not None:
            m = x.numel() // x.shape[1]
            _update(running_mean, mean, momentum)
            _update(running_var, var * (m / (m - 1)), momentum)  # eq-unbiased-var
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


def _update(running: Tensor, value: Tensor, momentum: float) -> None:
    value = value.detach().view(-1)
    running.copy_((1 - momentum) * running.detach() + momentum * value)  # eq-running-average
