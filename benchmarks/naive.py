"""Batch normalization as one would first write it in NumPy."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]


def forward(
    x: Array,
    gamma: Array,
    beta: Array,
    running_mean: Array,
    running_var: Array,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, tuple[Array, Array]]:
    """Normalize by the batch's own statistics, and update the running ones in place.

    Parameters
    ----------
    x : array, shape (N, C, *locations)
    gamma, beta, running_mean, running_var : arrays, shape (C,)
    momentum, eps : float

    Returns
    -------
    y : array, shape of `x`
    kept : pair of arrays
        x_hat and inv_std, for `backward`.
    """
    axes = _all_but_channels(x)
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    m = x.size // x.shape[1]
    running_mean += momentum * (mean.ravel() - running_mean)
    running_var += momentum * (var.ravel() * m / (m - 1) - running_var)
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * inv_std
    return _column(gamma, x) * x_hat + _column(beta, x), (x_hat, inv_std)


def backward(dy: Array, gamma: Array, kept: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Return dx, dgamma and dbeta.

    Parameters
    ----------
    dy : array, shape (N, C, *locations)
    gamma : array, shape (C,)
    kept : pair of arrays
        From `forward`.
    """
    x_hat, inv_std = kept
    axes = _all_but_channels(dy)
    m = dy.size // dy.shape[1]
    dbeta = dy.sum(axis=axes, keepdims=True)
    dgamma = (dy * x_hat).sum(axis=axes, keepdims=True)
    dx = _column(gamma, dy) * inv_std / m * (m * dy - dbeta - x_hat * dgamma)
    return dx, dgamma.ravel(), dbeta.ravel()


def inference(
    x: Array,
    gamma: Array,
    beta: Array,
    running_mean: Array,
    running_var: Array,
    eps: float = 1e-5,
) -> Array:
    """Normalize by the running statistics.

    Parameters
    ----------
    x : array, shape (N, C, *locations)
    gamma, beta, running_mean, running_var : arrays, shape (C,)
    eps : float

    Returns
    -------
    array, shape of `x`
    """
    inv_std = 1 / np.sqrt(_column(running_var, x) + eps)
    x_hat = (x - _column(running_mean, x)) * inv_std
    return _column(gamma, x) * x_hat + _column(beta, x)


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _column(channels: Array, x: Array) -> Array:
    """Return one value a channel in a shape that broadcasts against `x`."""
    return channels.reshape(-1, *[1] * (x.ndim - 2))
