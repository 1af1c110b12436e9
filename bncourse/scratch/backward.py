"""The backward pass, twice: in stages along the computational graph, and in closed form.

`dy` is the gradient of the loss L with respect to y, and d-anything likewise. The functions
of single equations take rows of shape (m, C), see `to_rows`; those that compute a whole pass
take a batch of shape (N, C, *locations).
"""

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import (
    Floats,
    batch,
    eps_for_inference,
    ieee,
    like,
    per_channel,
)
from bncourse.scratch.forward import Cache, inverse_std, normalize
from bncourse.scratch.rows import from_rows, to_rows


def grad_beta(dy: Floats) -> Floats:
    """Return dL/dbeta, {eq}`eq-dbeta`: beta is added to every row.

    Parameters
    ----------
    dy : array, shape (m, C)

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> grad_beta(np.array([[1.0], [2.0]]))
    array([3.])
    """
    return dy.sum(axis=0)  # eq-dbeta


def grad_gamma(dy: Floats, x_hat: Floats) -> Floats:
    """Return dL/dgamma, {eq}`eq-dgamma`: gamma multiplies every normalized row.

    Parameters
    ----------
    dy, x_hat : arrays, shape (m, C)

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> grad_gamma(np.array([[1.0], [2.0]]), np.array([[-1.0], [1.0]]))
    array([1.])
    """
    return (dy * x_hat).sum(axis=0)  # eq-dgamma


def grad_x_hat(dy: Floats, gamma: Floats) -> Floats:
    """Return dL/dx_hat, {eq}`eq-dx-hat`.

    Parameters
    ----------
    dy : array, shape (m, C)
    gamma : array, shape (C,)

    Returns
    -------
    array, shape (m, C)

    Examples
    --------
    >>> grad_x_hat(np.array([[1.0], [2.0]]), np.array([3.0]))
    array([[3.],
           [6.]])
    """
    return dy * gamma  # eq-dx-hat


def grad_var(dx_hat: Floats, centered: Floats, inv_std: Floats) -> Floats:
    """Return dL/dvar, {eq}`eq-dvar`: the variance acts on every normalized row.

    Parameters
    ----------
    dx_hat, centered : arrays, shape (m, C)
        The gradient, and x - mean.
    inv_std : array, shape (C,)

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> grad_var(np.array([[2.0], [4.0]]), np.array([[-1.0], [1.0]]), np.array([1.0]))
    array([-1.])
    """
    return (dx_hat * centered * (-(inv_std**3) / 2)).sum(axis=0)  # eq-dvar


def grad_mean(dx_hat: Floats, dvar: Floats, centered: Floats, inv_std: Floats) -> Floats:
    """Return dL/dmean, {eq}`eq-dmean`: the mean acts directly and through the variance.

    The second way contributes nothing, since the centered rows sum to zero; it stands here
    because the graph has that edge.

    Parameters
    ----------
    dx_hat, centered : arrays, shape (m, C)
    dvar, inv_std : arrays, shape (C,)

    Returns
    -------
    array, shape (C,)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> grad_mean(np.array([[2.0], [4.0]]), -one, np.array([[-1.0], [1.0]]), one)
    array([-6.])
    """
    m = len(dx_hat)
    direct = (dx_hat * -inv_std).sum(axis=0)  # eq-dmean
    through_var = dvar * (-2 * centered / m).sum(axis=0)  # eq-dmean
    return direct + through_var  # eq-dmean


def grad_x(
    dx_hat: Floats, dvar: Floats, dmean: Floats, centered: Floats, inv_std: Floats
) -> Floats:
    """Return dL/dx, {eq}`eq-dx`: x acts directly, through the variance and through the mean.

    Parameters
    ----------
    dx_hat, centered : arrays, shape (m, C)
    dvar, dmean, inv_std : arrays, shape (C,)

    Returns
    -------
    array, shape (m, C)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> centered = np.array([[-1.0], [1.0]])
    >>> grad_x(np.array([[2.0], [4.0]]), -one, -6 * one, centered, one)
    array([[0.],
           [0.]])
    """
    m = len(dx_hat)
    return dx_hat * inv_std + dvar * 2 * centered / m + dmean / m  # eq-dx


def grad_x_closed(
    dy: Floats, x_hat: Floats, dgamma: Floats, dbeta: Floats, gamma: Floats, inv_std: Floats
) -> Floats:
    """Return dL/dx in closed form, {eq}`eq-dx-closed`; exact with any eps.

    Parameters
    ----------
    dy, x_hat : arrays, shape (m, C)
    dgamma, dbeta : arrays, shape (C,)
        The sums of dy * x_hat and of dy.
    gamma, inv_std : arrays, shape (C,)

    Returns
    -------
    array, shape (m, C)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> dy, x_hat = np.array([[2.0], [4.0]]), np.array([[-1.0], [1.0]])
    >>> grad_x_closed(dy, x_hat, grad_gamma(dy, x_hat), grad_beta(dy), one, one)
    array([[0.],
           [0.]])
    """
    m = len(dy)
    return gamma * inv_std / m * (m * dy - dbeta - x_hat * dgamma)  # eq-dx-closed


@ieee
def batch_norm_backward(dy: ArrayLike, cache: Cache) -> tuple[Floats, Floats, Floats]:
    """Propagate a gradient through `batch_norm_forward`, in closed form.

    The lines are {eq}`eq-dbeta`, {eq}`eq-dgamma` and {eq}`eq-dx-closed`, computed in float64
    or wider.

    Parameters
    ----------
    dy : array, shape (N, C, *locations), floating dtype
        Gradient of the loss with respect to y, of x's shape.
    cache : Cache
        From `batch_norm_forward`.

    Returns
    -------
    dx : array, shape and dtype of x
    dgamma, dbeta : arrays, shape (C,), dtype of x

    Raises
    ------
    TypeError
        If `dy` has no floating dtype.
    ValueError
        If `dy` has another shape than x.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, section 3, collected.

    Examples
    --------
    >>> from bncourse.scratch import batch_norm_forward
    >>> x = np.array([[0.0], [1.0], [5.0]])
    >>> _, cache = batch_norm_forward(x, np.ones(1), np.zeros(1))
    >>> dx, dgamma, dbeta = batch_norm_backward(np.array([[1.0], [0.0], [0.0]]), cache)
    >>> dx.round(4)
    array([[ 0.1763],
           [-0.2204],
           [ 0.0441]])
    """
    dx, dgamma, dbeta = wide_backward(dy, cache)
    return dx, dgamma.astype(cache.dtype), dbeta.astype(cache.dtype)


@ieee
def wide_backward(dy: ArrayLike, cache: Cache) -> tuple[Floats, Floats, Floats]:
    """Return what `batch_norm_backward` does, dgamma and dbeta as wide as they were computed.

    A layer keeps them so: sums over a large batch of float16 would overflow in float16.

    Examples
    --------
    >>> from bncourse.scratch import batch_norm_forward
    >>> x = np.array([[0.0], [1.0]], dtype=np.float16)
    >>> _, cache = batch_norm_forward(x, np.ones(1), np.zeros(1))
    >>> [grad.dtype.name for grad in wide_backward(x, cache)]
    ['float16', 'float64', 'float64']
    """
    rows = _gradient_rows(dy, cache)
    dbeta = grad_beta(rows)  # eq-dbeta
    dgamma = grad_gamma(rows, cache.x_hat)  # eq-dgamma
    dx = grad_x_closed(rows, cache.x_hat, dgamma, dbeta, cache.gamma, cache.inv_std)
    return from_rows(dx, cache.shape, cache.dtype), dgamma, dbeta


@ieee
def batch_norm_backward_staged(dy: ArrayLike, cache: Cache) -> dict[str, Floats]:
    """Propagate a gradient through `batch_norm_forward`, one node of the graph at a time.

    The lines are the paper's six equations: {eq}`eq-dbeta`, {eq}`eq-dgamma`,
    {eq}`eq-dx-hat`, {eq}`eq-dvar`, {eq}`eq-dmean` and {eq}`eq-dx`.

    Parameters
    ----------
    dy : array, shape (N, C, *locations), floating dtype
        Gradient of the loss with respect to y, of x's shape.
    cache : Cache
        From `batch_norm_forward`.

    Returns
    -------
    dict of arrays, dtype of x
        "dbeta", "dgamma", "dvar", "dmean" of shape (C,); "dx_hat", "dx" of x's shape.

    Raises
    ------
    TypeError
        If `dy` has no floating dtype.
    ValueError
        If `dy` has another shape than x.

    References
    ----------
    Ioffe and Szegedy (2015), Batch Normalization, section 3.

    Examples
    --------
    >>> from bncourse.scratch import batch_norm_forward
    >>> x = np.array([[0.0], [1.0], [5.0]])
    >>> _, cache = batch_norm_forward(x, np.ones(1), np.zeros(1))
    >>> grads = batch_norm_backward_staged(np.array([[1.0], [0.0], [0.0]]), cache)
    >>> {name: grads[name].round(4).tolist() for name in ("dvar", "dmean")}
    {'dvar': [0.0992], 'dmean': [-0.4629]}
    """
    rows = _gradient_rows(dy, cache)
    centered, inv_std = cache.centered, cache.inv_std
    dbeta = grad_beta(rows)  # eq-dbeta
    dgamma = grad_gamma(rows, cache.x_hat)  # eq-dgamma
    dx_hat = grad_x_hat(rows, cache.gamma)  # eq-dx-hat
    dvar = grad_var(dx_hat, centered, inv_std)  # eq-dvar
    dmean = grad_mean(dx_hat, dvar, centered, inv_std)  # eq-dmean
    dx = grad_x(dx_hat, dvar, dmean, centered, inv_std)  # eq-dx

    channels = {"dbeta": dbeta, "dgamma": dgamma, "dvar": dvar, "dmean": dmean}
    batches = {"dx_hat": dx_hat, "dx": dx}
    return {name: grad.astype(cache.dtype) for name, grad in channels.items()} | {
        name: from_rows(grad, cache.shape, cache.dtype) for name, grad in batches.items()
    }


@ieee
def batch_norm_inference_backward(
    dy: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    var: ArrayLike,
    gamma: ArrayLike,
    *,
    eps: float = 1e-5,
) -> tuple[Floats, Floats, Floats]:
    """Propagate a gradient through `batch_norm_inference`, {eq}`eq-dx-inference`.

    The statistics are constants there, so no term comes back through them.

    Parameters
    ----------
    dy, x : arrays, shape (N, C, *locations), floating dtype
        The gradient with respect to y, and the layer's input.
    mean, var, gamma : arrays, shape (C,), floating dtype
        As given to `batch_norm_inference`.
    eps : float, default 1e-5
        Zero or positive.

    Returns
    -------
    dx : array, shape and dtype of `x`
    dgamma, dbeta : arrays, shape (C,), dtype of `x`

    Raises
    ------
    TypeError
        If a dtype is not floating.
    ValueError
        If a shape does not fit, or eps is negative.

    Examples
    --------
    >>> one = np.ones(1)
    >>> x, dy = np.array([[3.0]]), np.array([[1.0]])
    >>> batch_norm_inference_backward(dy, x, one, 4 * one, one, eps=0.0)
    (array([[0.5]]), array([1.]), array([1.]))
    """
    dx, dgamma, dbeta = wide_inference_backward(dy, x, mean, var, gamma, eps=eps)
    return dx, dgamma.astype(dx.dtype), dbeta.astype(dx.dtype)


@ieee
def wide_inference_backward(
    dy: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    var: ArrayLike,
    gamma: ArrayLike,
    *,
    eps: float = 1e-5,
) -> tuple[Floats, Floats, Floats]:
    """Return what `batch_norm_inference_backward` does, dgamma and dbeta as wide as computed.

    A layer keeps them so, for the reason that `wide_backward` gives.

    Examples
    --------
    >>> one, x = np.ones(1), np.array([[3.0]], dtype=np.float16)
    >>> [grad.dtype.name for grad in wide_inference_backward(x, x, one, one, one)]
    ['float16', 'float64', 'float64']
    """
    x = batch("x", x)
    dy = like("dy", dy, x.shape)
    mean, var = per_channel("mean", mean, x), per_channel("var", var, x)
    gamma = per_channel("gamma", gamma, x)
    eps_for_inference(eps)
    if x.ndim == 1:
        return x.copy(), np.zeros_like(gamma), np.zeros_like(gamma)
    rows, inv_std = to_rows(dy), inverse_std(var, eps)
    dx = gamma * inv_std * rows  # eq-dx-inference
    dgamma = grad_gamma(rows, normalize(to_rows(x), mean, inv_std))  # eq-dgamma
    dbeta = grad_beta(rows)  # eq-dbeta
    return from_rows(dx, x.shape, x.dtype), dgamma, dbeta


def _gradient_rows(dy: ArrayLike, cache: Cache) -> Floats:
    """Return `dy` as rows, having checked that it fits the forward pass."""
    dy = like("dy", dy, cache.shape)
    return to_rows(dy) if dy.ndim > 1 else np.empty(cache.x_hat.shape)
