"""Three ways in which test data differ from training data, on two classes in a plane."""

from dataclasses import dataclass

import numpy as np

from bncourse.scratch import Floats

# In training the classes are Gaussians around these two points, with unit covariance.
CENTERS = np.array([[-1.0, -0.5], [1.0, 0.5]])


@dataclass(frozen=True)
class Sample:
    """Labeled points, and where either label is as likely.

    Attributes
    ----------
    x : array, shape (n, 2)
    labels : array of int, shape (n,)
        0 or 1.
    slope : array, shape (2,)
    offset : float
        The log odds of label 1 given x are ``x @ slope + offset``.
    """

    x: Floats
    labels: np.ndarray
    slope: Floats
    offset: float


def sample_shifts(n: int, rng: np.random.Generator) -> dict[str, Sample]:
    """Draw training data, and test data after each kind of shift.

    Parameters
    ----------
    n : int
        Points in each sample.
    rng : numpy Generator

    Returns
    -------
    dict of Sample
        "training"; "covariate shift", where x moves and the log odds given x stay; "label
        shift", where label 1 becomes nine times as frequent as label 0 and the points of each
        label stay; "concept shift", where x stays and the log odds given x turn by 90 degrees.

    Examples
    --------
    >>> samples = sample_shifts(1000, np.random.default_rng(0))
    >>> {name: round(float(s.labels.mean()), 1) for name, s in samples.items()}
    {'training': 0.5, 'covariate shift': 0.8, 'label shift': 0.9, 'concept shift': 0.5}
    """
    # Two Gaussians of unit covariance around c and -c have log odds 2 c @ x + log prior odds.
    slope = 2 * CENTERS[1]
    turned = np.array([-slope[1], slope[0]])
    even = rng.integers(2, size=n)
    mostly = (rng.uniform(size=n) < 0.9).astype(np.int64)
    moved = rng.normal((1.5, -1.0), 0.7, (n, 2))
    same = CENTERS[rng.integers(2, size=n)] + rng.normal(size=(n, 2))
    return {
        "training": Sample(CENTERS[even] + rng.normal(size=(n, 2)), even, slope, 0.0),
        "covariate shift": Sample(moved, _labels(moved @ slope, rng), slope, 0.0),
        "label shift": Sample(
            CENTERS[mostly] + rng.normal(size=(n, 2)), mostly, slope, float(np.log(9))
        ),
        "concept shift": Sample(same, _labels(same @ turned, rng), turned, 0.0),
    }


def _labels(log_odds: Floats, rng: np.random.Generator) -> np.ndarray:
    """Draw a label for each point, 1 with the probability that the log odds say."""
    return (rng.uniform(size=len(log_odds)) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
