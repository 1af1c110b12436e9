"""The function behind the modules, as torch.nn.functional has it."""

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_variadic

from bncourse.nn.engines import find


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

    What torch refuses is refused by torch itself, so errors are torch's own. `bncourse.nn.engine`
    tells what computes.

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
    call = (input, running_mean, running_var, weight, bias, training, momentum, eps)
    # Compilers and exporters keep torch's operator, which they know how to fuse.
    if torch.compiler.is_compiling():
        return torch.nn.functional.batch_norm(*call)
    tensors = call[:5]
    if has_torch_function_variadic(*tensors):
        return handle_torch_function(
            batch_norm, tensors, input, running_mean, running_var,
            weight=weight, bias=bias, training=training, momentum=momentum, eps=eps,
        )  # fmt: skip
    return find(*call).batch_norm(*call)
