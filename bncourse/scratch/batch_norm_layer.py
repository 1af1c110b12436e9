"""Batch normalization as a layer: the NumPy twin of torch's BatchNorm1d, 2d and 3d."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bncourse.scratch._arguments import Floats, batch, both_or_neither, like
from bncourse.scratch.backward import wide_backward, wide_inference_backward
from bncourse.scratch.forward import batch_norm_forward, batch_norm_inference
from bncourse.scratch.functional import update_running_statistics
from bncourse.scratch.layers import Layer

Backward = Callable[[ArrayLike], tuple[Floats, Floats, Floats]]


class BatchNorm(Layer):
    """Batch normalization with parameters and running statistics.

    What it stores, and when it changes it, is as in torch; what it computes are the functions
    of this package. Mode is set by `train()` and `eval()`.

    Parameters
    ----------
    num_features : int
        C, the number of channels.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        Weight of the new batch in the running averages; None for the cumulative average, in
        which all batches so far weigh the same.
    affine : bool, default True
        Whether there are gamma and beta to learn.
    track_running_stats : bool, default True
        Whether to keep running averages. Without them, evaluation normalizes by the batch's
        own statistics too.

    Attributes
    ----------
    gamma, beta : arrays, shape (C,), float64, or None
        Scale (ones at first) and shift (zeros at first).
    dgamma, dbeta : arrays, shape (C,), float64, or None
        Their gradients, from the last `backward`.
    running_mean, running_var : arrays, shape (C,), float64, or None
        Zeros and ones at first; the stored variance is the unbiased one.
    num_batches_tracked : int or None
        Training batches so far, empty ones included.

    Raises
    ------
    ValueError
        If `num_features` is below 1.

    Examples
    --------
    >>> layer = BatchNorm(1, momentum=None)
    >>> layer.forward(np.array([[1.0], [3.0]])).round(3)
    array([[-1.],
           [ 1.]])
    >>> layer.running_mean, layer.running_var
    (array([2.]), array([2.]))
    >>> layer.eval().forward(np.array([[2.0]]))
    array([[0.]])
    """

    # How a gradient goes back where the batch's own statistics normalized.
    _through_batch = staticmethod(wide_backward)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        if num_features < 1:
            raise ValueError(f"num_features: want at least 1, got {num_features}")
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.gamma: Floats | None = np.ones(num_features) if affine else None
        self.beta: Floats | None = np.zeros(num_features) if affine else None
        self.dgamma: Floats | None = None
        self.dbeta: Floats | None = None
        tracked = track_running_stats
        self.running_mean: Floats | None = np.zeros(num_features) if tracked else None
        self.running_var: Floats | None = np.ones(num_features) if tracked else None
        self.num_batches_tracked: int | None = 0 if tracked else None
        self._backward: Backward | None = None

    def forward(self, x: ArrayLike) -> Floats:
        """Normalize a batch; in training also take it into the running averages.

        Parameters
        ----------
        x : array, shape (N, C, *locations), floating dtype

        Returns
        -------
        array, shape and dtype of `x`

        Raises
        ------
        TypeError
            If `x` has no floating dtype.
        ValueError
            If `x` has another number of channels, or one value a channel where the batch's
            statistics are needed. Nothing was changed then.
        """
        x = batch("x", x, self.num_features)
        gamma = np.ones(self.num_features) if self.gamma is None else self.gamma
        beta = np.zeros(self.num_features) if self.beta is None else self.beta
        mean, var = self.running_mean, self.running_var
        both_or_neither(mean, var)

        if self.training or mean is None or var is None:
            y, cache = batch_norm_forward(x, gamma, beta, eps=self.eps)
            tracks = self.training and self.track_running_stats
            if tracks and mean is not None and var is not None:
                count = (self.num_batches_tracked or 0) + 1
                # The cumulative average: the t-th batch weighs 1/t.
                momentum = 1 / count if self.momentum is None else self.momentum
                update_running_statistics(mean, var, cache, momentum)
                self.num_batches_tracked = count
            self._backward = partial(self._through_batch, cache=cache)
            return y
        y = batch_norm_inference(x, mean, var, gamma, beta, eps=self.eps)
        # Copies: what changes before the backward pass must not change its result.
        given = {"x": x, "mean": mean, "var": var, "gamma": gamma}
        copies = {name: array.copy() for name, array in given.items()}
        backward = partial(wide_inference_backward, eps=self.eps)
        self._backward = partial(backward, **copies)
        return y

    def backward(self, dy: ArrayLike) -> Floats:
        """Set dgamma and dbeta, and return dx, for the last batch given to `forward`.

        Parameters
        ----------
        dy : array, shape of that batch, floating dtype

        Returns
        -------
        array, shape and dtype of that batch

        Raises
        ------
        RuntimeError
            If `forward` was not called.
        TypeError
            If `dy` has no floating dtype.
        ValueError
            If `dy` has another shape.
        """
        if self._backward is None:
            raise RuntimeError("backward: want a call of forward before it, got none")
        dx, dgamma, dbeta = self._backward(dy)
        if self.affine:
            self.dgamma, self.dbeta = dgamma.astype(np.float64), dbeta.astype(np.float64)
        return dx

    def parameters(self) -> list[tuple[Floats, Floats | None]]:
        """Return (gamma, dgamma) and (beta, dbeta), or nothing without affine."""
        if self.gamma is None or self.beta is None:
            return []
        return [(self.gamma, self.dgamma), (self.beta, self.dbeta)]

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return copies of parameters and statistics under torch's names.

        Returns
        -------
        dict of arrays
            "weight", "bias" (if affine), "running_mean", "running_var",
            "num_batches_tracked" (if tracked).
        """
        state: dict[str, NDArray[Any]] = {
            name: array.copy() for name, array in self._arrays().items()
        }
        if self.num_batches_tracked is not None:
            state["num_batches_tracked"] = np.array(self.num_batches_tracked)
        return state

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Take parameters and statistics from `state_dict()` of this class or of torch's.

        Parameters
        ----------
        state : mapping of arrays
            The names of `state_dict()`, all of them and no others.

        Raises
        ------
        TypeError
            If a dtype is not floating.
        ValueError
            If a name is missing or unknown, or a shape does not fit. Nothing was changed then.
        """
        own = self.state_dict()
        if own.keys() != state.keys():
            raise ValueError(f"state: want the names {sorted(own)}, got {sorted(state)}")
        tracked = np.asarray(state.get("num_batches_tracked", 0))
        if tracked.ndim != 0 or not np.issubdtype(tracked.dtype, np.integer) or tracked < 0:
            raise ValueError(f"num_batches_tracked: want a count, got {tracked!r}")
        new = {
            name: like(name, value, (self.num_features,)).astype(np.float64)
            for name, value in state.items()
            if name != "num_batches_tracked"
        }
        for name, array in self._arrays().items():
            array[...] = new[name]
        if self.num_batches_tracked is not None:
            self.num_batches_tracked = int(tracked)

    def _arrays(self) -> dict[str, Floats]:
        """Return the arrays of the layer, those that it has, under torch's names."""
        arrays = {
            "weight": self.gamma,
            "bias": self.beta,
            "running_mean": self.running_mean,
            "running_var": self.running_var,
        }
        return {name: array for name, array in arrays.items() if array is not None}
