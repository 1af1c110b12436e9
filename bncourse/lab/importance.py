"""Importance weights: what they are for two Gaussians, what they repair, and what they cost."""

from dataclasses import dataclass

import numpy as np

from bncourse.scratch import Floats


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of one number.

    Attributes
    ----------
    mean, std : float
        The standard deviation is above zero.

    Raises
    ------
    ValueError
        If the standard deviation is not above zero.

    Examples
    --------
    >>> Gaussian(0.5, 0.5)
    Gaussian(mean=0.5, std=0.5)
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ValueError(f"std: want above 0, got {self.std}")

    def density(self, x: Floats) -> Floats:
        """Return the density at each x, in 1 over the unit of x."""
        z = (x - self.mean) / self.std
        return np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * self.std)


def gaussian_weight(x: Floats, train: Gaussian, test: Gaussian) -> Floats:
    """Return the importance weight test density / training density, {eq}`eq-gaussian-weight`.

    Parameters
    ----------
    x : array, any shape
        Where.
    train, test : Gaussian
        The distributions of x in training and at test time.

    Returns
    -------
    array, shape of `x`

    Examples
    --------
    >>> x = np.array([0.0, 0.5])
    >>> gaussian_weight(x, Gaussian(0.5, 0.5), Gaussian(0.0, 0.3)).round(3)
    array([2.748, 0.416])
    """
    z_train = (x - train.mean) / train.std
    z_test = (x - test.mean) / test.std
    # One exponential: the quotient of two densities would be 0/0 far out.
    return train.std / test.std * np.exp((z_train**2 - z_test**2) / 2)  # eq-gaussian-weight


def mean_square_weight(train: Gaussian, test: Gaussian) -> float:
    """Return the mean of the squared weight over training data, {eq}`eq-mean-square-weight`.

    Of n examples the weights leave about n over this, the population's effective sample size.

    Parameters
    ----------
    train, test : Gaussian
        The distributions of x in training and at test time.

    Returns
    -------
    float
        At least 1; infinite if the variance of test is twice that of train, or more.

    Examples
    --------
    >>> round(mean_square_weight(Gaussian(0.5, 0.5), Gaussian(0.0, 0.3)), 3)
    2.395
    >>> mean_square_weight(Gaussian(0.0, 0.3), Gaussian(0.5, 0.5))
    inf
    """
    room = 2 * train.std**2 - test.std**2  # eq-mean-square-weight
    if room <= 0:
        return float(np.inf)
    spread = train.std**2 / (test.std * np.sqrt(room))
    return float(spread * np.exp((train.mean - test.mean) ** 2 / room))  # eq-mean-square-weight


def effective_sample_size(weights: Floats) -> float:
    """Return how many equal weights average as well as these, {eq}`eq-effective-size`.

    Parameters
    ----------
    weights : array, shape (n,)
        Not negative, and not all zero. Their scale does not matter.

    Returns
    -------
    float
        From 1 to n.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or none is above zero.

    References
    ----------
    Kish (1965), Survey Sampling.

    Examples
    --------
    >>> effective_sample_size(np.array([1.0, 1.0, 1.0, 1.0]))
    4.0
    >>> round(effective_sample_size(np.array([3.0, 1.0])), 3)
    1.6
    """
    weights = np.asarray(weights, dtype=np.float64)
    if not (weights >= 0).all() or not 0 < weights.max(initial=0) < np.inf:
        raise ValueError(f"weights: want none below 0 and one above it, all finite, got {weights}")
    weights = weights / weights.max()  # squares of tiny or huge weights have no float
    return float(weights.sum() ** 2 / (weights**2).sum())  # eq-effective-size


def weighted_fit(features: Floats, y: Floats, weights: Floats) -> Floats:
    """Return the parameters of least weighted squared error, {eq}`eq-weighted-fit`.

    Parameters
    ----------
    features : array, shape (n, k)
        A row for each example.
    y : array, shape (n,)
        What to predict.
    weights : array, shape (n,)
        Not negative. Their scale does not matter.

    Returns
    -------
    array, shape (k,)

    Raises
    ------
    ValueError
        If a shape does not fit, a weight is negative, or the examples with a weight above zero
        leave more than one solution.

    Examples
    --------
    >>> features = np.array([[1.0], [1.0]])
    >>> weighted_fit(features, np.array([0.0, 4.0]), np.array([3.0, 1.0])).round(12)
    array([1.])
    """
    _check(features, weights)
    if y.shape != weights.shape:
        raise ValueError(f"y: want shape {weights.shape}, got {y.shape}")
    # A factor in front of a square is the square of its root in front of what is squared.
    root = np.sqrt(weights)
    theta, _, rank, _ = np.linalg.lstsq(root[:, None] * features, root * y)  # eq-weighted-fit
    if rank < features.shape[1]:
        raise ValueError(f"features: want weighted rank {features.shape[1]}, got {rank}")
    return theta


def prediction_variance(features: Floats, weights: Floats, new: Floats, noise: float) -> Floats:
    """Return how much a weighted fit's predictions vary, {eq}`eq-prediction-variance`.

    Exact for given inputs, if the noise of different examples is uncorrelated and has the same
    variance everywhere; the model need not be right.

    Parameters
    ----------
    features : array, shape (n, k)
        A row for each training example.
    weights : array, shape (n,)
        Not negative; they must not depend on y.
    new : array, shape (N, k)
        The features of the points where to predict.
    noise : float
        Standard deviation of y given x.

    Returns
    -------
    array, shape (N,)
        In the square of y's unit.

    Raises
    ------
    ValueError
        If a shape does not fit, a weight is negative, or the examples with a weight above zero
        do not determine the parameters.

    Examples
    --------
    >>> ones = np.ones((4, 1))
    >>> prediction_variance(ones, np.ones(4), ones[:1], noise=2.0)
    array([1.])
    >>> prediction_variance(ones, np.array([3.0, 1.0, 0.0, 0.0]), ones[:1], noise=2.0)
    array([2.5])
    """
    _check(features, weights)
    if new.ndim != 2 or new.shape[1] != features.shape[1]:
        raise ValueError(f"new: want shape (N, {features.shape[1]}), got {new.shape}")
    root = np.sqrt(weights)[:, None]
    if (rank := np.linalg.matrix_rank(root * features)) < features.shape[1]:
        raise ValueError(f"features: want weighted rank {features.shape[1]}, got {rank}")
    # The pseudoinverse of root * features is (Phi' W Phi)^-1 Phi' root, with less rounding.
    a = np.linalg.pinv(root * features) * root.T  # eq-prediction-variance
    return noise**2 * ((new @ a) ** 2).sum(axis=1)  # eq-prediction-variance


def _check(features: Floats, weights: Floats) -> None:
    """Raise ValueError if there is not one weight for each row, or a weight is negative."""
    if features.ndim != 2:
        raise ValueError(f"features: want shape (n, k), got {features.shape}")
    if weights.shape != (len(features),):
        raise ValueError(f"weights: want shape ({len(features)},), got {weights.shape}")
    if not (weights >= 0).all():
        raise ValueError(f"weights: want none below 0, got {weights.min()}")
