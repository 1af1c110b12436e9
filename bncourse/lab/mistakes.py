"""Backward passes that people write by mistake: what a gradient check has to find."""

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch import (
    BatchNorm,
    Cache,
    Floats,
    Sequential,
    from_rows,
    grad_beta,
    grad_gamma,
    grad_x_closed,
    to_rows,
)
from bncourse.scratch._arguments import ieee, like


def wrong_gradients(dy: ArrayLike, cache: Cache) -> dict[str, Floats]:
    """Return dx as wrong backward passes of a training batch give it.

    Parameters
    ----------
    dy : array, shape (N, C, *locations), floating dtype
        Gradient of the loss with respect to y, of x's shape.
    cache : Cache
        From `batch_norm_forward`, with a variance above zero in each channel.

    Returns
    -------
    dict of arrays, shape and dtype of x
        By what is wrong with each.

    Raises
    ------
    TypeError
        If `dy` has no floating dtype.
    ValueError
        If `dy` has another shape than x.

    Examples
    --------
    >>> from bncourse.scratch import batch_norm_forward
    >>> _, cache = batch_norm_forward(np.array([[0.0], [1.0], [5.0]]), np.ones(1), np.zeros(1))
    >>> wrong_gradients(np.array([[1.0], [0.0], [0.0]]), cache)["statistics detached"].round(4)
    array([[0.4629],
           [0.    ],
           [0.    ]])
    """
    rows, x_hat = _rows(dy, cache), cache.x_hat
    m, var, eps = len(rows), cache.var, cache.eps
    gamma, inv_std = cache.gamma, cache.inv_std
    dgamma, dbeta = grad_gamma(rows, x_hat), grad_beta(rows)
    none = np.zeros_like(dbeta)

    def closed(
        dgamma: Floats = dgamma,
        dbeta: Floats = dbeta,
        gamma: Floats = gamma,
        inv_std: Floats = inv_std,
    ) -> Floats:
        return grad_x_closed(rows, x_hat, dgamma, dbeta, gamma, inv_std)

    wrong = {
        "zero": np.zeros_like(rows),
        "statistics detached": closed(dgamma=none, dbeta=none),
        "mean detached": closed(dbeta=none),
        "variance detached": closed(dgamma=none),
        "sign of the last term": closed(dgamma=-dgamma),
        "gamma forgotten": closed(gamma=np.ones_like(gamma)),
        "unbiased variance": closed(inv_std=1 / np.sqrt(var * m / (m - 1) + eps)),
        "eps outside the root": closed(inv_std=1 / (np.sqrt(var) + eps)),
    }
    return {name: from_rows(dx, cache.shape, cache.dtype) for name, dx in wrong.items()}


def _rows(dy: ArrayLike, cache: Cache) -> Floats:
    """Return a gradient as rows, having checked that it fits the forward pass."""
    return to_rows(like("dy", dy, cache.shape))


class DetachedBatchNorm(BatchNorm):
    """A layer that normalizes by the batch, and takes its statistics for constants backward.

    Section 2 of the paper says what comes of it. Where running statistics normalize, in
    evaluation, there is nothing to detach: it is a BatchNorm there.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats
        As those of `bncourse.scratch.BatchNorm`.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, section 2.

    Examples
    --------
    >>> layer = DetachedBatchNorm(1)
    >>> y = layer.forward(np.array([[0.0], [1.0], [5.0]]))
    >>> layer.backward(np.array([[1.0], [0.0], [0.0]])).round(4)
    array([[0.4629],
           [0.    ],
           [0.    ]])
    """

    @staticmethod
    @ieee
    def _through_batch(dy: ArrayLike, cache: Cache) -> tuple[Floats, Floats, Floats]:
        """Return dx along the direct path alone, dgamma and dbeta."""
        rows = _rows(dy, cache)
        none = np.zeros_like(cache.gamma)
        dx = grad_x_closed(rows, cache.x_hat, none, none, cache.gamma, cache.inv_std)
        dgamma, dbeta = grad_gamma(rows, cache.x_hat), grad_beta(rows)
        return from_rows(dx, cache.shape, cache.dtype), dgamma, dbeta


def with_detached_statistics(network: Sequential) -> Sequential:
    """Return a network with the same layers, each batch normalization replaced by a detached one.

    Parameters
    ----------
    network : Sequential
        Its other layers are shared, not copied.

    Returns
    -------
    Sequential
        In the network's mode. A layer that replaces another has its settings and mode, and
        copies of its parameters and running statistics.

    Examples
    --------
    >>> network = with_detached_statistics(Sequential(BatchNorm(3)))
    >>> [type(layer).__name__ for layer in network.layers]
    ['DetachedBatchNorm']
    """
    layers = (
        _detached(layer) if isinstance(layer, BatchNorm) else layer for layer in network.layers
    )
    result = Sequential(*layers)
    result.training = network.training
    return result


def _detached(layer: BatchNorm) -> DetachedBatchNorm:
    """Return a detached layer that starts where another one is."""
    detached = DetachedBatchNorm(
        layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
    )
    detached.load_state_dict(layer.state_dict())
    detached.training = layer.training
    return detached
