"""Directions that get lost with depth, at initialization."""

from collections.abc import Iterator

import numpy as np

from bncourse.scratch import Floats, batch_norm_forward


def participation_ratio(x: Floats) -> float:
    """Return how many directions share the variance of a batch, {eq}`eq-participation`.

    Parameters
    ----------
    x : array, shape (N, C)
        Not constant.

    Returns
    -------
    float
        From 1, all examples on a line, to min(N - 1, C), as much variance along each direction.

    Examples
    --------
    >>> participation_ratio(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    2.0
    >>> participation_ratio(np.array([[1.0, 2.0], [2.0, 4.0]]))
    1.0
    """
    x = x - x.mean(axis=0)
    cov = x.T @ x / len(x)
    return float(np.trace(cov) ** 2 / (cov**2).sum())  # eq-participation


def normalized_participation(mean_square_correlation: float, channels: int) -> float:
    """Return the participation ratio of normalized channels, {eq}`eq-normalized-participation`.

    Parameters
    ----------
    mean_square_correlation : float
        Mean of the squared correlations of all pairs of different channels over the batch.
    channels : int
        C.

    Returns
    -------
    float

    Examples
    --------
    >>> normalized_participation(0.0, 7), normalized_participation(1.0, 7)
    (7.0, 1.0)
    """
    return channels / (1 + (channels - 1) * mean_square_correlation)  # eq-normalized-participation


def linear_representations(
    rng: np.random.Generator, x: Floats, *, depth: int, batch_norm: bool
) -> Iterator[Floats]:
    """Yield what each layer of a deep linear network makes of a batch.

    Parameters
    ----------
    rng : numpy Generator
        Draws the weights: normal, variance 1/C.
    x : array, shape (N, C)
    depth : int
        Number of layers.
    batch_norm : bool
        Whether each layer is followed by batch normalization, with a negligible eps.

    Yields
    ------
    array, shape (N, C)

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [4.0]])
    >>> *_, last = linear_representations(
    ...     np.random.default_rng(0), x, depth=9, batch_norm=True)
    >>> np.abs(last[:, 0]).round(3).tolist()
    [1.069, 0.267, 1.336]
    """
    channels = x.shape[1]
    ones, zeros = np.ones(channels), np.zeros(channels)
    for _ in range(depth):
        x = x @ rng.normal(0, 1 / np.sqrt(channels), (channels, channels)).T
        if batch_norm:
            x, _ = batch_norm_forward(x, ones, zeros, eps=1e-20)
        yield x
