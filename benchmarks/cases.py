"""What is timed: shapes, layouts, passes, and the least that each pass has to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeAlias

import torch
from torch import Tensor

Shape: TypeAlias = tuple[int, ...]

SHAPES: tuple[Shape, ...] = (
    (256, 1024),
    (8192, 512),
    (32, 64, 56, 56),
    (64, 256, 14, 14),
    (16, 3, 224, 224),
)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
CONTIGUOUS, CHANNELS_LAST = "contiguous", "channels_last"
PASSES = ("forward", "backward", "inference")

# Tensors that have to be read or written once: x and y; x, dy and dx; x and y.
TENSORS = {"forward": 2, "backward": 3, "inference": 2}
# Additions, subtractions and multiplications a value, where a factor or a term of a whole channel
# is one number:
# forward: x for the mean (1); x - mean, its square and its sum for the variance (3); x_hat (1,
#   for x - mean is there), gamma and beta (2);
# backward: the sum of dy (1); x_hat (2); dy * x_hat and its sum (2);
#   scale * (dy - dbeta/m - x_hat * dgamma/m) (4);
# inference: x - mean, inv_std, gamma, beta (4).
FLOPS = {"forward": 7, "backward": 9, "inference": 4}


@dataclass(frozen=True)
class Setting:
    """One batch and the threads that work on it.

    Attributes
    ----------
    shape : tuple of int
        (N, C, *locations).
    layout : str
        "contiguous" or "channels_last".
    dtype : str
        "float32" or "float64".
    threads : int
        Of torch, and so of `bncourse.nn`; NumPy has one.
    """

    shape: Shape
    layout: str
    dtype: str
    threads: int

    @property
    def elements(self) -> int:
        """How many values x has."""
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return DTYPES[self.dtype].itemsize


def settings(
    shapes: Iterable[Shape], dtypes: Iterable[str], threads: Iterable[int]
) -> list[Setting]:
    """Return all settings, grouped by dtype and threads; images come in both layouts.

    Parameters
    ----------
    shapes : iterable of tuple
    dtypes : iterable of str
    threads : iterable of int

    Returns
    -------
    list of Setting

    Examples
    --------
    >>> [one.layout for one in settings([(4, 3), (2, 3, 5, 5)], ["float32"], [1])]
    ['contiguous', 'contiguous', 'channels_last']
    """
    shapes = list(shapes)
    ways = [(shape, CONTIGUOUS) for shape in shapes]
    ways += [(shape, CHANNELS_LAST) for shape in shapes if len(shape) == 4]
    return [
        Setting(shape, layout, dtype, count)
        for dtype, count, (shape, layout) in product(dtypes, threads, ways)
    ]


@dataclass(frozen=True, eq=False)
class Batch:
    """What every contender gets; those in NumPy see the same memory.

    Attributes
    ----------
    x, dy : tensors, shape (N, C, *locations)
    gamma, beta, running_mean, running_var : tensors, shape (C,)
    """

    x: Tensor
    dy: Tensor
    gamma: Tensor
    beta: Tensor
    running_mean: Tensor
    running_var: Tensor


def make_batch(setting: Setting) -> Batch:
    """Return random numbers in the setting's shape, layout and dtype."""
    random = torch.Generator().manual_seed(0)
    dtype = DTYPES[setting.dtype]
    last = setting.layout == CHANNELS_LAST
    order = torch.channels_last if last else torch.contiguous_format

    def normal(shape: Shape) -> Tensor:
        return torch.randn(shape, generator=random, dtype=dtype)

    channels = setting.shape[1:2]
    return Batch(
        x=(1.5 * normal(setting.shape) + 0.5).contiguous(memory_format=order),
        dy=normal(setting.shape).contiguous(memory_format=order),
        gamma=1 + 0.2 * normal(channels),
        beta=normal(channels),
        running_mean=0.5 * normal(channels),
        running_var=1 + normal(channels) ** 2,
    )
