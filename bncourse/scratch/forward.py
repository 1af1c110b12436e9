"""The forward pass: one function for each equation of the chapter on it.

The functions of single equations take rows of shape (m, C), see `to_rows`; the two that
compute a whole pass take a batch of shape (N, C, *locations).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import (
    Floats,
    batch,
    enough_to_normalize,
    eps_for_inference,
    eps_for_training,
    ieee,
    per_channel,
)
from bncourse.scratch.rows import from_rows, to_rows


@dataclass(frozen=True, eq=False)
class Cache:
    """What the forward pass keeps for the backward pass.

    Attributes
    ----------
    centered, x_hat : arrays, shape (m, C), float64 or wider
        The rows less their mean, and the normalized rows.
    mean, var, inv_std, gamma : arrays, shape (C,), float64 or wider
        The batch's mean and biased variance, 1/sqrt(var + eps), and the scale.
    eps : float
        What is added to the variance.
    shape : tuple of int
        The shape of x.
    dtype : dtype
        The dtype of x, and so of all results.
    """

    centered: Floats
    x_hat: Floats
    mean: Floats
    var: Floats
    inv_std: Floats
    gamma: Floats
    eps: float
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def batch_mean(x: Floats) -> Floats:
    """Return the mean of each channel, {eq}`eq-batch-mean`.

    Parameters
    ----------
    x : array, shape (m, C), float64

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> batch_mean(np.array([[1.0, 10.0], [3.0, 30.0]]))
    array([ 2., 20.])
    """
    mean = x.sum(axis=0) / len(x)  # eq-batch-mean
    # Far less is lost to rounding once the mean is taken off.
    lost = (x - mean).sum(axis=0) / len(x)
    return np.where(np.isfinite(mean), mean + lost, mean)


def batch_var(x: Floats, mean: Floats) -> Floats:
    """Return the biased variance of each channel, {eq}`eq-batch-var`.

    Parameters
    ----------
    x : array, shape (m, C), float64
    mean : array, shape (C,)
        The channels' means, `batch_mean(x)`.

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> batch_var(x, batch_mean(x))
    array([  1., 100.])
    """
    return ((x - mean) ** 2).sum(axis=0) / len(x)  # eq-batch-var


def inverse_std(var: Floats, eps: float) -> Floats:
    """Return one over the standard deviation, eps inside the root, {eq}`eq-inv-std`.

    Parameters
    ----------
    var : array, shape (C,)
    eps : float

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> inverse_std(np.array([3.0]), eps=1.0)
    array([0.5])
    """
    return 1 / np.sqrt(var + eps)  # eq-inv-std


def normalize(x: Floats, mean: Floats, inv_std: Floats) -> Floats:
    """Return the normalized rows, {eq}`eq-normalize`.

    Parameters
    ----------
    x : array, shape (m, C)
    mean, inv_std : arrays, shape (C,)

    Returns
    -------
    array, shape (m, C)

    Examples
    --------
    >>> normalize(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([0.5]))
    array([[-0.5],
           [ 0.5]])
    """
    return (x - mean) * inv_std  # eq-normalize


def scale_shift(x_hat: Floats, gamma: Floats, beta: Floats) -> Floats:
    """Return the layer's output, {eq}`eq-scale-shift`.

    Parameters
    ----------
    x_hat : array, shape (m, C)
    gamma, beta : arrays, shape (C,)

    Returns
    -------
    array, shape (m, C)

    Examples
    --------
    >>> scale_shift(np.array([[-1.0], [1.0]]), np.array([2.0]), np.array([5.0]))
    array([[3.],
           [7.]])
    """
    return gamma * x_hat + beta  # eq-scale-shift


def output_var(var: Floats, gamma: Floats, eps: float) -> Floats:
    """Return the biased variance of the layer's output, {eq}`eq-output-var`.

    It is rho * gamma**2 with rho = var / (var + eps), and so a little below gamma**2.

    Parameters
    ----------
    var, gamma : arrays, shape (C,)
    eps : float

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> output_var(np.array([3.0]), np.array([2.0]), eps=1.0)
    array([3.])
    """
    rho = var / (var + eps)
    return rho * gamma**2  # eq-output-var


def identity_parameters(
    mean: Floats,
    var: Floats,
    eps: float,
) -> tuple[Floats, Floats]:
    """Return the gamma and beta that undo the normalization, {eq}`eq-identity`.

    They do so for the batch with this mean and variance, and in the forward pass only.

    Parameters
    ----------
    mean, var : arrays, shape (C,)
        The statistics of the batch.
    eps : float

    Returns
    -------
    gamma, beta : arrays, shape (C,)

    Examples
    --------
    >>> identity_parameters(np.array([7.0]), np.array([3.0]), eps=1.0)
    (array([2.]), array([7.]))
    """
    return np.sqrt(var + eps), mean.copy()  # eq-identity


@ieee
def batch_norm_forward(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, *, eps: float = 1e-5
) -> tuple[Floats, Cache]:
    """Normalize a batch by its own statistics, then scale and shift it (training mode).

    The lines are {eq}`eq-batch-mean`, {eq}`eq-batch-var`, {eq}`eq-inv-std`,
    {eq}`eq-normalize` and {eq}`eq-scale-shift`, computed in float64 or wider.

    Parameters
    ----------
    x : array, shape (N, C, *locations), floating dtype
        The batch; it is not modified.
    gamma, beta : arrays, shape (C,), floating dtype
        Scale and shift.
    eps : float, default 1e-5
        Positive; added to the variance, in the square of x's unit.

    Returns
    -------
    y : array, shape and dtype of `x`
    cache : Cache
        What `batch_norm_backward` needs.

    Raises
    ------
    TypeError
        If a dtype is not floating.
    ValueError
        If `x` has fewer than two axes or one value a channel, gamma or beta another shape
        than (C,), or eps is not positive.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, Algorithm 1.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> y, cache = batch_norm_forward(x, np.ones(2), np.zeros(2))
    >>> y.round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    x = batch("x", x)
    gamma, beta = per_channel("gamma", gamma, x), per_channel("beta", beta, x)
    eps_for_training(eps)
    enough_to_normalize(x)

    rows = to_rows(x) if x.ndim > 1 else np.empty((0, gamma.size))
    mean = batch_mean(rows)  # eq-batch-mean
    var = batch_var(rows, mean)  # eq-batch-var
    inv_std = inverse_std(var, eps)  # eq-inv-std
    x_hat = normalize(rows, mean, inv_std)  # eq-normalize
    y = scale_shift(x_hat, gamma, beta)  # eq-scale-shift

    centered = rows - mean
    cache = Cache(centered, x_hat, mean, var, inv_std, gamma, eps, x.shape, x.dtype)
    return from_rows(y, x.shape, x.dtype), cache


@ieee
def batch_norm_inference(
    x: ArrayLike,
    mean: ArrayLike,
    var: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    *,
    eps: float = 1e-5,
) -> Floats:
    """Normalize by statistics that are given, {eq}`eq-inference` (evaluation mode).

    Each example is treated alone: the result does not depend on the rest of the batch.

    Parameters
    ----------
    x : array, shape (N, C, *locations), floating dtype
        The batch; one value a channel is enough.
    mean, var : arrays, shape (C,), floating dtype
        Population statistics, or running averages.
    gamma, beta : arrays, shape (C,), floating dtype
        Scale and shift.
    eps : float, default 1e-5
        Zero or positive.

    Returns
    -------
    array, shape and dtype of `x`

    Raises
    ------
    TypeError
        If a dtype is not floating.
    ValueError
        If `x` has fewer than two axes, another argument a shape other than (C,), or eps is
        negative.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, Algorithm 2, step 11.

    Examples
    --------
    >>> one = np.ones(1)
    >>> batch_norm_inference(np.array([[5.0]]), one, 4 * one, one, one, eps=0.0)
    array([[3.]])
    """
    x = batch("x", x)
    mean, var = per_channel("mean", mean, x), per_channel("var", var, x)
    gamma, beta = per_channel("gamma", gamma, x), per_channel("beta", beta, x)
    eps_for_inference(eps)
    if x.ndim == 1:
        return x.copy()
    x_hat = normalize(to_rows(x), mean, inverse_std(var, eps))  # eq-normalize
    y = scale_shift(x_hat, gamma, beta)  # eq-inference
    return from_rows(y, x.shape, x.dtype)
