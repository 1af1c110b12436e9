"""What the backward pass does to a gradient, read as geometry.

One channel of a batch is a vector of m values. Functions take rows of shape (m, C), each column
a channel of its own; `x_hat` is that of the training pass, so it is orthogonal to (1, ..., 1)
and its squared length is m * rho with rho = var / (var + eps).
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from bncourse.lab.networks import layer_outputs
from bncourse.scratch import (
    BatchNorm,
    Floats,
    Sequential,
    SoftmaxCrossEntropy,
    batch_norm_forward,
    to_rows,
)


def jacobian(x_hat: Floats, gamma: float, inv_std: float) -> Floats:
    """Return dy/dx of one channel, {eq}`eq-jacobian`.

    It is symmetric, so it is the matrix of the backward pass as well.

    Parameters
    ----------
    x_hat : array, shape (m,)
    gamma, inv_std : float

    Returns
    -------
    array, shape (m, m)
        Row i, column j: the derivative of y_i with respect to x_j.

    Examples
    --------
    >>> jacobian(np.array([-1.0, 1.0]), gamma=2.0, inv_std=0.5)
    array([[0., 0.],
           [0., 0.]])
    """
    m = len(x_hat)
    return gamma * inv_std * (np.eye(m) - 1 / m - np.outer(x_hat, x_hat) / m)  # eq-jacobian


@dataclass(frozen=True, eq=False)
class Parts:
    """A gradient as the sum of three that are orthogonal to each other.

    Attributes
    ----------
    along_one : array, shape (m, C)
        The part along (1, ..., 1): what shifts the batch.
    along_x_hat : array, shape (m, C)
        The part along x_hat: what stretches the batch about its mean.
    rest : array, shape (m, C)
    """

    along_one: Floats
    along_x_hat: Floats
    rest: Floats


def split(dy: Floats, x_hat: Floats) -> Parts:
    """Split a gradient along (1, ..., 1), along x_hat, and the rest, {eq}`eq-parts`.

    Parameters
    ----------
    dy, x_hat : arrays, shape (m, C)

    Returns
    -------
    Parts
        Where x_hat is zero, its part is zero.

    Examples
    --------
    >>> parts = split(np.array([[1.0], [2.0], [6.0]]), np.array([[-1.0], [0.0], [1.0]]))
    >>> [part[:, 0].tolist() for part in (parts.along_one, parts.along_x_hat, parts.rest)]
    [[3.0, 3.0, 3.0], [-2.5, 0.0, 2.5], [0.5, -1.0, 0.5]]
    """
    square = (x_hat**2).sum(axis=0)
    slope = np.zeros_like(square)
    np.divide((x_hat * dy).sum(axis=0), square, out=slope, where=square > 0)
    along_one = np.zeros_like(dy) + dy.mean(axis=0)  # eq-parts
    along_x_hat = slope * x_hat  # eq-parts
    return Parts(along_one, along_x_hat, dy - along_one - along_x_hat)  # eq-parts


def project(parts: Parts, rho: Floats, gamma: Floats, inv_std: Floats) -> Floats:
    """Return dL/dx from the parts of dy, {eq}`eq-projection`; exact with any eps.

    Parameters
    ----------
    parts : Parts
        Of dy.
    rho, gamma, inv_std : arrays, shape (C,)
        rho = var / (var + eps).

    Returns
    -------
    array, shape (m, C)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> dy = np.array([[1.0], [2.0], [6.0]])
    >>> project(split(dy, np.array([[-1.0], [0.0], [1.0]])), 0.5 * one, one, one)[:, 0]
    array([-0.75, -1.  ,  1.75])
    """
    kept = (1 - rho) * parts.along_x_hat + parts.rest  # eq-projection
    return gamma * inv_std * kept  # eq-projection


def grad_x_square(dy: Floats, x_hat: Floats, rho: Floats, gamma: Floats, inv_std: Floats) -> Floats:
    """Return the squared length of dL/dx of each channel, {eq}`eq-dx-square`.

    Parameters
    ----------
    dy, x_hat : arrays, shape (m, C)
    rho, gamma, inv_std : arrays, shape (C,)

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> dy, x_hat = np.array([[1.0], [2.0], [6.0]]), np.array([[-1.0], [0.0], [1.0]])
    >>> grad_x_square(dy, x_hat, one * 2 / 3, one, one).round(4)
    array([2.8889])
    """
    m = len(dy)
    shifted, stretched = dy.sum(axis=0) ** 2 / m, (x_hat * dy).sum(axis=0) ** 2 / m
    kept = (dy**2).sum(axis=0) - shifted - (2 - rho) * stretched
    # Where nothing is kept, rounding may leave less than nothing.
    return (gamma * inv_std) ** 2 * np.maximum(kept, 0)  # eq-dx-square


def removed_shares(network: Sequential, images: Floats, labels: np.ndarray) -> Floats:
    """Return which shares of the real gradients the batch normalizations of a network take off.

    Parameters
    ----------
    network : Sequential
        It stays as it is.
    images, labels : arrays
        One batch, of length N.

    Returns
    -------
    array, shape (layers, 2)
        For each batch normalization, the squared length of dy along (1, ..., 1) and along
        x_hat over that of dy, summed over channels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(BatchNorm(2))
    >>> shares = removed_shares(network, rng.normal(size=(2, 2)), np.array([0, 1]))
    >>> print(shares.sum(axis=1).round(6))
    [1.]
    """
    network = deepcopy(network).train()
    inputs = [images, *layer_outputs(network, images)]
    loss = SoftmaxCrossEntropy()
    loss.forward(inputs.pop(), labels)
    dy, shares = loss.backward(), []
    for layer, x in zip(reversed(network.layers), reversed(inputs), strict=True):
        if isinstance(layer, BatchNorm):
            channels = layer.num_features
            _, cache = batch_norm_forward(x, np.ones(channels), np.zeros(channels), eps=layer.eps)
            parts = split(to_rows(dy), cache.x_hat)
            removed = np.array([(parts.along_one**2).sum(), (parts.along_x_hat**2).sum()])
            shares.append(removed / (dy**2).sum())
        dy = layer.backward(dy)
    return np.array(shares[::-1])
