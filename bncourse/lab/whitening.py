"""Whitening, which batch normalization is not: what each leaves of a covariance."""

import numpy as np

from bncourse.scratch import Floats


def whiten(x: Floats, eps: float) -> Floats:
    """Return a batch with its covariance taken out, {eq}`eq-whiten`.

    Of all whitening matrices this is the symmetric one, which changes the values least
    ("ZCA").

    Parameters
    ----------
    x : array, shape (m, C)
    eps : float
        Added to the covariance's diagonal; positive unless the covariance has full rank.

    Returns
    -------
    array, shape (m, C), float64

    Raises
    ------
    ValueError
        If `x` is not of shape (m, C) or is empty, or an eigenvalue of the covariance is not
        positive after `eps` was added.

    References
    ----------
    Kessy, Lewin and Strimmer (2018), Optimal Whitening and Decorrelation.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]])
    >>> whiten(x, eps=0.0).round(2).tolist()
    [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]
    """
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"x: want shape (m, C) with values, got {x.shape}")
    x = x.astype(np.float64)  # a covariance in float32 would lose what a large mean covers
    mean = x.mean(axis=0)
    cov = (x - mean).T @ (x - mean) / len(x)
    values, vectors = np.linalg.eigh(cov)
    # Below this an eigenvalue is rounding noise, and its root would be blown up.
    noise = values[-1] * len(cov) * np.finfo(cov.dtype).eps
    if not values[0] + eps > noise:
        raise ValueError(
            f"eps: want the covariance's eigenvalues + eps above {noise:.0e}, "
            f"got {values[0]:.0e} + {eps:g}"
        )
    inverse_root = vectors / np.sqrt(values + eps) @ vectors.T
    return (x - mean) @ inverse_root  # eq-whiten


def whitened_cov(cov: Floats, eps: float) -> Floats:
    """Return the covariance that whitening leaves, {eq}`eq-whitened-cov`.

    Parameters
    ----------
    cov : array, shape (C, C)
        Covariance of the batch, biased.
    eps : float

    Returns
    -------
    array, shape (C, C)

    Examples
    --------
    >>> whitened_cov(np.array([[3.0, 0.0], [0.0, 1.0]]), eps=1.0)
    array([[0.75, 0.  ],
           [0.  , 0.5 ]])
    """
    return cov @ np.linalg.inv(cov + eps * np.eye(len(cov)))  # eq-whitened-cov


def standardized_cov(cov: Floats, eps: float) -> Floats:
    """Return the covariance that standardizing leaves, {eq}`eq-standardized-cov`.

    Parameters
    ----------
    cov : array, shape (C, C)
        Covariance of the batch, biased.
    eps : float

    Returns
    -------
    array, shape (C, C)

    Examples
    --------
    >>> standardized_cov(np.array([[3.0, 1.0], [1.0, 3.0]]), eps=1.0)
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    inv_std = 1 / np.sqrt(np.diag(cov) + eps)
    return inv_std[:, None] * cov * inv_std  # eq-standardized-cov
