"""Shimodaira's toy: a straight line is fitted to a cubic, and the inputs move."""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyvander

from bncourse.lab.importance import Gaussian, weighted_fit
from bncourse.scratch import Floats

TRAIN = Gaussian(0.5, 0.5)
TEST = Gaussian(0.0, 0.3)
NOISE = 0.3  # standard deviation of y given x


@dataclass(frozen=True)
class Line:
    """The straight line intercept + slope * x.

    Attributes
    ----------
    slope, intercept : float

    Examples
    --------
    >>> Line(slope=2.0, intercept=1.0)(3.0)
    7.0
    """

    slope: float
    intercept: float

    def __call__(self, x: Floats | float) -> Floats | float:
        """Return the line's height at x."""
        return self.intercept + self.slope * x


def cubic(x: Floats) -> Floats:
    """Return -x + x**3, the mean of y given x.

    Parameters
    ----------
    x : array, any shape

    Returns
    -------
    array, shape of `x`

    Examples
    --------
    >>> cubic(np.array([0.0, 1.0, 2.0]))
    array([0., 0., 6.])
    """
    return -x + x**3


def draw(n: int, inputs: Gaussian, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw examples: x from a Gaussian, y from the cubic with noise.

    Parameters
    ----------
    n : int
        Number of examples.
    inputs : Gaussian
        The distribution of x.
    rng : numpy Generator

    Returns
    -------
    x, y : arrays, shape (n,)

    References
    ----------
    Shimodaira (2000), Improving predictive inference under covariate shift by weighting the
    log-likelihood function.

    Examples
    --------
    >>> x, y = draw(5, TRAIN, np.random.default_rng(0))
    >>> x.shape, y.shape
    ((5,), (5,))
    """
    x = rng.normal(inputs.mean, inputs.std, n)
    return x, cubic(x) + rng.normal(0, NOISE, n)


def best_line(inputs: Gaussian) -> Line:
    """Return the line of least mean squared error for the cubic, {eq}`eq-best-line`.

    Parameters
    ----------
    inputs : Gaussian
        The distribution of x.

    Returns
    -------
    Line

    Examples
    --------
    >>> best_line(TRAIN)
    Line(slope=0.5, intercept=-0.25)
    >>> round(best_line(TEST).slope, 2)
    -0.73
    """
    m, s = inputs.mean, inputs.std
    slope = -1 + 3 * (m**2 + s**2)  # eq-best-line
    height = -m + m**3 + 3 * m * s**2  # eq-best-line
    return Line(slope, height - slope * m)


def line_error(line: Line, inputs: Gaussian, noise: float = NOISE) -> float:
    """Return a line's mean squared error on data from the cubic, {eq}`eq-line-error`.

    Parameters
    ----------
    line : Line
    inputs : Gaussian
        The distribution of x.
    noise : float
        Standard deviation of y given x; that of the toy if missing.

    Returns
    -------
    float
        In the square of y's unit.

    Examples
    --------
    >>> round(line_error(best_line(TEST), TEST), 4)
    0.0944
    >>> round(line_error(best_line(TRAIN), TEST), 3)
    0.293
    """
    m, s = inputs.mean, inputs.std
    best = best_line(inputs)
    return float(
        noise**2
        + (18 * m**2 * s**4 + 6 * s**6)
        + (line.slope - best.slope) ** 2 * s**2
        + (line(m) - best(m)) ** 2
    )  # eq-line-error


def fit_line(x: Floats, y: Floats, weights: Floats | None = None) -> Line:
    """Return the line of least squared error on examples.

    Parameters
    ----------
    x, y : arrays, shape (n,)
    weights : array, shape (n,), optional
        All equal if missing.

    Returns
    -------
    Line

    Examples
    --------
    >>> line = fit_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    >>> round(line.slope, 12), round(line.intercept, 12)
    (2.0, 1.0)
    """
    weights = np.ones_like(x) if weights is None else weights
    intercept, slope = weighted_fit(polyvander(x, 1), y, weights)
    return Line(float(slope), float(intercept))
