"""Gradients by central differences: slow, and independent of every backward pass."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import Floats, floating, like


def central_difference(
    function: Callable[[Floats], ArrayLike], at: ArrayLike, dy: ArrayLike, *, h: float
) -> Floats:
    """Return the gradient of sum(dy * function(at)) by central differences, {eq}`eq-central`.

    The error has two parts: truncation, of order h**2, and rounding, of order 1e-16 / h; h
    about 1e-5 times the scale on which the function changes makes both small in float64. Take
    a random `dy`: with ones the true gradient of batch normalization is zero, and so is that
    of most wrong backward passes.

    Parameters
    ----------
    function : callable
        From an array of the shape of `at` to one of the shape of `dy`.
    at : array, floating dtype
        Where the gradient is wanted; not modified. It is taken in float64.
    dy : array, floating dtype
        The weights of the outputs.
    h : float
        Half the distance of the two points, in the unit of `at`; positive.

    Returns
    -------
    array, shape of `at`, float64

    Raises
    ------
    TypeError
        If a dtype is not floating.
    ValueError
        If h is not positive, or the function's result has another shape than `dy`.

    Examples
    --------
    >>> central_difference(lambda x: x**2, np.array([3.0]), np.array([1.0]), h=1e-5).round(6)
    array([6.])
    """
    if not h > 0:
        raise ValueError(f"h: want a positive number, got {h}")
    at = floating("at", at).astype(np.float64)
    dy = floating("dy", dy).astype(np.float64)
    grad = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        forth, back = at.copy(), at.copy()
        forth[i] += h
        back[i] -= h
        # A copy, in case the function hands out the same array each time.
        above = like("function", function(forth), dy.shape).copy()
        difference = above - like("function", function(back), dy.shape)
        # What the points really differ by: h itself is rounded when it is added.
        grad[i] = (dy * difference).sum() / (forth[i] - back[i])  # eq-central
    return grad
