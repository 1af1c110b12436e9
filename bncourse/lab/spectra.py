"""Singular values of Jacobians: of batch normalization alone, and of a layer that ends in it.

A linear map's weight has shape (fan_out, fan_in), and a Jacobian the same: row i, column j is
the derivative of output i with respect to input j.
"""

from copy import deepcopy
from itertools import pairwise

import numpy as np

from bncourse.lab.geometry import jacobian
from bncourse.lab.networks import layer_outputs
from bncourse.scratch import (
    BatchNorm,
    Floats,
    Linear,
    Sequential,
    batch_mean,
    batch_var,
    inverse_std,
    normalize,
)


def norm_singular_values(m: int, var: float, gamma: float, eps: float) -> Floats:
    """Return the singular values of one channel's Jacobian, {eq}`eq-norm-spectrum`.

    Parameters
    ----------
    m : int
        Values in the batch.
    var : float
        The batch's biased variance.
    gamma : float
    eps : float

    Returns
    -------
    array, shape (m,)
        In falling order.

    Raises
    ------
    ValueError
        If `m` is below 2, or `var + eps` is not positive.

    Examples
    --------
    >>> norm_singular_values(4, var=3.0, gamma=-2.0, eps=1.0)
    array([1.  , 1.  , 0.25, 0.  ])
    """
    if m < 2:
        raise ValueError(f"m: want at least 2 values, got {m}")
    if not var + eps > 0:
        raise ValueError(f"eps: want var + eps above 0, got {var:g} + {eps:g}")
    s = np.sqrt(var + eps)
    return np.abs(gamma) * np.array([1 / s] * (m - 2) + [eps / s**3, 0.0])  # eq-norm-spectrum


def layer_jacobian(weight: Floats, gamma: Floats, inv_std: Floats) -> Floats:
    """Return dy/du of a linear layer with fixed statistics after it, {eq}`eq-layer-jacobian`.

    Parameters
    ----------
    weight : array, shape (fan_out, fan_in)
    gamma, inv_std : arrays, shape (fan_out,)

    Returns
    -------
    array, shape (fan_out, fan_in)

    Examples
    --------
    >>> layer_jacobian(np.array([[1.0, 2.0]]), gamma=np.array([3.0]), inv_std=np.array([0.5]))
    array([[1.5, 3. ]])
    """
    return (gamma * inv_std)[:, None] * weight  # eq-layer-jacobian


def population_var(weight: Floats, cov: Floats) -> Floats:
    """Return the variances of the units x = W u + b, {eq}`eq-population-var`.

    Parameters
    ----------
    weight : array, shape (fan_out, fan_in)
    cov : array, shape (fan_in, fan_in)
        Covariance of u.

    Returns
    -------
    array, shape (fan_out,)

    Examples
    --------
    >>> population_var(np.array([[1.0, -1.0]]), np.array([[2.0, 0.5], [0.5, 1.0]]))
    array([2.])
    """
    return ((weight @ cov) * weight).sum(axis=1)  # eq-population-var


def rms_singular(fan_out: int, fan_in: int) -> float:
    """Return the root mean square of the singular values for white input, {eq}`eq-rms-singular`.

    Of the min(fan_out, fan_in) singular values of any matrix whose rows have length one.

    Parameters
    ----------
    fan_out, fan_in : int

    Returns
    -------
    float

    Examples
    --------
    >>> rms_singular(256, 64), rms_singular(64, 256)
    (2.0, 1.0)
    """
    return float(np.sqrt(fan_out / min(fan_out, fan_in)))  # eq-rms-singular


def jacobian_square(weight: Floats, cov: Floats) -> float:
    """Return the sum of the squared singular values for any input, {eq}`eq-jacobian-square`.

    Of the Jacobian of a linear layer and batch normalization with the statistics of the
    population, eps = 0 and gamma = 1.

    Parameters
    ----------
    weight : array, shape (fan_out, fan_in)
        No unit may be constant.
    cov : array, shape (fan_in, fan_in)
        Covariance of the input.

    Returns
    -------
    float

    Examples
    --------
    >>> jacobian_square(np.array([[2.0, 0.0], [0.0, 1.0]]), np.diag([4.0, 0.5]))
    2.25
    """
    return float(
        ((weight**2).sum(axis=1) / population_var(weight, cov)).sum()
    )  # eq-jacobian-square


def singular_density(values: Floats, fan_out: int, fan_in: int) -> Floats:
    """Return the density of the singular values of large Gaussian maps, {eq}`eq-singular-density`.

    Of the min(fan_out, fan_in) singular values of a matrix with independent entries of variance
    1/fan_in, in the limit of large sizes with a fixed ratio.

    Parameters
    ----------
    values : array
        Where to take it; positive.
    fan_out, fan_in : int

    Returns
    -------
    array, shape of `values`

    Raises
    ------
    ValueError
        If a value is not positive.

    References
    ----------
    Marchenko and Pastur (1967), Distribution of Eigenvalues for Some Sets of Random Matrices.

    Examples
    --------
    >>> singular_density(np.array([1.0, 2.5]), 256, 256).round(4)
    array([0.5513, 0.    ])
    """
    if not (values > 0).all():
        raise ValueError(f"values: want positive ones, got {values.min():g}")
    q = fan_out / fan_in
    low, high = (1 - np.sqrt(q)) ** 2, (1 + np.sqrt(q)) ** 2
    root = np.sqrt(np.maximum((high - values**2) * (values**2 - low), 0))
    return root / (np.pi * min(q, 1) * values)  # eq-singular-density


def whitened_jacobian(weight: Floats, cov: Floats) -> Floats:
    """Return dy/du of a linear layer and whitening after it, {eq}`eq-whitened-jacobian`.

    With the statistics of the population and eps = 0; the whitening matrix is the symmetric one.

    Parameters
    ----------
    weight : array, shape (fan_out, fan_in)
    cov : array, shape (fan_in, fan_in)
        Covariance of the input.

    Returns
    -------
    array, shape (fan_out, fan_in)

    Raises
    ------
    ValueError
        If the covariance of the outputs has no full rank.

    Examples
    --------
    >>> whitened_jacobian(np.array([[2.0, 0.0], [0.0, 3.0]]), np.eye(2)).round(4) + 0.0
    array([[1., 0.],
           [0., 1.]])
    """
    values, vectors = np.linalg.eigh(weight @ cov @ weight.T)
    if not values[0] > values[-1] * len(values) * np.finfo(values.dtype).eps:
        raise ValueError("weight: want outputs with a covariance of full rank, got one without")
    return vectors / np.sqrt(values) @ vectors.T @ weight  # eq-whitened-jacobian


def batch_jacobian(u: Floats, weight: Floats, gamma: Floats, eps: float) -> Floats:
    """Return dy/du of a linear layer and batch normalization, {eq}`eq-batch-jacobian`.

    In training: every example acts on every other one through the statistics.

    Parameters
    ----------
    u : array, shape (N, fan_in)
    weight : array, shape (fan_out, fan_in)
    gamma : array, shape (fan_out,)
    eps : float

    Returns
    -------
    array, shape (N, fan_out, N, fan_in)
        Entry (i, c, j, k): the derivative of y_ic with respect to u_jk.

    Examples
    --------
    >>> u = np.array([[0.0], [1.0], [5.0]])
    >>> batch_jacobian(u, np.array([[2.0]]), gamma=np.ones(1), eps=1e-5)[:, 0, :, 0].round(3)
    array([[ 0.176, -0.22 ,  0.044],
           [-0.22 ,  0.276, -0.055],
           [ 0.044, -0.055,  0.011]])
    """
    x = u @ weight.T
    mean = batch_mean(x)
    inv_std = inverse_std(batch_var(x, mean), eps)
    x_hat = normalize(x, mean, inv_std)
    columns = zip(x_hat.T, gamma, inv_std, strict=True)
    norms = np.stack([jacobian(*column) for column in columns])  # (fan_out, N, N)
    return np.einsum("cij,ck->icjk", norms, weight)  # eq-batch-jacobian


def network_jacobians(network: Sequential, images: Floats) -> list[Floats]:
    """Return the Jacobian of each linear layer with its batch normalization.

    As for one example, with the statistics of these images held fixed.

    Parameters
    ----------
    network : Sequential
        It stays as it is.
    images : array
        What the network takes.

    Returns
    -------
    list of arrays, shape (fan_out, fan_in)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(Linear(2, 3, rng=rng), BatchNorm(3))
    >>> [J.shape for J in network_jacobians(network, rng.normal(size=(5, 2)))]
    [(3, 2)]
    """
    network = deepcopy(network).train()
    outputs = layer_outputs(network, images)
    found = []
    for (before, after), x in zip(pairwise(network.layers), outputs, strict=False):
        if isinstance(before, Linear) and isinstance(after, BatchNorm):
            inv_std = inverse_std(batch_var(x, batch_mean(x)), after.eps)
            gamma = np.ones_like(inv_std) if after.gamma is None else after.gamma
            found.append(layer_jacobian(before.weight, gamma, inv_std))
    return found
