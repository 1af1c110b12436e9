"""What computes batch normalization of which tensor: one table."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from bncourse.nn import compiled, equations


class Engine(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    name : str
    takes : function
        Whether it computes batch normalization of a tensor.
    batch_norm : function
        It takes the arguments of `bncourse.nn.equations.batch_norm`.
    """

    name: str
    takes: Callable[[Tensor], bool]
    batch_norm: Callable[..., Tensor]


# The first that takes a tensor computes; the last takes all.
ENGINES = (
    Engine("numba", compiled.takes, compiled.batch_norm),
    Engine("torch", lambda x: True, equations.batch_norm),
)


def find(x: Tensor) -> Engine:
    """Return the first row of the table that takes a tensor."""
    for row in ENGINES[:-1]:
        if row.takes(x):
            return row
    return ENGINES[-1]


def engine(tensor: Tensor) -> str:
    """Return the name of what computes batch normalization of a tensor, here and now.

    Within a transform, such as torch.compile or torch.func.vmap, it may be another one, and with
    parameters that are strided or of a subclass of Tensor it is "torch".

    Parameters
    ----------
    tensor : tensor, shape (N, C, *locations)

    Returns
    -------
    "numba" or "torch"

    Examples
    --------
    >>> import torch
    >>> engine(torch.zeros(2, 3)), engine(torch.zeros(2, 3, device="meta"))
    ('numba', 'torch')
    """
    return find(tensor).name
