"""The one table of tolerances, and the comparison that uses it.

An error is relative to the scale that `bncourse.oracle` gives for its quantity. Conditioning
counts in float64: a mean of 1e4 standard deviations is itself rounded by 1e-12 of one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from bncourse.oracle import Reference

# dtype: bound on the relative error. Beside each, the worst that was seen on the tests' shapes
# in 40 draws and more: in torch on the CPU, in that dtype, where mean/std is at most 1 (in
# float64 against 80-bit formulas); and in `bncourse.scratch`, at any mean/std of the tests.
BOUNDS = {
    np.dtype(np.float64): 1e-12,  # 6.1e-16; 3.5e-15, and 3.9e-12 where mean/std is 1e4
    np.dtype(np.float32): 2e-6,  # 2.5e-7 (1.1 where mean/std is 1e6); 5.9e-8
    np.dtype(np.float16): 1e-3,  # 9.7e-4; 4.8e-4
}
# In float64 the bound grows with mean/std from here on: 1e-10 at 1e4.
WELL_CONDITIONED = 100.0
# A central difference in float64, well conditioned, h chosen for the case; 1.0e-10 was seen.
CENTRAL_DIFFERENCE = 1e-8


@dataclass(frozen=True)
class Comparison:
    """One quantity held against its reference.

    Attributes
    ----------
    quantity : str
        What was compared.
    error : float
        The largest error, relative to the quantity's scale; infinite where shapes, or the
        places of NaN and infinities, differ.
    bound : float
        What it may be.
    """

    quantity: str
    error: float
    bound: float

    @property
    def agrees(self) -> bool:
        """Whether the error is within the bound."""
        return self.error <= self.bound

    def __str__(self) -> str:
        digits = 0 if self.agrees else 1  # noise but where it may be just beyond the bound
        error = f"{self.error:.{digits}e}"
        return f"{self.quantity}: largest error {error} (bound {self.bound:.0e})"


class Agreement(tuple[Comparison, ...]):
    """Comparisons, printed one a line.

    Examples
    --------
    >>> print(Agreement([Comparison("y", 2.2e-16, 1e-12)]))
    y: largest error 2e-16 (bound 1e-12)
    """

    def __str__(self) -> str:
        return "\n".join(str(comparison) for comparison in self)


class DisagreementError(AssertionError):
    """A result is farther from its reference than the table allows."""


def bound(dtype: DTypeLike, mean_over_std: float = 0.0) -> float:
    """Return the bound on a relative error.

    Parameters
    ----------
    dtype : dtype
        Of the result: float64, float32 or float16.
    mean_over_std : float, default 0
        How ill conditioned the input is.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If the table has no bound for the dtype.

    Examples
    --------
    >>> bound(np.float32), bound(np.float64), bound(np.float64, mean_over_std=1e4)
    (2e-06, 1e-12, 1e-10)
    """
    dtype = np.dtype(dtype)
    if dtype not in BOUNDS:
        raise TypeError(f"dtype: want one of {', '.join(map(str, BOUNDS))}, got {dtype}")
    if dtype == np.float64:
        return BOUNDS[dtype] * max(1.0, mean_over_std / WELL_CONDITIONED)
    return BOUNDS[dtype]


def compare(reference: Reference, **results: ArrayLike) -> Agreement:
    """Hold results against a reference from the oracle.

    Parameters
    ----------
    reference : Reference
        From `bncourse.oracle`.
    **results : arrays
        By the names in the reference, such as ``y=y, dx=dx``. Their dtype sets the bound.

    Returns
    -------
    Agreement

    Raises
    ------
    DisagreementError
        If an error is beyond its bound.
    KeyError
        If the reference has no quantity of that name.
    TypeError
        If there is no result, or the table has no bound for one's dtype.

    Examples
    --------
    >>> from bncourse import oracle
    >>> x = np.array([[1.0], [3.0]])
    >>> print(compare(oracle.batch_norm(x), mean=[2.0]))
    mean: largest error 0e+00 (bound 1e-12)
    """
    if not results:
        raise TypeError("results: want at least one, such as y=y, got none")
    comparisons = []
    for name, result in results.items():
        result = np.asarray(result)
        error = relative_error(result, reference.values[name], reference.scales[name])
        comparisons.append(Comparison(name, error, bound(result.dtype, reference.mean_over_std)))
    agreement = Agreement(comparisons)
    if not all(comparison.agrees for comparison in agreement):
        raise DisagreementError(str(agreement))
    return agreement


def compare_arrays(
    quantity: str, actual: ArrayLike, expected: ArrayLike, *, scale: float | None = None
) -> Comparison:
    """Hold an array against another that should be equal, such as the two sides of an identity.

    Parameters
    ----------
    quantity : str
        What is compared, for the printed line.
    actual, expected : arrays of one shape
        The dtype of `actual` sets the bound.
    scale : float, optional
        What the error is relative to; the largest abs(expected) if missing.

    Returns
    -------
    Comparison

    Raises
    ------
    DisagreementError
        If the error is beyond its bound.

    Examples
    --------
    >>> print(compare_arrays("y", np.array([1.0]), np.array([1.0])))
    y: largest error 0e+00 (bound 1e-12)
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    if scale is None:
        scale = float(np.abs(expected).max(initial=0.0, where=np.isfinite(expected)))
    error = relative_error(actual, expected, scale)
    comparison = Comparison(quantity, error, bound(actual.dtype))
    if not comparison.agrees:
        raise DisagreementError(str(comparison))
    return comparison


def relative_error(actual: ArrayLike, reference: ArrayLike, scale: ArrayLike) -> float:
    """Return the largest error relative to its scale.

    Parameters
    ----------
    actual, reference : arrays of one shape
    scale : array that broadcasts against them

    Returns
    -------
    float
        Infinite where the shapes, or the places of NaN and infinities, differ.

    Examples
    --------
    >>> relative_error([1.0, 2.5], [1.0, 2.0], 2.0)
    0.25
    """
    actual, reference = np.asarray(actual, np.float64), np.asarray(reference, np.float64)
    if actual.shape != reference.shape:
        return np.inf
    finite = np.isfinite(reference)
    if not np.array_equal(actual[~finite], reference[~finite], equal_nan=True):
        return np.inf
    scales = np.broadcast_to(np.asarray(scale, np.float64), reference.shape)[finite]
    difference = np.abs(actual[finite] - reference[finite])
    if not np.isfinite(difference).all():
        return np.inf
    # Where nothing was to be lost, nothing may be.
    relative = np.where(difference == 0, 0.0, np.inf)
    np.divide(difference, scales, out=relative, where=scales > 0)
    return float(relative.max(initial=0.0))
