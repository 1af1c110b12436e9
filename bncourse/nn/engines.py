"""What computes batch normalization of which call: one table."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from bncourse.nn import compiled, equations


class Engine(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    name : str
    takes : function
        Whether it computes a call, of which it gets all arguments in order.
    batch_norm : function
        It takes the arguments of torch.nn.functional.batch_norm.
    """

    name: str
    takes: Callable[..., bool]
    batch_norm: Callable[..., Tensor]


# The first that takes a call computes it; the last takes all.
ENGINES = (
    Engine("numba", compiled.takes, compiled.batch_norm),
    Engine("equations", equations.takes, equations.batch_norm),
    Engine("torch", lambda *call: True, torch.nn.functional.batch_norm),
)


def find(*call: object) -> Engine:
    """Return the first row of the table that takes a call."""
    for row in ENGINES:
        if row.takes(*call):
            return row
    raise AssertionError("the last row takes all")


def engine(tensor: Tensor) -> str:
    """Return the name of what computes batch normalization of a tensor, here and now.

    "numba" stands for the compiled kernels of `bncourse.kernels.cpu`. "torch" stands for PyTorch's
    own operator, with its speed and its exactness: where Numba is missing, on other devices, and
    wherever a mode looks on. "equations" stands for the same equations in PyTorch's operations,
    which transforms of torch.func differentiate rightly in training.

    Parameters
    ----------
    tensor : tensor, shape (N, C, *locations)

    Returns
    -------
    "numba", "equations" or "torch"

    Examples
    --------
    >>> import torch
    >>> engine(torch.zeros(2, 3)), engine(torch.zeros(2, 3, device="meta"))
    ('numba', 'torch')
    """
    if torch.compiler.is_compiling() or tensor.ndim < 2:
        return ENGINES[-1].name
    statistic = tensor.new_zeros(tensor.shape[1])
    trains = tensor.numel() > tensor.shape[1]
    return find(tensor, statistic, statistic, None, None, trains, 0.1, 1e-5).name
