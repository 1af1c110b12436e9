"""The NumPy twin of torch.nn.functional.batch_norm."""

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import (
    Floats,
    batch,
    both_or_neither,
    ieee,
    like,
    wide,
)
from bncourse.scratch.forward import Cache, batch_norm_forward, batch_norm_inference
from bncourse.scratch.statistics import running_average, unbiased_var


def batch_norm(
    x: ArrayLike,
    running_mean: Floats | None,
    running_var: Floats | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Floats:
    """Apply batch normalization as torch.nn.functional.batch_norm does.

    In training the batch's own statistics normalize, {eq}`eq-normalize`, and the running
    arrays are updated in place, {eq}`eq-running-average`: the biased variance normalizes, the
    unbiased one, {eq}`eq-unbiased-var`, is stored. In evaluation the running arrays
    normalize, {eq}`eq-inference`.

    Parameters
    ----------
    x : array, shape (N, C, *locations), floating dtype
        The batch; it is not modified. An empty batch changes no statistics.
    running_mean, running_var : arrays, shape (C,), floating dtype, or both None
        Running averages, updated in place in training. Without them, training keeps none.
    weight, bias : arrays, shape (C,), floating dtype, or None
        gamma and beta; ones and zeros where None.
    training : bool, default False
        Whether to normalize by the batch's statistics.
    momentum : float, default 0.1
        Weight of the new batch in the running averages; its range is not checked.
    eps : float, default 1e-5
        Added to the variance; positive in training, else zero or positive.

    Returns
    -------
    array, shape and dtype of `x`

    Raises
    ------
    TypeError
        If a dtype is not floating, or a running array is not a NumPy array.
    ValueError
        If a shape or eps does not fit, a channel holds one value in training, only one of
        the running arrays is given, both are missing in evaluation, or one that is to be
        updated is read-only. Nothing was changed then.

    Examples
    --------
    >>> x = np.array([[1.0], [3.0]])
    >>> mean, var = np.zeros(1), np.ones(1)
    >>> batch_norm(x, mean, var, training=True).round(3)
    array([[-1.],
           [ 1.]])
    >>> mean, var  # 0.9 * 0 + 0.1 * 2, and 0.9 * 1 + 0.1 * 2, the unbiased variance
    (array([0.2]), array([1.1]))
    """
    x = batch("x", x)
    both_or_neither(running_mean, running_var)
    # An empty one-axis x has no channel axis, so there is nothing to hold other shapes to.
    channels = x.shape[1:2]
    gamma = np.ones(channels) if weight is None or x.ndim == 1 else weight
    beta = np.zeros(channels) if bias is None or x.ndim == 1 else bias

    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("running_mean: want running arrays when training is False, got None")
        return batch_norm_inference(x, running_mean, running_var, gamma, beta, eps=eps)
    y, cache = batch_norm_forward(x, gamma, beta, eps=eps)
    if running_mean is not None and running_var is not None:
        update_running_statistics(running_mean, running_var, cache, momentum)
    return y


@ieee
def update_running_statistics(
    running_mean: Floats, running_var: Floats, cache: Cache, momentum: float
) -> None:
    """Take a training batch into the running averages, in place.

    Parameters
    ----------
    running_mean, running_var : arrays, shape (C,)
        Changed by {eq}`eq-running-average`, the variance with the unbiased estimate of
        {eq}`eq-unbiased-var`; unchanged after an empty batch.
    cache : Cache
        From `batch_norm_forward`.
    momentum : float
        Weight of the new batch.

    Raises
    ------
    TypeError
        If a running array is not a NumPy array of a floating dtype.
    ValueError
        If its shape does not fit, or it is read-only. Nothing was changed then.

    Examples
    --------
    >>> mean, var = np.zeros(1), np.ones(1)
    >>> _, cache = batch_norm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1))
    >>> update_running_statistics(mean, var, cache, momentum=0.5)
    >>> mean, var
    (array([1.]), array([1.5]))
    """
    if len(cache.shape) > 1:
        _updatable("running_mean", running_mean, cache.mean.shape)
        _updatable("running_var", running_var, cache.mean.shape)
    m = len(cache.x_hat)
    if m == 0:
        return
    var = unbiased_var(cache.var, m)
    for running, new in ((running_mean, cache.mean), (running_var, var)):
        old = running.astype(wide(running.dtype))
        running[...] = running_average(old, new, momentum)


def _updatable(name: str, array: Floats, shape: tuple[int, ...]) -> None:
    """Raise unless `array` is a floating array of this shape that can be written to."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: want a NumPy array to update, got {type(array).__name__}")
    like(name, array, shape)
    if not array.flags.writeable:
        raise ValueError(f"{name}: want an array that can be updated, got a read-only one")
