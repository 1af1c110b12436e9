"""Internal covariate shift, measured by its two definitions."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bncourse.lab.networks import sigmoid_inputs
from bncourse.lab.training import backpropagate
from bncourse.scratch import Floats, Layer, Linear, Sequential

Seen = TypeVar("Seen")


def percentiles(network: Sequential, images: Floats) -> Floats:
    """Return where the inputs of the last sigmoid lie, with the batch's own statistics.

    Parameters
    ----------
    network : Sequential
        Stays as it is, its running statistics too.
    images : array
        One batch, what the network takes.

    Returns
    -------
    array, shape (3, C)
        The 15th, 50th and 85th percentile of each unit over the images.

    Raises
    ------
    ValueError
        If the network has no sigmoid.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, figure 1 (b, c).

    Examples
    --------
    >>> from bncourse.lab.networks import mnist_mlp
    >>> network = mnist_mlp(np.random.default_rng(0), batch_norm=True)
    >>> percentiles(network, np.random.default_rng(1).uniform(size=(50, 28, 28))).shape
    (3, 100)
    """
    inputs = sigmoid_inputs(copy.deepcopy(network).train(), images)
    if not inputs:
        raise ValueError("network: want one with a sigmoid, got none")
    return np.percentile(inputs[-1], (15, 50, 85), axis=0)


def drift(history: Floats) -> Floats:
    """Return how far each unit's median wandered, in units of its spread, {eq}`eq-drift`.

    Parameters
    ----------
    history : array, shape (T, 3, C)
        `percentiles` at T times.

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> drift(np.array([[[-1.0], [0.0], [1.0]], [[2.0], [3.0], [4.0]]]))
    array([3.])
    """
    low, median, high = np.moveaxis(history, 1, 0)
    spread = np.mean(high - low, axis=0) / 2
    return (median.max(axis=0) - median.min(axis=0)) / spread  # eq-drift


def jump(before: Floats, after: Floats) -> Floats:
    """Return how far each unit's median moved, in units of its spread before, {eq}`eq-jump`.

    Parameters
    ----------
    before, after : arrays, shape (3, C)
        `percentiles` at two times.

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> jump(np.array([[-1.0], [0.0], [3.0]]), np.array([[-1.0], [1.0], [1.0]]))
    array([0.5])
    """
    return np.abs(after[1] - before[1]) / ((before[2] - before[0]) / 2)  # eq-jump


def typical_unit(values: Floats) -> int:
    """Return the index of the median entry; of an even number of entries, the lower one.

    Parameters
    ----------
    values : array, shape (C,)

    Returns
    -------
    int

    Examples
    --------
    >>> typical_unit(np.array([5.0, 1.0, 3.0, 9.0]))
    2
    """
    return int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])


@dataclass(frozen=True)
class GradientShift:
    """How a layer's gradient changes when the layers before it are updated.

    Attributes
    ----------
    distance : array, shape (layers,)
        Euclidean norm of the change, for each linear layer's weight.
    relative : array, shape (layers,)
        The same, over the norm of the gradient before.
    cosine : array, shape (layers,)
        Of the angle between the two gradients.
    """

    distance: Floats
    relative: Floats
    cosine: Floats


def gradient_shift(
    network: Sequential, images: Floats, labels: NDArray[np.int64], lr: float
) -> GradientShift:
    """Return the internal covariate shift of each layer's gradient, {eq}`eq-gradient-shift`.

    A layer is a linear map with what follows it up to the next one, so that the parameters of
    a batch norm are updated with the linear map before it.

    Parameters
    ----------
    network : Sequential
        Stays as it is; a copy is taken to training mode.
    images, labels : arrays
        The batch, and its labels.
    lr : float
        Learning rate of the update, plain gradient descent.

    Returns
    -------
    GradientShift
        For the first layer, which has none before it, the distance is 0. Where a gradient is
        zero, the relative distance is NaN or infinite, and the cosine NaN.

    References
    ----------
    Santurkar et al. (2018), How Does Batch Normalization Help Optimization?, definition 2.1.

    Examples
    --------
    >>> from bncourse.lab.networks import mnist_mlp
    >>> network = mnist_mlp(np.random.default_rng(0), batch_norm=True)
    >>> images = np.random.default_rng(1).uniform(size=(5, 28, 28))
    >>> shift = gradient_shift(network, images, np.arange(5), lr=0.1)
    >>> shift.distance.shape, float(shift.distance[0])
    ((4,), 0.0)
    """
    twin = copy.deepcopy(network).train()
    before = _weight_gradients(twin, images, labels)
    # Each layer steps by its gradient at the start, whatever is computed on the way.
    updates = [[(value, lr * grad) for value, grad in _learned(group)] for group in _groups(twin)]
    after = []
    for i, update in enumerate(updates):
        after.append(_weight_gradients(twin, images, labels)[i])
        for value, step in update:
            value -= step
    pairs = list(zip(before, after, strict=True))
    distance = np.array([np.linalg.norm(g - h) for g, h in pairs])  # eq-gradient-shift
    sizes = np.array([(np.linalg.norm(g), np.linalg.norm(h)) for g, h in pairs])
    inner = np.array([np.sum(g * h) for g, h in pairs])
    with np.errstate(invalid="ignore", divide="ignore"):
        return GradientShift(distance, distance / sizes[:, 0], inner / sizes.prod(axis=1))


def _weight_gradients(
    network: Sequential, images: Floats, labels: NDArray[np.int64]
) -> list[Floats]:
    """Return the loss's gradient for the weight of each linear layer."""
    backpropagate(network, images, labels)
    return [
        layer.dweight
        for layer in network.layers
        if isinstance(layer, Linear) and layer.dweight is not None
    ]


def _groups(network: Sequential) -> list[list[Layer]]:
    """Return the layers from each linear one up to the next."""
    groups: list[list[Layer]] = []
    for layer in network.layers:
        if isinstance(layer, Linear):
            groups.append([])
        if groups:
            groups[-1].append(layer)
    return groups


def _learned(group: list[Layer]) -> Iterator[tuple[Floats, Floats]]:
    """Yield the parameters of layers with their gradients."""
    for layer in group:
        for value, grad in layer.parameters():
            if grad is not None:
                yield value, grad


def follow(
    network: Sequential, losses: Iterator[float], observe: Callable[[Sequential], Seen], every: int
) -> dict[int, Seen]:
    """Train to the end, and look at the network before the first step and at intervals.

    Parameters
    ----------
    network : Sequential
        That is trained.
    losses : iterator of float
        From `bncourse.lab.training.train`: each value taken from it is a step of training.
    observe : function of the network
        Must leave it as it is, its mode apart.
    every : int
        Steps between two looks.

    Returns
    -------
    dict
        What was observed, by the number of steps taken.

    Examples
    --------
    >>> follow(Sequential(), iter([3.0, 2.0, 1.0]), lambda network: len(network.layers), every=2)
    {0: 0, 2: 0}
    """
    seen = {0: observe(network)}
    for step, _ in enumerate(losses, start=1):
        if step % every == 0:
            seen[step] = observe(network)
    return seen
