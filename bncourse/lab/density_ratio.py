"""Importance weights from a classifier that tells training inputs from test inputs."""

from collections.abc import Callable

import numpy as np
from numpy.polynomial.polynomial import polyvander

from bncourse.scratch import SGD, Floats, Linear, SoftmaxCrossEntropy


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
    x_train: Floats, x_test: Floats, degree: int, steps: int = 100, lr: float = 3.0
) -> Callable[[Floats], Floats]:
    """Train a logistic regression on powers of x to tell training inputs from test inputs.

    The powers 1 to `degree` are standardized over both samples; the steps use all inputs at
    once, with momentum 0.8, from parameters that are zero. The loss is convex, and the default
    learning rate keeps the steps stable for a degree of 1 or 2.

    Parameters
    ----------
    x_train : array, shape (n_train,)
    x_test : array, shape (n_test,)
        No targets are needed.
    degree : int
        The highest power, at least 1.
    steps : int
    lr : float
        The learning rate.

    Returns
    -------
    function
        From x, shape (n,), to the logit of "test" at each, shape (n,).

    Examples
    --------
    >>> logit = fit_classifier(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), degree=1)
    >>> logit(np.array([0.0, 1.5, 3.0])).round(2) + 0.0
    array([-2.08,  0.  ,  2.08])
    """
    features = polyvander(np.concatenate((x_train, x_test)), degree)[:, 1:]
    mean, std = features.mean(axis=0), features.std(axis=0)
    labels = np.repeat([0, 1], (len(x_train), len(x_test)))
    layer, loss = Linear(degree, 2), SoftmaxCrossEntropy()
    for value, _ in layer.parameters():
        value[...] = 0
    sgd = SGD(layer, lr, momentum=0.8)
    for _ in range(steps):
        loss.forward(layer.forward((features - mean) / std), labels)
        layer.backward(loss.backward())
        sgd.step()

    def logit(x: Floats) -> Floats:
        scores = layer.forward((polyvander(x, degree)[:, 1:] - mean) / std)
        return scores[:, 1] - scores[:, 0]

    return logit
