"""How the weights before a batch normalization move: their norm, their direction, and decay.

Each unit's weights w are a vector, a row of the layer's weight matrix. Training is SGD with
PyTorch's conventions: velocity = momentum * velocity + g + weight_decay * w, then
w -= lr * velocity. Functions take arrays with one entry a unit, or one row a step.
"""

import numpy as np

from bncourse.scratch import Floats


def equivalent_training(alpha: float, lr: float, weight_decay: float) -> tuple[float, float]:
    """Return the settings that keep weights, once multiplied, so, {eq}`eq-equivalent-training`.

    Training from alpha * w with these, and with eps * alpha**2 in the batch normalization, gives
    alpha times the weights that training from w gives, at every step.

    Parameters
    ----------
    alpha : float
        Above zero.
    lr, weight_decay : float
        Of the training from w.

    Returns
    -------
    lr, weight_decay : float

    Raises
    ------
    ValueError
        If `alpha` is not above zero.

    Examples
    --------
    >>> equivalent_training(10.0, lr=0.5, weight_decay=0.5)
    (50.0, 0.005)
    """
    if not alpha > 0:
        raise ValueError(f"alpha: want a number above zero, got {alpha}")
    return lr * alpha**2, weight_decay / alpha**2  # eq-equivalent-training


def effective_rate(lr: float, square: Floats, weight_decay: float = 0.0) -> Floats:
    """Return the learning rate of the weights' direction, {eq}`eq-effective-rate`.

    Parameters
    ----------
    lr : float
    square : array
        The squared length of w.
    weight_decay : float, default 0
        With lr * weight_decay below 1.

    Returns
    -------
    array, shape of `square`

    Raises
    ------
    ValueError
        If lr * weight_decay is 1 or more: the step then turns the weights round, or ends in zero.

    Examples
    --------
    >>> effective_rate(0.5, np.array([1.0, 4.0]))
    array([0.5  , 0.125])
    """
    if not lr * weight_decay < 1:
        raise ValueError(f"lr * weight_decay: want below 1, got {lr * weight_decay}")
    return lr / ((1 - lr * weight_decay) * square)  # eq-effective-rate


def direction_step(v: Floats, grad: Floats, rate: Floats) -> Floats:
    """Return the next direction of the weights, {eq}`eq-direction-step`.

    Parameters
    ----------
    v : array, shape (C, fan_in)
        The direction of each row, of length 1.
    grad : array, shape (C, fan_in)
        The gradient of the loss where each row is v, and eps is divided by its squared length.
    rate : array, shape (C,)
        From `effective_rate`.

    Returns
    -------
    array, shape (C, fan_in)

    Examples
    --------
    >>> direction_step(np.array([[1.0, 0.0]]), np.array([[0.0, -1.5]]), np.array([0.5]))
    array([[0.8, 0.6]])
    """
    moved = v - rate[:, None] * grad
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)  # eq-direction-step


def step_angle(rate: Floats, grad_norm: Floats) -> Floats:
    """Return by which angle a step of SGD turns the weights, {eq}`eq-step-angle`; eps is zero.

    Parameters
    ----------
    rate : array
        From `effective_rate`.
    grad_norm : array
        The length of the gradient where the weights have length 1: that of the real gradient
        times the length of the weights.

    Returns
    -------
    array
        In radians.

    Examples
    --------
    >>> step_angle(np.array([0.1]), np.array([10.0])).round(4)
    array([0.7854])
    """
    return np.arctan(rate * grad_norm)  # eq-step-angle


def grown_square(start: Floats, lr: float, dots: Floats, squares: Floats) -> Floats:
    """Return the squared length of the weights after each step, {eq}`eq-norm-growth`.

    Parameters
    ----------
    start : array, shape (C,)
        The squared length before the first step.
    lr : float
    dots, squares : arrays, shape (T, C)
        At each step the inner product of weights and velocity, and the velocity's squared
        length. Without momentum and decay the velocity is the gradient.

    Returns
    -------
    array, shape (T, C)

    Examples
    --------
    >>> dots, squares = np.array([[0.0], [0.5]]), np.array([[4.0], [4.0]])
    >>> grown_square(np.array([9.0]), 0.5, dots, squares)
    array([[10. ],
           [10.5]])
    """
    return start + np.cumsum(lr**2 * squares - 2 * lr * dots, axis=0)  # eq-norm-growth


def momentum_dots(lr: float, momentum: float, squares: Floats, grad_dots: Floats) -> Floats:
    """Return the inner product of weights and velocity at each step, {eq}`eq-momentum-dot`.

    Parameters
    ----------
    lr, momentum : float
        Without weight decay.
    squares, grad_dots : arrays, shape (T, C)
        At each step the velocity's squared length, and the inner product of weights and
        gradient. The first velocity is the first gradient.

    Returns
    -------
    array, shape (T, C)

    Examples
    --------
    >>> momentum_dots(0.5, 0.5, np.array([[4.0], [4.0], [4.0]]), np.zeros((3, 1)))[:, 0]
    array([ 0. , -1. , -1.5])
    """
    dots = grad_dots.copy()
    for t in range(1, len(dots)):
        dots[t] += momentum * (dots[t - 1] - lr * squares[t - 1])  # eq-momentum-dot
    return dots


def next_square(square: Floats, lr: float, weight_decay: float, grad_norm: Floats) -> Floats:
    """Return the squared length of the weights a step later, {eq}`eq-decay-step`; eps is zero.

    Parameters
    ----------
    square : array
    lr, weight_decay : float
    grad_norm : array
        The length of the gradient where the weights have length 1.

    Returns
    -------
    array

    Examples
    --------
    >>> next_square(np.array([4.0]), lr=0.5, weight_decay=1.0, grad_norm=np.array([2.0]))
    array([1.25])
    """
    return (1 - lr * weight_decay) ** 2 * square + (lr * grad_norm) ** 2 / square  # eq-decay-step


def equilibrium_square(lr: float, weight_decay: float, grad_norm: float = 1.0) -> float:
    """Return the squared length of weights that a step leaves as it is, {eq}`eq-equilibrium`.

    Parameters
    ----------
    lr, weight_decay : float
        Above zero, their product below 1.
    grad_norm : float, default 1
        The length of the gradient where the weights have length 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If lr * weight_decay is not between 0 and 1: there is no such length then.

    References
    ----------
    van Laarhoven (2017), L2 Regularization versus Batch and Weight Normalization.

    Examples
    --------
    >>> round(equilibrium_square(0.1, 5e-4), 3)
    10.0
    """
    _between_0_and_1(lr * weight_decay)
    root = np.sqrt(lr / (weight_decay * (2 - lr * weight_decay)))
    return float(grad_norm * root)  # eq-equilibrium


def equilibrium_angle(lr: float, weight_decay: float) -> float:
    """Return the angle of a step that leaves the weights' length, {eq}`eq-equilibrium-angle`.

    Parameters
    ----------
    lr, weight_decay : float
        Above zero, their product below 1.

    Returns
    -------
    float
        In radians.

    Raises
    ------
    ValueError
        If lr * weight_decay is not between 0 and 1.

    Examples
    --------
    >>> round(equilibrium_angle(0.1, 5e-4), 5)
    0.01
    """
    _between_0_and_1(lr * weight_decay)
    # 1 - cos(angle) = 2 * sin(angle / 2)**2 = lr * weight_decay: no digits are lost.
    return float(2 * np.arcsin(np.sqrt(lr * weight_decay / 2)))  # eq-equilibrium-angle


def _between_0_and_1(decay: float) -> None:
    """Raise unless a step's decay lets weights shrink, and not through zero."""
    if not 0 < decay < 1:
        raise ValueError(f"lr * weight_decay: want above 0 and below 1, got {decay}")
