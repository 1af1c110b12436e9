"""The networks of the chapters, and what happens inside them."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch import (
    SGD,
    BatchNorm,
    Flatten,
    Floats,
    Layer,
    Linear,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
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
    norm = BatchNorm if batch_norm else None
    return mlp(rng, hidden=hidden, std=0.1, activation=Sigmoid, norm=norm)


def mlp(
    rng: np.random.Generator,
    *,
    hidden: int,
    std: float | None,
    activation: Callable[[], Layer],
    norm: Callable[[int], Layer] | None,
) -> Sequential:
    """Build a network of hidden layers of 100 units for MNIST.

    Parameters
    ----------
    rng : numpy Generator
        Draws the weights, normal; biases are zero.
    hidden : int
        Number of hidden layers.
    std : float or None
        Standard deviation of the weights; None for sqrt(2/fan_in), He's choice for ReLU.
    activation : class of layer
        As Sigmoid or ReLU.
    norm : function or None
        Returns a layer for a number of units; it stands before each activation.

    Returns
    -------
    Sequential
        From images, shape (N, 28, 28), to logits, shape (N, 10).

    References
    ----------
    He et al. (2015), Delving Deep into Rectifiers, section 2.2.

    Examples
    --------
    >>> from bncourse.scratch import ReLU
    >>> network = mlp(np.random.default_rng(0), hidden=1, std=None, activation=ReLU, norm=None)
    >>> [type(layer).__name__ for layer in network.layers]
    ['Flatten', 'Linear', 'ReLU', 'Linear']
    """
    layers: list[Layer] = [Flatten()]
    sizes = [784] + [100] * hidden
    for fan_in, fan_out in pairwise(sizes):
        layers.append(_gaussian_linear(fan_in, fan_out, std, rng))
        if norm is not None:
            layers.append(norm(fan_out))
        layers.append(activation())
    layers.append(_gaussian_linear(sizes[-1], 10, std, rng))
    return Sequential(*layers)


def _gaussian_linear(
    fan_in: int, fan_out: int, std: float | None, rng: np.random.Generator
) -> Linear:
    layer = Linear(fan_in, fan_out, rng=rng)
    std = np.sqrt(2 / fan_in) if std is None else std
    layer.weight[...] = rng.normal(0, std, layer.weight.shape)
    if layer.bias is not None:
        layer.bias[...] = 0
    return layer


def accuracy(network: Sequential, images: Floats, labels: np.ndarray) -> float:
    """Return the share of images that a network reads right, in its own mode.

    Parameters
    ----------
    network : Sequential
    images, labels : arrays
        Of length N.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> accuracy(Sequential(Flatten()), np.eye(3), np.array([0, 1, 1]))  # logits are the rows
    0.6666666666666666
    """
    return float((network.forward(images).argmax(axis=1) == labels).mean())


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


def train(
    network: Layer,
    images: Floats,
    labels: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Train by SGD on the cross-entropy: take a step, then yield the loss that it began from.

    Parameters
    ----------
    network : Layer
        Changed in place; set to training mode before each step.
    images, labels : arrays
        The training set, of length N.
    steps, batch_size : int
        As those of `batches`.
    lr : float
        The learning rate.
    rng : numpy Generator
        Shuffles the data before each pass.

    Yields
    ------
    float
        The loss of the step's batch, before the step.

    Raises
    ------
    ValueError
        If `batch_size` is below 1 or beyond N.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(Linear(2, 2, rng=rng))
    >>> x, labels = np.eye(2), np.array([0, 1])
    >>> losses = list(train(network, x, labels, steps=20, batch_size=2, lr=1.0, rng=rng))
    >>> losses[-1] < losses[0]
    True
    """
    loss, sgd = SoftmaxCrossEntropy(), SGD(network, lr)
    for rows in batches(len(images), batch_size, steps, rng):
        value = loss.forward(network.train().forward(images[rows]), labels[rows])
        network.backward(loss.backward())
        sgd.step()
        yield value


def batches(
    size: int, batch_size: int, steps: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield which examples make up the batch of each training step.

    Parameters
    ----------
    size : int
        Number of examples.
    batch_size : int
        From 1 to `size`.
    steps : int
        Number of batches.
    rng : numpy Generator
        Shuffles the examples before each pass; what does not fill a batch is left out.

    Yields
    ------
    array of int, shape (batch_size,)
        Batches of one pass do not overlap.

    Raises
    ------
    ValueError
        If `batch_size` is below 1 or beyond `size`.

    Examples
    --------
    >>> passes = np.sort(list(batches(4, 2, 4, np.random.default_rng(0))), axis=None)
    >>> print(passes)
    [0 0 1 1 2 2 3 3]
    """
    if not 1 <= batch_size <= size:
        raise ValueError(f"batch_size: want 1 to {size}, got {batch_size}")
    order = rng.permutation(size)
    start = 0
    for _ in range(steps):
        if start + batch_size > size:
            order, start = rng.permutation(size), 0
        yield order[start : start + batch_size]
        start += batch_size
