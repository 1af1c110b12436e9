"""From images to rows and back: all values of a channel in one column."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import Floats, batch, values_per_channel, wide


def to_rows(x: ArrayLike) -> Floats:
    """Lay out a batch with one row for each example and location, {eq}`eq-rows`.

    Batch normalization of (N, C, *locations) is batch normalization of these rows: that is
    what makes it obey the convolution.

    Parameters
    ----------
    x : array, shape (N, C, *locations), floating dtype
        A batch: (N, C), (N, C, L), (N, C, H, W), (N, C, D, H, W) ...

    Returns
    -------
    array, shape (m, C), float64 or wider
        m is N times the number of locations. A view of `x` where no copy is needed.

    Raises
    ------
    TypeError
        If `x` has no floating dtype.
    ValueError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> images = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    >>> to_rows(images).shape
    (32, 3)
    """
    x = batch("x", x)
    if x.ndim == 1:
        return np.empty((0, 0), wide(x.dtype))
    rows = np.moveaxis(x, 1, -1).reshape(values_per_channel(x), x.shape[1])
    return rows.astype(wide(x.dtype), copy=False)


def from_rows(rows: Floats, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
    """Put rows back into a batch; the inverse of `to_rows`.

    They are the rows of {eq}`eq-rows`.

    Parameters
    ----------
    rows : array, shape (m, C)
        One row for each example and location.
    shape : tuple of int
        The batch's shape (N, C, *locations).
    dtype : dtype
        The dtype of the result.

    Returns
    -------
    array, shape `shape`, dtype `dtype`, C-contiguous

    Examples
    --------
    >>> x = np.arange(12.0).reshape(2, 3, 2)
    >>> bool((from_rows(to_rows(x), x.shape, x.dtype) == x).all())
    True
    """
    if len(shape) == 1:
        return np.empty(shape, dtype)
    batch_last = rows.reshape(shape[0], *shape[2:], shape[1])
    return np.array(np.moveaxis(batch_last, -1, 1), dtype=dtype, order="C")
