"""Ghost batch normalization: one batch for the gradient, smaller ones for the statistics."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch import BatchNorm, Cache, Floats, batch_norm_forward, running_average
from bncourse.scratch._arguments import batch, like
from bncourse.scratch.backward import wide_backward
from bncourse.scratch.statistics import unbiased_var


class GhostBatchNorm(BatchNorm):
    """Batch normalization of consecutive chunks of a batch, each by its own statistics.

    The loss and its gradient are those of the whole batch, so that the size of the chunks
    changes the noise of the statistics and nothing else. It is computed as one batch
    normalization in which every chunk's channel is a channel. A running average takes the mean
    of the chunks' statistics. In evaluation it does what `bncourse.scratch.BatchNorm` does.

    Parameters
    ----------
    num_features : int
        As that of `bncourse.scratch.BatchNorm`, whose other settings have their defaults.
    ghost : int
        Examples in a chunk, at least 2 unless there are locations.

    References
    ----------
    Hoffer, Hubara and Soudry (2017), Train Longer, Generalize Better, section 5.

    Examples
    --------
    >>> layer = GhostBatchNorm(1, ghost=2)
    >>> layer.forward(np.array([[0.0], [2.0], [5.0], [9.0]])).round(3).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(self, num_features: int, ghost: int) -> None:
        super().__init__(num_features)
        if ghost < 1:
            raise ValueError(f"ghost: want at least 1, got {ghost}")
        self.ghost = ghost

    def forward(self, x: ArrayLike) -> Floats:
        """Normalize each chunk of a batch, {eq}`eq-ghost`.

        Parameters
        ----------
        x : array, shape (N, C, *locations), floating dtype
            In training, N is a multiple of `ghost`.

        Returns
        -------
        array, shape and dtype of `x`

        Raises
        ------
        ValueError
            As from `bncourse.scratch.BatchNorm`, and if chunks do not fill the batch.
        """
        x = batch("x", x, self.num_features)
        if not self.training:
            return super().forward(x)
        if len(x) == 0 or len(x) % self.ghost:
            raise ValueError(f"x: want a multiple of {self.ghost} examples, got {len(x)}")
        chunks = len(x) // self.ghost
        gamma, beta = np.tile(np.array([self.gamma, self.beta]), chunks)
        y, cache = batch_norm_forward(_fold(x, chunks), gamma, beta, eps=self.eps)  # eq-ghost
        count = (self.num_batches_tracked or 0) + 1
        momentum = 1 / count if self.momentum is None else self.momentum
        var = unbiased_var(cache.var, len(cache.x_hat))
        for running, new in ((self.running_mean, cache.mean), (self.running_var, var)):
            if running is not None:
                mean = new.reshape(chunks, -1).mean(axis=0)
                running[...] = running_average(running, mean, momentum)
        self.num_batches_tracked = count
        self._backward = partial(_through_chunks, cache=cache, chunks=chunks)
        return _unfold(y, chunks)


def _through_chunks(dy: ArrayLike, cache: Cache, chunks: int) -> tuple[Floats, Floats, Floats]:
    """Return dx, and dgamma and dbeta as sums over the chunks."""
    dx, *grads = wide_backward(_fold(like("dy", dy, _unfolded(cache.shape, chunks)), chunks), cache)
    dgamma, dbeta = (grad.reshape(chunks, -1).sum(axis=0) for grad in grads)
    return _unfold(dx, chunks), dgamma, dbeta


def _unfolded(shape: tuple[int, ...], chunks: int) -> tuple[int, ...]:
    """Return the shape of a batch whose chunks side by side have this one."""
    size, channels, *locations = shape
    return chunks * size, channels // chunks, *locations


def _fold(x: Floats, chunks: int) -> Floats:
    """Return a batch as its chunks side by side, (N/chunks, chunks * C, *locations)."""
    size, channels, *locations = len(x) // chunks, *x.shape[1:]
    split = x.reshape(chunks, size, channels, *locations)
    return split.swapaxes(0, 1).reshape(size, chunks * channels, *locations)


def _unfold(x: Floats, chunks: int) -> Floats:
    """Return the batch whose chunks these are: the inverse of `_fold`."""
    size, channels, *locations = len(x), x.shape[1] // chunks, *x.shape[2:]
    side_by_side = x.reshape(size, chunks, channels, *locations)
    return side_by_side.swapaxes(0, 1).reshape(_unfolded(x.shape, chunks))
