"""Batch normalization followed by noise whose mean and scale change at every step."""

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch import BatchNorm, Floats


class NoisyBatchNorm(BatchNorm):
    """A layer that normalizes by the batch, and then moves each channel at random.

    In training the output is a * y + b, {eq}`eq-moving-noise`, where y is what
    `bncourse.scratch.BatchNorm` returns. For each batch, each channel draws a mean scale from
    U(1, scale) and a mean shift from U(-shift, shift); each value draws its own a and b about
    them, normal, with standard deviation jitter. So what the next layer is given has another
    mean and another variance at each step, on purpose. In evaluation a and b are their means,
    (1 + scale)/2 and 0.

    Parameters
    ----------
    num_features : int
        As that of `bncourse.scratch.BatchNorm`, whose other settings have their defaults.
    rng : numpy Generator
        Draws the noise.
    shift, scale, jitter : float
        As above.

    References
    ----------
    Santurkar et al. (2018), How Does Batch Normalization Help Optimization?, section 2.2.

    Examples
    --------
    >>> layer = NoisyBatchNorm(1, np.random.default_rng(0), jitter=0.0)
    >>> x = np.array([[0.0], [2.0]])
    >>> [float(layer.forward(x).mean().round(2)) for _ in range(3)]
    [-0.23, 0.23, -0.47]
    """

    def __init__(
        self,
        num_features: int,
        rng: np.random.Generator,
        *,
        shift: float = 1.0,
        scale: float = 1.5,
        jitter: float = 0.1,
    ) -> None:
        super().__init__(num_features)
        self.rng = rng
        self.shift = shift
        self.scale = scale
        self.jitter = jitter
        self.held = False
        self._a: Floats | None = None
        self._b: Floats | None = None

    def hold(self) -> None:
        """Give all batches to come the noise of the last one; they must have its shape."""
        self.held = True

    def forward(self, x: ArrayLike) -> Floats:
        """Normalize a batch, and move it, {eq}`eq-moving-noise`.

        Parameters
        ----------
        x : array, shape (N, C, *locations), floating dtype

        Returns
        -------
        array, shape and dtype of `x`
        """
        y = super().forward(x)
        if not self.training:
            self._a = np.full(y.shape, (1 + self.scale) / 2)
            return (self._a * y).astype(y.dtype)
        if not self.held or self._a is None or self._b is None:
            self._a, self._b = self._draw(y.shape)
        return (self._a * y + self._b).astype(y.dtype)  # eq-moving-noise

    def backward(self, dy: ArrayLike) -> Floats:
        """Set dgamma and dbeta, and return dx; the noise is a constant."""
        if self._a is None:
            raise RuntimeError("backward: want a call of forward before it, got none")
        dy = np.asarray(dy)
        return super().backward((self._a * dy).astype(dy.dtype))

    def _draw(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Return a and b for a batch."""
        channels = (self.num_features, *[1] * (len(shape) - 2))
        a = self.rng.uniform(1, self.scale, channels)
        b = self.rng.uniform(-self.shift, self.shift, channels)
        noise_a, noise_b = self.jitter * self.rng.standard_normal((2, *shape))
        return a + noise_a, b + noise_b
