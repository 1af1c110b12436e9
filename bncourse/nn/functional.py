"""The function behind the modules, as torch.nn.functional has it."""

from typing import Any

import torch
from torch import Tensor
from torch._prims_common import suggest_memory_format
from torch.overrides import handle_torch_function, has_torch_function_variadic

from bncourse.nn.engines import find
from bncourse.nn.equations import DTYPES, HALF


def batch_norm(
    input: Tensor,  # noqa: A002  torch's name
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Do what torch.nn.functional.batch_norm does, more exactly.

    What torch refuses is refused by torch itself, so errors are torch's own.

    Parameters
    ----------
    input : tensor, shape (N, C, *locations)
    running_mean, running_var : tensors, shape (C,), or None
        In training, if given, updated in place: the biased variance normalizes, the unbiased
        one is averaged. Otherwise, what normalizes.
    weight, bias : tensors, shape (C,), or None
        gamma and beta.
    training : bool, default False
        Whether the batch's own statistics normalize.
    momentum : float, default 0.1
        Weight of the batch in the running statistics.
    eps : float, default 1e-5

    Returns
    -------
    tensor, shape and dtype of `input`

    Examples
    --------
    >>> x = torch.tensor([[1e6 - 1.0], [1e6 + 1.0]])
    >>> batch_norm(x, None, None, training=True).tolist()
    [[-0.9999949932098389], [0.9999949932098389]]
    """
    # A script keeps torch's operator, which other programs know.
    if torch.jit.is_scripting():
        return torch.nn.functional.batch_norm(
            input, running_mean, running_var, weight, bias, training, momentum, eps
        )
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def _batch_norm(
    input: Tensor,  # noqa: A002
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    tensors = (input, running_mean, running_var, weight, bias)
    if has_torch_function_variadic(*tensors):
        return handle_torch_function(batch_norm, tensors, *tensors, training, momentum, eps)
    if not _usual(input, running_mean, running_var, weight, bias, training, momentum, eps):
        return torch.nn.functional.batch_norm(
            input, running_mean, running_var, weight, bias, training, momentum, eps
        )
    x = input
    if not x.is_contiguous():  # so that y lies in memory as torch's does
        x = x.contiguous(memory_format=suggest_memory_format(x))
    compute = find(x).batch_norm
    return compute(x, weight, bias, running_mean, running_var, training, momentum, eps)


def _usual(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: Any,
    momentum: Any,
    eps: Any,
) -> bool:
    """Return whether the call is one that torch would compute, and of the usual kind.

    That a small batch costs as little as may be, this asks each thing once, and first what is
    quickly told.
    """
    if not isinstance(x, Tensor) or not isinstance(training, bool):
        return False
    if not _is_real(momentum) or not _is_real(eps):
        return False
    # A trace keeps torch's operator, which other programs know.
    if torch.jit.is_tracing():
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
    dtype, parameters = x.dtype, (weight, bias, running_mean, running_var)
    if dtype in HALF and any(
        isinstance(p, Tensor) and p.dtype == torch.float32 for p in parameters
    ):
        dtype = torch.float32
    for parameter in parameters:
        if parameter is not None and not (
            isinstance(parameter, Tensor)
            and parameter.dtype == dtype
            and parameter.shape == channels
            and parameter.device == x.device
        ):
            return False
    return running_mean is None or not (running_mean.requires_grad or running_var.requires_grad)


def _is_real(number: Any) -> bool:
    """Return whether a number is one that float64 holds."""
    return isinstance(number, float) or (isinstance(number, int) and abs(number) <= 2**53)
