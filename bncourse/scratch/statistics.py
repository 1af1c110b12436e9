"""Statistics for inference: running averages, Algorithm 2, and pooled moments."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import (
    Floats,
    batch,
    floating,
    ieee,
    values_per_channel,
    wide,
)
from bncourse.scratch.forward import batch_mean, batch_var
from bncourse.scratch.rows import to_rows


def unbiased_var(var: Floats, m: int) -> Floats:
    """Return the unbiased estimate from a biased variance, {eq}`eq-unbiased-var`.

    Unbiased for m independent values; not for correlated ones, such as the locations of an
    image.

    Parameters
    ----------
    var : array, shape (C,)
        Biased variance of m values.
    m : int
        At least 2.

    Returns
    -------
    array, shape (C,)

    Raises
    ------
    ValueError
        If `m` is below 2.

    Examples
    --------
    >>> unbiased_var(np.array([1.0]), 2)
    array([2.])
    """
    if m < 2:
        raise ValueError(f"m: want at least 2 values for an unbiased variance, got {m}")
    return var * m / (m - 1)  # eq-unbiased-var


def running_average(
    running: Floats,
    batch_value: Floats,
    momentum: float,
) -> Floats:
    """Return the running average after one more batch, {eq}`eq-running-average`.

    `momentum` is the weight of the new batch, as in PyTorch. Keras and others give that name
    to the weight of the old value, which is 1 - momentum here.

    Parameters
    ----------
    running, batch_value : arrays, shape (C,)
        The average so far, and the batch's own statistic.
    momentum : float
        Weight of the new batch; its range is not checked, as in PyTorch.

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> running_average(np.array([0.0]), np.array([1.0]), momentum=0.1)
    array([0.1])
    """
    return (1 - momentum) * running + momentum * batch_value  # eq-running-average


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and sum of squared deviations of each channel; two of them can be merged.

    The arrays are copied and made read-only, so a value never changes.

    Parameters
    ----------
    count : int
        Number of values that each channel has seen.
    mean, m2 : arrays, shape (C,), floating dtype
        Their mean, and the sum of their squared deviations from it.

    Raises
    ------
    TypeError
        If a dtype is not floating.
    ValueError
        If the count is negative or the shapes differ.

    References
    ----------
    Chan, Golub and LeVeque (1979), Updating formulae and a pairwise algorithm for computing
    sample variances.

    Examples
    --------
    >>> moments = Moments.of(np.array([[1.0], [2.0]])).update(np.array([[6.0]]))
    >>> moments.count, moments.mean, moments.unbiased_var
    (3, array([3.]), array([7.]))
    """

    count: int
    mean: Floats
    m2: Floats

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count: want zero or more, got {self.count}")
        for name in ("mean", "m2"):
            array = floating(name, getattr(self, name))
            array = array.astype(wide(array.dtype))
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.mean.shape != self.m2.shape:
            raise ValueError(f"m2: want mean's shape {self.mean.shape}, got {self.m2.shape}")

    def __reduce__(self) -> tuple[type["Moments"], tuple[int, Floats, Floats]]:
        # Copies and pickles are made anew, so that they are read-only too.
        return Moments, (self.count, self.mean, self.m2)

    @classmethod
    @ieee
    def of(cls, x: ArrayLike) -> "Moments":
        """Return the moments of one batch, shape (N, C, *locations); it may be empty."""
        rows = to_rows(x)
        if len(rows) == 0:
            zeros = np.zeros(rows.shape[1], rows.dtype)
            return cls(0, zeros, zeros)
        mean = batch_mean(rows)
        return cls(len(rows), mean, batch_var(rows, mean) * len(rows))

    def update(self, x: ArrayLike) -> "Moments":
        """Return the moments of what was seen before and this batch together."""
        return self.merge(Moments.of(x))

    @ieee
    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both together, {eq}`eq-merge`.

        Raises
        ------
        ValueError
            If the two have different numbers of channels.
        """
        ours, theirs = self.mean.shape, other.mean.shape
        if ours != theirs:
            raise ValueError(f"other: want moments of shape {ours}, got {theirs}")
        if other.count == 0:
            return self
        if self.count == 0:
            return other
        count = self.count + other.count
        delta = other.mean - self.mean
        # eq-merge
        mean = self.mean + delta * other.count / count
        m2 = self.m2 + other.m2 + delta**2 * self.count * other.count / count
        return Moments(count, mean, m2)

    @property
    def var(self) -> Floats:
        """Biased variance, shape (C,); ValueError when nothing was seen."""
        if self.count < 1:
            raise ValueError("var: want at least 1 value a channel, got 0")
        return self.m2 / self.count

    @property
    def unbiased_var(self) -> Floats:
        """Unbiased variance, shape (C,); ValueError when fewer than two values were seen."""
        return unbiased_var(self.var, self.count)


def population_moments(batches: Iterable[ArrayLike]) -> Moments:
    """Return the moments of all batches pooled, as if they were one, {eq}`eq-pooled`.

    Parameters
    ----------
    batches : iterable of arrays, shape (N, C, *locations), floating dtype
        Their sizes may differ. Each is looked at once and not kept.

    Returns
    -------
    Moments

    Raises
    ------
    TypeError
        If a batch has no floating dtype.
    ValueError
        If there is no batch, or their channels differ.

    References
    ----------
    Wu and Johnson (2021), Rethinking "Batch" in BatchNorm, section 3 ("precise BN").

    Examples
    --------
    >>> population_moments([np.zeros((2, 1)), np.full((2, 1), 3.0)]).var
    array([2.25])
    """
    parts = map(Moments.of, batches)
    first = next(parts, None)
    if first is None:
        raise ValueError("batches: want at least one batch, got none")
    return reduce(Moments.merge, parts, first)  # eq-pooled


@ieee
def average_batch_statistics(
    batches: Iterable[ArrayLike],
) -> tuple[Floats, Floats]:
    """Return the mean and variance of the paper's Algorithm 2, {eq}`eq-algorithm-2`.

    The average of the batches' means, and m/(m-1) times the average of their biased
    variances. What the batches' means differ by is not in the variance.

    Parameters
    ----------
    batches : iterable of arrays, shape (N, C, *locations), floating dtype
        Each counts the same, whatever its size; each is looked at once.

    Returns
    -------
    mean, var : arrays, shape (C,), float64 or wider

    Raises
    ------
    TypeError
        If a batch has no floating dtype.
    ValueError
        If there is no batch, one has fewer than two values a channel, or their channels
        differ.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, Algorithm 2, steps 8 to 10.

    Examples
    --------
    >>> average_batch_statistics([np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])])
    (array([2.5]), array([2.]))
    """
    means: list[Floats] = []
    variances: list[Floats] = []
    for given in batches:
        x = batch("batches", given, len(means[0]) if means else None)
        m = values_per_channel(x)
        mean = batch_mean(to_rows(x))
        means.append(mean)
        variances.append(unbiased_var(batch_var(to_rows(x), mean), m))
    if not means:
        raise ValueError("batches: want at least one batch, got none")
    # eq-algorithm-2
    return np.mean(means, axis=0), np.mean(variances, axis=0)
