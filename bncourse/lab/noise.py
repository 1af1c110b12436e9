"""Noise whose mean and scale change at every step: what is meant to undo a steady distribution."""

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch import Floats, Layer
from bncourse.scratch._arguments import batch, like


class MovingNoise(Layer):
    """A layer that scales and shifts each channel at random, anew for each training batch.

    The output is a * x + b, {eq}`eq-moving-noise`. For each batch, each channel draws a mean
    scale from U(1 - scale, 1 + scale) and a mean shift from U(-shift, shift); each value draws
    its own a and b about them, normal, with standard deviation jitter. In evaluation a and b are
    their means, 1 and 0, so that x passes.

    Parameters
    ----------
    rng : numpy Generator
        Draws the noise.
    shift, scale, jitter : float
        As above; shift and jitter of b are in units of x.

    References
    ----------
    Santurkar et al. (2018), How Does Batch Normalization Help Optimization?, section 2.2, where
    such noise follows each batch normalization.

    Examples
    --------
    >>> layer = MovingNoise(np.random.default_rng(0), jitter=0.0)
    >>> x = np.array([[-1.0], [1.0]])
    >>> [float(layer.forward(x).mean().round(2)) for _ in range(3)]
    [-0.46, 0.46, -0.93]
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        shift: float = 1.0,
        scale: float = 0.25,
        jitter: float = 0.1,
    ) -> None:
        self.rng = rng
        self.shift = shift
        self.scale = scale
        self.jitter = jitter
        self.held = False
        self._noise: tuple[Floats, Floats] | None = None
        self._slope: Floats | None = None

    def hold(self) -> None:
        """Give all training batches to come the noise of the last one; they need its shape."""
        self.held = True

    def forward(self, x: ArrayLike) -> Floats:
        """Scale and shift a batch, {eq}`eq-moving-noise`.

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
            If `x` has fewer than two axes, or the noise is held and of another shape.
        """
        x = batch("x", x)
        if not self.training:
            self._slope = np.ones(x.shape, x.dtype)
            return x.copy()
        if self._noise is None or not self.held:
            self._noise = self._draw(x.shape)
        a, b = self._noise
        if a.shape != x.shape:
            raise ValueError(f"x: want shape {a.shape}, that of the noise held, got {x.shape}")
        self._slope = a
        return (a * x + b).astype(x.dtype, copy=False)  # eq-moving-noise

    def backward(self, dy: ArrayLike) -> Floats:
        """Return dx; the noise is a constant."""
        if self._slope is None:
            raise RuntimeError("backward: want a call of forward before it, got none")
        dy = like("dy", dy, self._slope.shape)
        return (self._slope * dy).astype(dy.dtype, copy=False)

    def _draw(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Return a and b for a batch."""
        channels = (shape[1], *[1] * (len(shape) - 2))
        a = self.rng.uniform(1 - self.scale, 1 + self.scale, channels)
        b = self.rng.uniform(-self.shift, self.shift, channels)
        noise_a, noise_b = self.jitter * self.rng.standard_normal((2, *shape))
        return a + noise_a, b + noise_b
