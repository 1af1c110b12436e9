"""How the networks of the chapters are trained, and how well they read."""

from collections.abc import Iterator

import numpy as np

from bncourse.scratch import SGD, Floats, Layer, SoftmaxCrossEntropy


def backpropagate(network: Layer, images: Floats, labels: np.ndarray) -> float:
    """Set the gradients of all parameters for one batch, and return its mean cross-entropy.

    Parameters
    ----------
    network : Layer
        In its own mode; in training mode its running statistics are updated.
    images, labels : arrays
        The batch, of length N.

    Returns
    -------
    float

    Examples
    --------
    >>> from bncourse.scratch import Linear
    >>> layer = Linear(2, 2)
    >>> layer.weight[...], layer.bias[...] = 0.0, 0.0
    >>> round(backpropagate(layer, np.eye(2), np.array([0, 1])), 4)  # log 2
    0.6931
    >>> layer.dweight
    array([[-0.25,  0.25],
           [ 0.25, -0.25]])
    """
    loss = SoftmaxCrossEntropy()
    value = loss.forward(network.forward(images), labels)
    network.backward(loss.backward())
    return value


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
    >>> from bncourse.scratch import Linear
    >>> rng = np.random.default_rng(0)
    >>> network = Linear(2, 2, rng=rng)
    >>> x, labels = np.eye(2), np.array([0, 1])
    >>> losses = list(train(network, x, labels, steps=20, batch_size=2, lr=1.0, rng=rng))
    >>> losses[-1] < losses[0]
    True
    """
    sgd = SGD(network, lr)
    for rows in batches(len(images), batch_size, steps, rng):
        value = backpropagate(network.train(), images[rows], labels[rows])
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


def accuracy(network: Layer, images: Floats, labels: np.ndarray) -> float:
    """Return the share of images that a network reads right, in its own mode.

    Parameters
    ----------
    network : Layer
    images, labels : arrays
        Of length N.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> from bncourse.scratch import Flatten
    >>> accuracy(Flatten(), np.eye(3), np.array([0, 1, 1]))  # logits are the rows
    0.6666666666666666
    """
    return float((network.forward(images).argmax(axis=1) == labels).mean())
