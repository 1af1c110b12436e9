"""The networks of the chapters, and what happens inside them."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch import (
    BatchNorm,
    Flatten,
    Floats,
    Layer,
    Linear,
    Sequential,
    Sigmoid,
)


def mnist_mlp(rng: np.random.Generator, *, batch_norm: bool, hidden: int = 3) -> Sequential:
    """Build the network of the paper's MNIST experiment: sigmoid layers of 100 units.

    Parameters
    ----------
    rng : numpy Generator
        Draws the weights: normal, standard deviation 0.1; biases are zero.
    batch_norm : bool
        Whether a batch normalization stands between each hidden linear layer and its sigmoid.
    hidden : int, default 3
        Number of hidden layers.

    Returns
    -------
    Sequential
        From images, shape (N, 28, 28), to logits, shape (N, 10).

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, section 4.1, which says "small random
    Gaussian" weights without their size.

    Examples
    --------
    >>> len(mnist_mlp(np.random.default_rng(0), batch_norm=True).layers)
    11
    """

    def norms(units: int) -> list[Layer]:
        return [BatchNorm(units)] if batch_norm else []

    return mlp(rng, hidden=hidden, std=0.1, activation=Sigmoid, norms=norms)


def mlp(
    rng: np.random.Generator,
    *,
    hidden: int,
    std: float | None,
    activation: Callable[[], Layer],
    norms: Callable[[int], list[Layer]],
) -> Sequential:
    """Build a network of hidden layers of 100 units for MNIST.

    Parameters
    ----------
    rng : numpy Generator
        Draws the weights, normal; biases are zero.
    hidden : int
        Number of hidden layers.
    std : float or None
        As that of `gaussian_linear`.
    activation : class of layer
        As Sigmoid or ReLU.
    norms : function
        Returns for a number of units the layers that stand before each activation, or none.

    Returns
    -------
    Sequential
        From images, shape (N, 28, 28), to logits, shape (N, 10).

    Examples
    --------
    >>> from bncourse.scratch import ReLU
    >>> rng, normalize = np.random.default_rng(0), lambda units: [BatchNorm(units)]
    >>> network = mlp(rng, hidden=1, std=None, activation=ReLU, norms=normalize)
    >>> [type(layer).__name__ for layer in network.layers]
    ['Flatten', 'Linear', 'BatchNorm', 'ReLU', 'Linear']
    """
    layers: list[Layer] = [Flatten()]
    sizes = [784] + [100] * hidden
    for fan_in, fan_out in pairwise(sizes):
        layers += [gaussian_linear(fan_in, fan_out, std, rng), *norms(fan_out), activation()]
    layers.append(gaussian_linear(sizes[-1], 10, std, rng))
    return Sequential(*layers)


def gaussian_linear(
    fan_in: int, fan_out: int, std: float | None, rng: np.random.Generator, *, bias: bool = True
) -> Linear:
    """Return a linear layer with normal weights, and a bias of zero.

    Parameters
    ----------
    fan_in, fan_out : int
        Lengths of a row of the input and of the output.
    std : float or None
        Standard deviation of the weights; None for sqrt(2/fan_in), He's choice for ReLU.
    rng : numpy Generator
        Draws the weights.
    bias : bool, default True
        Whether there is a bias.

    Returns
    -------
    Linear

    References
    ----------
    He et al. (2015), Delving Deep into Rectifiers, section 2.2.

    Examples
    --------
    >>> layer = gaussian_linear(500, 100, None, np.random.default_rng(0))
    >>> round(float(layer.weight.std()), 3)
    0.063
    """
    layer = Linear(fan_in, fan_out, bias, rng=rng)
    std = np.sqrt(2 / fan_in) if std is None else std
    layer.weight[...] = rng.normal(0, std, layer.weight.shape)
    if layer.bias is not None:
        layer.bias[...] = 0
    return layer


def layer_outputs(network: Sequential, x: ArrayLike) -> list[Floats]:
    """Return the output of each layer of a network for one batch, in order.

    Parameters
    ----------
    network : Sequential
        In its own mode; in training mode its running statistics are updated.
    x : array, floating dtype
        What the network takes.

    Returns
    -------
    list of arrays

    Examples
    --------
    >>> network = Sequential(Flatten(), Sigmoid())
    >>> [y.shape for y in layer_outputs(network, np.zeros((5, 2, 3)))]
    [(5, 6), (5, 6)]
    """
    outputs = []
    y = np.asarray(x)
    for layer in network.layers:
        y = layer.forward(y)
        outputs.append(y)
    return outputs


def sigmoid_inputs(network: Sequential, x: ArrayLike) -> list[Floats]:
    """Return what each sigmoid of a network is given for one batch, in order.

    Parameters
    ----------
    network : Sequential
        In its own mode; in training mode its running statistics are updated.
    x : array, floating dtype
        What the network takes.

    Returns
    -------
    list of arrays

    Examples
    --------
    >>> network = mnist_mlp(np.random.default_rng(0), batch_norm=True)
    >>> [u.shape for u in sigmoid_inputs(network, np.zeros((60, 28, 28)))]
    [(60, 100), (60, 100), (60, 100)]
    """
    return _inputs_of(Sigmoid, network, x)


def norm_inputs(network: Sequential, x: ArrayLike) -> list[Floats]:
    """Return what each batch normalization of a network is given for one batch, in order.

    Parameters
    ----------
    network : Sequential
        In its own mode; in training mode its running statistics are updated.
    x : array, floating dtype
        What the network takes.

    Returns
    -------
    list of arrays

    Examples
    --------
    >>> network = mnist_mlp(np.random.default_rng(0), batch_norm=True)
    >>> [u.shape for u in norm_inputs(network, np.zeros((60, 28, 28)))]
    [(60, 100), (60, 100), (60, 100)]
    """
    return _inputs_of(BatchNorm, network, x)


def _inputs_of(kind: type[Layer], network: Sequential, x: ArrayLike) -> list[Floats]:
    """Return what each layer of one kind is given."""
    inputs = [np.asarray(x), *layer_outputs(network, x)]
    pairs = zip(inputs[:-1], network.layers, strict=True)
    return [given for given, layer in pairs if isinstance(layer, kind)]
