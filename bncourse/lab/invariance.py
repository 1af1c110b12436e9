"""What the scale of the weights before a batch normalization does: to x_hat, and to gradients.

One unit of a linear layer gives x = u @ w for the rows u of the layer's input; batch
normalization with the statistics of the batch makes it x_hat, and y = gamma * x_hat + beta.
"""

from copy import deepcopy
from itertools import pairwise

import numpy as np

from bncourse.lab.adaptation import equivalent_eps
from bncourse.scratch import BatchNorm, Floats, Linear, Sequential


def scale_factor(var: Floats, eps: float, alpha: float) -> Floats:
    """Return what x_hat is multiplied by, against eps = 0 and alpha = 1, {eq}`eq-scale-factor`.

    Parameters
    ----------
    var : array, shape (C,)
        The variances before the weights are multiplied; above zero.
    eps : float
        Zero or positive.
    alpha : float
        What the weights are multiplied by; not zero.

    Returns
    -------
    array, shape (C,)
        Between -1 and 1; the sign is that of `alpha`.

    Raises
    ------
    ValueError
        If `alpha` is zero.

    Examples
    --------
    >>> scale_factor(np.array([3.0]), eps=4.0, alpha=-2.0).round(4)
    array([-0.866])
    """
    return np.sign(alpha) * np.sqrt(var / (var + equivalent_eps(eps, alpha)))  # eq-scale-factor


def input_jacobian(jacobian: Floats, w: Floats) -> Floats:
    """Return the derivatives of one unit's outputs by the layer's input, {eq}`eq-input-jacobian`.

    Parameters
    ----------
    jacobian : array, shape (N, N)
        dy/dx, as `bncourse.lab.geometry.jacobian` returns it.
    w : array, shape (fan_in,)
        The unit's weights.

    Returns
    -------
    array, shape (N, N, fan_in)
        Entry (i, j, k): the derivative of y_i by input k of example j.

    Examples
    --------
    >>> input_jacobian(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([2.0, 3.0]))[0]
    array([[ 2.,  3.],
           [-2., -3.]])
    """
    return jacobian[:, :, None] * w  # eq-input-jacobian


def weight_jacobian(jacobian: Floats, u: Floats) -> Floats:
    """Return the derivatives of one unit's outputs by its weights, {eq}`eq-weight-jacobian`.

    Parameters
    ----------
    jacobian : array, shape (N, N)
        dy/dx, as `bncourse.lab.geometry.jacobian` returns it.
    u : array, shape (N, fan_in)
        The layer's input.

    Returns
    -------
    array, shape (N, fan_in)
        Entry (i, k): the derivative of y_i by weight k.

    Examples
    --------
    >>> weight_jacobian(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[2.0, 3.0], [1.0, 5.0]]))
    array([[ 1., -2.],
           [-1.,  2.]])
    """
    return jacobian @ u  # eq-weight-jacobian


def weight_dot(gamma: Floats, dgamma: Floats, rho: Floats) -> Floats:
    """Return the inner product of each unit's weights and their gradient, {eq}`eq-weight-dot`.

    Parameters
    ----------
    gamma, dgamma : arrays, shape (C,)
    rho : array, shape (C,)
        var / (var + eps).

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> weight_dot(np.array([2.0]), np.array([3.0]), np.array([0.75]))
    array([1.5])
    """
    return (1 - rho) * gamma * dgamma  # eq-weight-dot


def normalized_layers(network: Sequential) -> list[tuple[Linear, BatchNorm]]:
    """Return the linear layers of a network that a batch normalization follows, with it.

    Parameters
    ----------
    network : Sequential

    Returns
    -------
    list of pairs
        The network's own layers, no copies.

    Examples
    --------
    >>> len(normalized_layers(Sequential(Linear(4, 3), BatchNorm(3), Linear(3, 2))))
    1
    """
    return [
        (layer, norm)
        for layer, norm in pairwise(network.layers)
        if isinstance(layer, Linear) and isinstance(norm, BatchNorm)
    ]


def with_scaled_weights(network: Sequential, *alphas: float | Floats) -> Sequential:
    """Return a copy of a network whose weights before batch normalizations are multiplied.

    Parameters
    ----------
    network : Sequential
        It stays as it is.
    *alphas : float or array, shape (fan_out,)
        One for all these layers, or one for each; an array has a number for each unit. Biases
        and all other parameters stay.

    Returns
    -------
    Sequential
        In the network's mode.

    Raises
    ------
    ValueError
        If there are neither one `alpha` nor as many as layers.

    Examples
    --------
    >>> network = Sequential(Linear(4, 3), BatchNorm(3))
    >>> doubled = with_scaled_weights(network, 2.0)
    >>> np.array_equal(doubled.layers[0].weight, 2 * network.layers[0].weight)
    True
    """
    scaled = deepcopy(network)
    layers = [linear for linear, _ in normalized_layers(scaled)]
    if len(alphas) not in (1, len(layers)):
        raise ValueError(f"alphas: want 1 or {len(layers)} of them, got {len(alphas)}")
    for linear, alpha in zip(layers, alphas * len(layers), strict=False):
        linear.weight *= np.reshape(alpha, (-1, 1))
    return scaled
