"""How good the estimates of population statistics are: theory, and what to measure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, islice

import numpy as np

from bncourse.scratch import Floats, Moments, running_average


def identity_error(n: float, kurtosis: float = 3.0) -> float:
    """Return by how much population gamma and beta miss the identity, {eq}`eq-identity-error`.

    The root mean square of y - x over batches, in standard deviations of x, to leading order
    in 1/n, when gamma and beta are those of {eq}`eq-identity` for the population.

    Parameters
    ----------
    n : float
        Values a channel in each batch, drawn independently.
    kurtosis : float, default 3
        Fourth central moment over the variance squared; 3 for Gaussian data.

    Returns
    -------
    float

    Examples
    --------
    >>> round(identity_error(32), 3)
    0.217
    """
    return float(np.sqrt((1 + (kurtosis - 1) / 4) / n))  # eq-identity-error


def normalization_noise(z: Floats, n: float, skewness: float, kurtosis: float) -> Floats:
    """Return how much x_hat of one value varies with its batch, {eq}`eq-normalization-noise`.

    The standard deviation of x_hat over batches, to leading order in 1/n, with eps = 0.

    Parameters
    ----------
    z : array
        The value's distance from the population's mean, in its standard deviations.
    n : float
        Values a channel in each batch, drawn independently.
    skewness, kurtosis : float
        Third and fourth central moments over powers of the standard deviation; 0 and 3 for
        Gaussian data.

    Returns
    -------
    array, shape of `z`

    Examples
    --------
    >>> normalization_noise(np.array([0.0, 2.0]), 100, skewness=0.0, kurtosis=3.0).round(3)
    array([0.1  , 0.173])
    """
    return np.sqrt((1 + z * skewness + z**2 * (kurtosis - 1) / 4) / n)  # eq-normalization-noise


def expected_batch_var(var: float, var_of_batch_mean: float) -> float:
    """Return the expectation of a batch's biased variance, {eq}`eq-shortfall`.

    Exact whatever the correlation of the values within a batch. For m independent values the
    variance of the batch's mean is var/m, and the factor is (m-1)/m.

    Parameters
    ----------
    var : float
        The population's variance.
    var_of_batch_mean : float
        Variance of the batch's mean from batch to batch.

    Returns
    -------
    float

    Examples
    --------
    >>> expected_batch_var(1.0, 1.0 / 4)
    0.75
    """
    return var - var_of_batch_mean  # eq-shortfall


def initial_share(momentum: float, t: int) -> float:
    """Return what the initial value still weighs after t batches, {eq}`eq-initial-share`.

    Parameters
    ----------
    momentum : float
        Weight of the new batch.
    t : int
        Number of batches.

    Returns
    -------
    float

    Examples
    --------
    >>> round(initial_share(0.1, 44), 3), round(initial_share(0.01, 44), 3)
    (0.01, 0.643)
    """
    return float((1 - momentum) ** t)  # eq-initial-share


def running_noise(momentum: float) -> float:
    """Return the noise that a running average keeps for ever, {eq}`eq-running-noise`.

    The standard deviation of the running average over that of a batch's own statistic, for
    independent batches and after many steps.

    Parameters
    ----------
    momentum : float
        Weight of the new batch.

    Returns
    -------
    float

    Examples
    --------
    >>> round(running_noise(0.1), 3)
    0.229
    """
    return float(np.sqrt(momentum / (2 - momentum)))  # eq-running-noise


@dataclass(frozen=True)
class EstimateErrors:
    """The errors of one kind of estimate after each batch.

    Attributes
    ----------
    mean : array, shape (batches,)
        Root mean square over channels of the mean's error, in population standard deviations.
    var : array, shape (batches,)
        Root mean square over channels of the variance's relative error.
    """

    mean: Floats
    var: Floats


def estimate_errors(
    batches: Iterable[Floats], population: Moments, momenta: Iterable[float]
) -> dict[str, EstimateErrors]:
    """Follow the estimates of population statistics over batches.

    Parameters
    ----------
    batches : iterable of arrays, shape (N, C, *locations)
        More than one value a channel each.
    population : Moments
        The truth; its variance is taken unbiased.
    momenta : iterable of float
        For each, a running average from mean 0 and variance 1, as in PyTorch.

    Returns
    -------
    dict of EstimateErrors
        Under "momentum 0.1" and the like, "Algorithm 2" and "pooled".

    Examples
    --------
    >>> x = np.array([[0.0], [2.0]])
    >>> errors = estimate_errors([x, x + 3], Moments.of([[0.0], [2.0], [3.0], [5.0]]), [0.1])
    >>> {name: error.mean.round(2).tolist() for name, error in errors.items()}
    {'momentum 0.1': [1.15, 0.97], 'Algorithm 2': [0.72, 0.0], 'pooled': [0.72, 0.0]}
    """
    parts = [Moments.of(batch) for batch in batches]
    # Mean and unbiased variance as two rows, so that one line averages both.
    own = [np.stack((part.mean, part.unbiased_var)) for part in parts]
    start = np.stack((np.zeros_like(population.mean), np.ones_like(population.mean)))
    estimates: dict[str, Iterable[Floats]] = {
        f"momentum {momentum:g}": islice(
            accumulate(own, partial(running_average, momentum=momentum), initial=start), 1, None
        )
        for momentum in momenta
    }
    estimates["Algorithm 2"] = (total / t for t, total in enumerate(accumulate(own), start=1))
    estimates["pooled"] = (
        np.stack((pooled.mean, pooled.unbiased_var)) for pooled in accumulate(parts, Moments.merge)
    )
    return {name: _errors(steps, population) for name, steps in estimates.items()}


def _errors(steps: Iterable[Floats], population: Moments) -> EstimateErrors:
    """Return the errors of (mean, variance) after each step."""
    truth = population.unbiased_var
    means, variances = np.stack(list(steps), axis=1)
    return EstimateErrors(
        np.sqrt(((means - population.mean) ** 2 / truth).mean(axis=1)),
        np.sqrt(((variances / truth - 1) ** 2).mean(axis=1)),
    )
