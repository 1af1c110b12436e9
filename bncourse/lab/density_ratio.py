"""Importance weights from a classifier that tells training inputs from test inputs."""

from collections.abc import Callable

import numpy as np
from numpy.polynomial.polynomial import polyvander

from bncourse.scratch import Floats


def classifier_weight(logit: Floats, n_train: int, n_test: int) -> Floats:
    """Return the weight that a classifier's opinion amounts to, {eq}`eq-classifier-weight`.

    Parameters
    ----------
    logit : array, any shape
        log of P(test given x) / P(training given x), from a classifier that was trained on both
        samples.
    n_train, n_test : int
        How many training and test inputs it was trained on.

    Returns
    -------
    array, shape of `logit`
        An estimate of test density / training density at each x.

    Raises
    ------
    ValueError
        If a sample is empty.

    References
    ----------
    Bickel, Brückner and Scheffer (2009), Discriminative learning under covariate shift.

    Examples
    --------
    >>> classifier_weight(np.log([1.0, 0.5]), n_train=300, n_test=100)
    array([3. , 1.5])
    """
    if n_train < 1 or n_test < 1:
        raise ValueError(f"n_train, n_test: want at least 1 each, got {n_train} and {n_test}")
    return n_train / n_test * np.exp(logit)  # eq-classifier-weight


def fit_classifier(
    x_train: Floats, x_test: Floats, degree: int, steps: int = 50
) -> Callable[[Floats], Floats]:
    """Train a logistic regression on powers of x to tell training inputs from test inputs.

    The loss is convex; Newton's method takes it to its minimum.

    Parameters
    ----------
    x_train : array, shape (n_train,)
    x_test : array, shape (n_test,)
        No targets are needed.
    degree : int
        The highest power, at least 1.
    steps : int
        The most that are taken.

    Returns
    -------
    function
        From x, shape (n,), to the logit of "test" at each, shape (n,).

    Raises
    ------
    ValueError
        If a sample is empty, `degree` is below 1, all inputs are equal, or there is no minimum,
        because such a logit tells the two samples apart without error.

    Examples
    --------
    >>> logit = fit_classifier(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), degree=1)
    >>> logit(np.array([0.0, 1.5, 3.0])).round(2) + 0.0
    array([-2.08,  0.  ,  2.08])
    """
    x = np.concatenate((x_train, x_test))
    if degree < 1 or len(x_train) < 1 or len(x_test) < 1 or np.ptp(x) == 0:
        raise ValueError(
            "degree, x_train, x_test: want at least 1 power and samples that are not constant, "
            f"got {degree} and {len(x_train)} and {len(x_test)} inputs"
        )
    is_test = np.repeat([0.0, 1.0], (len(x_train), len(x_test)))

    def features(at: Floats) -> Floats:
        return polyvander((at - x.mean()) / x.std(), degree)

    rows, theta = features(x), np.zeros(degree + 1)
    theta[0] = np.log(len(x_test) / len(x_train))
    for _ in range(steps):
        probability = (1 + np.tanh(rows @ theta / 2)) / 2
        slope = probability * (1 - probability)
        gradient = rows.T @ (is_test - probability)
        step, _, rank, _ = np.linalg.lstsq((rows.T * slope) @ rows, gradient)
        theta += step
        if rank <= degree or not np.isfinite(theta).all():
            break
        if np.abs(step).max() < 1e-10 * max(1.0, np.abs(theta).max()):
            return lambda at: features(at) @ theta
    raise ValueError("x_train, x_test: want samples that overlap, got two that are told apart")
