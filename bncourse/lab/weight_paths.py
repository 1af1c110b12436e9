"""How the weights before batch normalizations move while a network trains, recorded."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from bncourse.lab.invariance import normalized_layers, weight_dot
from bncourse.lab.networks import layer_outputs
from bncourse.lab.training import batches
from bncourse.scratch import SGD, Floats, Sequential, SoftmaxCrossEntropy, output_var


@dataclass(frozen=True, eq=False)
class WeightPath:
    """What each of T steps found and did, for every unit before a batch normalization.

    Attributes
    ----------
    loss : array, shape (T,)
        Of the step's batch, before the step.
    square : array, shape (T, units)
        Squared length of a unit's weights before the step.
    grad_square, velocity_square : arrays, shape (T, units)
        Squared lengths of the loss's gradient and of what the step takes off, over the learning
        rate.
    grad_dot, velocity_dot : arrays, shape (T, units)
        Inner products of the weights with these two.
    eps_dot : array, shape (T, units)
        What `bncourse.lab.invariance.weight_dot` says that `grad_dot` is.
    angle : array, shape (T, units)
        By which the step turns the weights, in radians.
    last_square : array, shape (units,)
        Squared length after the last step.
    """

    loss: Floats
    square: Floats
    grad_square: Floats
    velocity_square: Floats
    grad_dot: Floats
    velocity_dot: Floats
    eps_dot: Floats
    angle: Floats
    last_square: Floats


def follow(
    network: Sequential,
    images: Floats,
    labels: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    rng: np.random.Generator,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> WeightPath:
    """Train by SGD on the cross-entropy, and record how the weights before batch norms move.

    Parameters
    ----------
    network : Sequential
        Changed in place; set to training mode.
    images, labels : arrays
        The training set, of length N.
    steps, batch_size : int
        As those of `bncourse.lab.training.batches`.
    lr, momentum : float
        As those of `bncourse.scratch.SGD`, for all parameters.
    rng : numpy Generator
        Shuffles the data before each pass.
    weight_decay : float, default 0
        For the linear layers before batch normalizations alone.

    Returns
    -------
    WeightPath

    Examples
    --------
    >>> from bncourse.scratch import BatchNorm, Linear
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential(Linear(4, 3, rng=rng), BatchNorm(3))
    >>> x, labels = rng.normal(size=(8, 4)), np.arange(8) % 3
    >>> path = follow(network, x, labels, steps=5, batch_size=4, lr=0.1, rng=rng)
    >>> path.square.shape, bool((path.last_square > path.square[0]).all())
    ((5, 3), True)
    """
    hidden = Sequential(*(linear for linear, _ in normalized_layers(network)))
    others = Sequential(*(layer for layer in network.layers if layer not in hidden.layers))
    optimizers = SGD(hidden, lr, momentum, weight_decay), SGD(others, lr, momentum)
    loss, records = SoftmaxCrossEntropy(), []
    velocity = [np.zeros_like(w) for w in _weights(network)]
    for rows in batches(len(images), batch_size, steps, rng):
        outputs = layer_outputs(network.train(), images[rows])
        value = loss.forward(outputs[-1], labels[rows])
        network.backward(loss.backward())
        weights, grads = _weights(network), list(_gradients(network))
        for v, g, w in zip(velocity, grads, weights, strict=True):
            v *= momentum
            v += g + weight_decay * w
        record = {
            "square": _dots(weights, weights),
            "grad_square": _dots(grads, grads),
            "velocity_square": _dots(velocity, velocity),
            "grad_dot": _dots(weights, grads),
            "velocity_dot": _dots(weights, velocity),
            "eps_dot": _eps_dots(network, outputs),
        }
        records.append({"loss": value, "angle": _angles(record, lr)} | record)
        for optimizer in optimizers:
            optimizer.step()
    last = _weights(network)
    names = [field.name for field in fields(WeightPath) if field.name != "last_square"]
    columns = {name: np.array([record[name] for record in records]) for name in names}
    return WeightPath(**columns, last_square=_dots(last, last))


def _weights(network: Sequential) -> list[Floats]:
    """Return the weights before batch normalizations, one array a layer."""
    return [linear.weight for linear, _ in normalized_layers(network)]


def _gradients(network: Sequential) -> Iterator[Floats]:
    """Yield the gradients of these weights."""
    for linear, _ in normalized_layers(network):
        assert linear.dweight is not None
        yield linear.dweight


def _eps_dots(network: Sequential, outputs: list[Floats]) -> Floats:
    """Return the inner products of weights and gradients that gamma and eps imply."""
    dots = []
    for linear, norm in normalized_layers(network):
        assert norm.gamma is not None
        assert norm.dgamma is not None
        var = outputs[network.layers.index(linear)].var(axis=0)
        rho = output_var(var, np.ones_like(var), eps=norm.eps)
        dots.append(weight_dot(norm.gamma, norm.dgamma, rho))
    return np.concatenate(dots)


def _dots(left: list[Floats], right: list[Floats]) -> Floats:
    """Return the inner products of the rows of several layers' arrays."""
    pairs = zip(left, right, strict=True)
    return np.concatenate([np.einsum("ij,ij->i", a, b) for a, b in pairs])


def _angles(record: dict[str, Floats], lr: float) -> Floats:
    """Return the angle between each w and w - lr * velocity, small ones exactly."""
    square, dot = record["square"], record["velocity_dot"]
    # Where the velocity lies along w, rounding may leave less than nothing.
    across = np.sqrt(np.maximum(record["velocity_square"] * square - dot**2, 0))
    return np.arctan2(lr * across, square - lr * dot)


def random_walk(
    square: float,
    *,
    size: int,
    steps: int,
    lr: float,
    weight_decay: float,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Move weights by random gradients that are orthogonal to them, as SGD does.

    The gradient is a random direction orthogonal to w, divided by the length of w: what a scale
    invariant loss gives whose gradient has length 1 where w has.

    Parameters
    ----------
    square : float
        The squared length at the start.
    size : int
        Number of weights, at least 2.
    steps : int
    lr, weight_decay : float
    rng : numpy Generator

    Returns
    -------
    squares : array, shape (steps + 1,)
        The squared length, before the first step and after each.
    angles : array, shape (steps,)
        By which each step turns the weights, in radians.

    Raises
    ------
    ValueError
        If `size` is below 2.

    Examples
    --------
    >>> settings = {"lr": 1.0, "weight_decay": 0.0, "rng": np.random.default_rng(0)}
    >>> squares, angles = random_walk(1.0, size=9, steps=2, **settings)
    >>> squares.round(6), angles.round(6)
    (array([1. , 2. , 2.5]), array([0.785398, 0.463648]))
    """
    if size < 2:
        raise ValueError(f"size: want at least 2 weights, got {size}")
    w = np.sqrt(square) * _unit(rng.normal(size=size))
    squares, angles = [w @ w], []
    for _ in range(steps):
        direction = rng.normal(size=size)
        unit = _unit(w)
        grad = _unit(direction - (direction @ unit) * unit) / np.linalg.norm(w)
        w = (1 - lr * weight_decay) * w - lr * grad
        squares.append(w @ w)
        # Of two vectors of length 1; small angles keep their digits.
        angles.append(2 * np.arcsin(np.linalg.norm(_unit(w) - unit) / 2))
    return np.array(squares), np.array(angles)


def _unit(w: Floats) -> Floats:
    """Return a vector's direction."""
    return w / np.linalg.norm(w)
