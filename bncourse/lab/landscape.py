"""What the loss looks like along the step that training is about to take."""

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bncourse.lab.training import backpropagate
from bncourse.scratch import Floats, Sequential


@dataclass(frozen=True, eq=False)
class Landscape:
    """Loss and gradient along the negative gradient, for k lengths of the step.

    Attributes
    ----------
    loss : array, shape (k,)
        After each step, on the same batch.
    start : float
        The loss before.
    promised : array, shape (k,)
        By how much the gradient says that the loss falls: the length times the gradient's
        squared norm.
    distance : array, shape (k,)
        Euclidean distance of the gradient after the step from that before.
    norm : float
        Euclidean norm of the gradient before.
    """

    loss: Floats
    start: float
    promised: Floats
    distance: Floats
    norm: float

    def kept(self) -> Floats:
        """Return what came of the fall that was promised, {eq}`eq-kept`; shape (k,)."""
        return (self.start - self.loss) / self.promised  # eq-kept

    def predictiveness(self) -> Floats:
        """Return the change of the gradient over its norm, {eq}`eq-predictiveness`; shape (k,)."""
        return self.distance / self.norm  # eq-predictiveness

    def smoothness(self) -> float:
        """Return the gradient's largest change per distance, {eq}`eq-effective-smoothness`."""
        moved = self.promised / self.norm
        return float((self.distance / moved).max())  # eq-effective-smoothness


def along_gradient(
    network: Sequential, images: Floats, labels: NDArray[np.int64], lrs: Floats
) -> Landscape:
    """Take steps down the gradient from one place, and look at the loss there, {eq}`eq-along`.

    Parameters
    ----------
    network : Sequential
        Stays as it is; a copy is taken to training mode.
    images, labels : arrays
        The batch, and its labels.
    lrs : array, shape (k,)
        Learning rates: step j ends at the parameters minus lrs[j] times their gradient.

    Returns
    -------
    Landscape

    Raises
    ------
    ValueError
        If there are no lengths, or one is not positive.

    References
    ----------
    Santurkar et al. (2018), How Does Batch Normalization Help Optimization?, section 3.1.

    Examples
    --------
    >>> from bncourse.scratch import Linear
    >>> network = Sequential(Linear(3, 3, rng=np.random.default_rng(0)))
    >>> seen = along_gradient(network, np.eye(3), np.arange(3), np.array([1e-6]))
    >>> seen.kept().round(4), seen.predictiveness().round(4)
    (array([1.]), array([0.]))
    """
    if np.size(lrs) == 0 or not np.all(np.asarray(lrs) > 0):
        raise ValueError(f"lrs: want positive numbers, got {lrs}")
    twin = copy.deepcopy(network).train()
    start, gradient = _loss_and_gradient(twin, images, labels)
    places = [(value, value.copy()) for value, _ in twin.parameters()]
    losses, distances = [], []
    for lr in lrs:
        for (value, place), slope in zip(places, gradient, strict=True):
            value[...] = place - lr * slope  # eq-along
        loss, moved = _loss_and_gradient(twin, images, labels)
        losses.append(loss)
        distances.append(_norm([a - b for a, b in zip(moved, gradient, strict=True)]))
    norm = _norm(gradient)
    promised = np.asarray(lrs) * norm**2
    return Landscape(np.array(losses), start, promised, np.array(distances), norm)


def _loss_and_gradient(
    network: Sequential, images: Floats, labels: NDArray[np.int64]
) -> tuple[float, list[Floats]]:
    """Return the loss of a batch and copies of the gradients of all parameters."""
    value = backpropagate(network, images, labels)
    return value, [grad.copy() for _, grad in network.parameters() if grad is not None]


def _norm(parts: list[Floats]) -> float:
    """Return the Euclidean norm of several arrays as one vector."""
    return float(np.sqrt(sum(np.sum(part**2) for part in parts)))
