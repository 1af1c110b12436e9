"""The few layers beside batch normalization that the course's networks need.

All keep one protocol: `forward(x)` returns the output, `backward(dy)` sets the parameters'
gradients and returns dx, `parameters()` lists pairs of a parameter and its gradient. What is
said of shapes and dtypes in a class holds for its `forward`; `backward` takes the gradient of
the loss with respect to the output and returns that with respect to the input.
"""

from typing import Self, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import Floats, floating, ieee, like, wide

Saved = TypeVar("Saved")


class Layer:
    """What every layer has: a mode, a forward and a backward pass, and parameters."""

    training = True

    def forward(self, x: ArrayLike) -> Floats:
        """Return the layer's output for a batch."""
        raise NotImplementedError

    def backward(self, dy: ArrayLike) -> Floats:
        """Set the parameters' gradients, and return dx, for the last batch."""
        raise NotImplementedError

    def parameters(self) -> list[tuple[Floats, Floats | None]]:
        """Return pairs of a parameter and its gradient, None before the first backward."""
        return []

    def train(self) -> Self:
        """Set training mode, and return the layer."""
        self.training = True
        return self

    def eval(self) -> Self:
        """Set evaluation mode, and return the layer."""
        self.training = False
        return self


class Linear(Layer):
    """The affine map y = x @ weight.T + bias on arrays of shape (N, in_features).

    Parameters
    ----------
    in_features, out_features : int
        Lengths of a row of the input and of the output.
    bias : bool, default True
        Whether there is a bias.
    rng : numpy Generator, optional
        Draws the parameters from U(-k, k), k = 1/sqrt(in_features), as torch does; a fresh one
        if missing.

    Attributes
    ----------
    weight : array, shape (out_features, in_features), float64
    bias : array, shape (out_features,), float64, or None
    dweight, dbias : their gradients, None before the first backward

    Raises
    ------
    TypeError
        From forward and backward, if a dtype is not floating.
    ValueError
        From forward and backward, if a shape does not fit.

    Examples
    --------
    >>> layer = Linear(2, 1)
    >>> layer.weight[...], layer.bias[...] = [[1.0, 2.0]], 5.0
    >>> layer.forward(np.array([[10.0, 1.0]]))
    array([[17.]])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = np.random.default_rng() if rng is None else rng
        bound = 1 / np.sqrt(in_features)
        self.weight: Floats = rng.uniform(-bound, bound, (out_features, in_features))
        self.bias: Floats | None = rng.uniform(-bound, bound, out_features) if bias else None
        self.dweight: Floats | None = None
        self.dbias: Floats | None = None
        self._x: Floats | None = None

    @ieee
    def forward(self, x: ArrayLike) -> Floats:
        """Return the output, shape (N, out_features), dtype of `x`."""
        x = floating("x", x)
        if x.ndim != 2 or x.shape[1] != self.weight.shape[1]:
            raise ValueError(f"x: want shape (N, {self.weight.shape[1]}), got {x.shape}")
        self._x = x.copy()
        y = x @ self.weight.T
        if self.bias is not None:
            y = y + self.bias
        return y.astype(x.dtype, copy=False)

    @ieee
    def backward(self, dy: ArrayLike) -> Floats:
        """Set dweight and dbias, and return dx."""
        x = _saved(self._x)
        dy = _wide_gradient(dy, (len(x), len(self.weight)))
        self.dweight = dy.T @ x
        if self.bias is not None:
            self.dbias = dy.sum(axis=0)
        return (dy @ self.weight).astype(x.dtype, copy=False)

    def parameters(self) -> list[tuple[Floats, Floats | None]]:
        """Return the weight's pair, and the bias's if there is one."""
        pairs = [(self.weight, self.dweight)]
        return pairs if self.bias is None else [*pairs, (self.bias, self.dbias)]


class Conv2d(Layer):
    """Convolution (cross-correlation, as in torch) of arrays of shape (N, C, H, W).

    Parameters
    ----------
    in_channels, out_channels : int
        Number of channels of the input and of the output.
    kernel_size : int
        Height and width of the kernel.
    stride : int, default 1
        Step from one location to the next.
    padding : int, default 0
        Zeros added at each border.
    bias : bool, default True
        Whether there is a bias.
    rng : numpy Generator, optional
        Draws the parameters from U(-k, k), k = 1/sqrt(in_channels * kernel_size**2), as torch
        does; a fresh one if missing.

    Attributes
    ----------
    weight : array, shape (out_channels, in_channels, kernel_size, kernel_size), float64
    bias : array, shape (out_channels,), float64, or None
    dweight, dbias : their gradients, None before the first backward

    Raises
    ------
    TypeError
        From forward and backward, if a dtype is not floating.
    ValueError
        From forward and backward, if a shape does not fit.

    Examples
    --------
    >>> layer = Conv2d(1, 4, kernel_size=3, stride=2, padding=1)
    >>> layer.forward(np.zeros((5, 1, 28, 28))).shape
    (5, 4, 14, 14)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = np.random.default_rng() if rng is None else rng
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        bound = 1 / np.sqrt(in_channels * kernel_size**2)
        self.stride = stride
        self.padding = padding
        self.weight: Floats = rng.uniform(-bound, bound, shape)
        self.bias: Floats | None = rng.uniform(-bound, bound, out_channels) if bias else None
        self.dweight: Floats | None = None
        self.dbias: Floats | None = None
        self._padded: Floats | None = None

    @ieee
    def forward(self, x: ArrayLike) -> Floats:
        """Return the output, shape (N, out_channels, H', W'), dtype of `x`."""
        x = floating("x", x)
        channels, size = self.weight.shape[1:3]
        if x.ndim != 4 or x.shape[1] != channels or min(x.shape[2:]) + 2 * self.padding < size:
            raise ValueError(
                f"x: want shape (N, {channels}, H, W) no smaller than the kernel, got {x.shape}"
            )
        border = (self.padding, self.padding)
        self._padded = np.pad(x, ((0, 0), (0, 0), border, border))
        # (N, C, H', W', size, size) with (out, C, size, size) gives (N, H', W', out).
        y: Floats = np.tensordot(self._windows(self._padded), self.weight, ((1, 4, 5), (1, 2, 3)))
        if self.bias is not None:
            y = y + self.bias
        return np.array(np.moveaxis(y, -1, 1), dtype=x.dtype, order="C")

    @ieee
    def backward(self, dy: ArrayLike) -> Floats:
        """Set dweight and dbias, and return dx."""
        padded = _saved(self._padded)
        windows = self._windows(padded)
        height, width = windows.shape[2:4]
        dy = _wide_gradient(dy, (len(padded), len(self.weight), height, width))
        self.dweight = np.tensordot(dy, windows, ((0, 2, 3), (0, 2, 3)))
        if self.bias is not None:
            self.dbias = dy.sum(axis=(0, 2, 3))

        dx: Floats = np.zeros(padded.shape)
        for i, j in np.ndindex(self.weight.shape[2:]):
            # What entry (i, j) of the kernel saw gets its share of the gradient back.
            rows = slice(i, i + self.stride * height, self.stride)
            columns = slice(j, j + self.stride * width, self.stride)
            share = np.tensordot(dy, self.weight[:, :, i, j], (1, 0))
            dx[:, :, rows, columns] += np.moveaxis(share, -1, 1)
        p = self.padding
        dx = dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]
        return dx.astype(padded.dtype)

    def parameters(self) -> list[tuple[Floats, Floats | None]]:
        """Return the weight's pair, and the bias's if there is one."""
        pairs = [(self.weight, self.dweight)]
        return pairs if self.bias is None else [*pairs, (self.bias, self.dbias)]

    def _windows(self, padded: Floats) -> Floats:
        """Return what the kernel sees at each location, (N, C, H', W', size, size)."""
        windows = sliding_window_view(padded, self.weight.shape[2:], (2, 3))
        return windows[:, :, :: self.stride, :: self.stride]


class Flatten(Layer):
    """All axes but the first as one: (N, C, H, W) becomes (N, C*H*W).

    Examples
    --------
    >>> Flatten().forward(np.zeros((5, 4, 7, 7))).shape
    (5, 196)
    """

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None

    def forward(self, x: ArrayLike) -> Floats:
        """Return `x` with shape (N, everything else)."""
        x = floating("x", x)
        self._shape = x.shape
        return x.reshape(_flat(x.shape))

    def backward(self, dy: ArrayLike) -> Floats:
        """Return `dy` with the shape of the last batch."""
        shape = _saved(self._shape)
        return like("dy", dy, _flat(shape)).reshape(shape)


class Sigmoid(Layer):
    """The logistic function 1 / (1 + exp(-x)), on arrays of any shape.

    Examples
    --------
    >>> Sigmoid().forward(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """

    def __init__(self) -> None:
        self._slope: Floats | None = None

    @ieee
    def forward(self, x: ArrayLike) -> Floats:
        """Return the output, shape and dtype of `x`."""
        x = floating("x", x)
        # exp of a negative number only: it cannot overflow.
        small = np.exp(-np.abs(x))
        y: Floats = np.where(x >= 0, 1, small) / (1 + small)
        self._slope = y * (1 - y)
        return y

    @ieee
    def backward(self, dy: ArrayLike) -> Floats:
        """Return dy * y * (1 - y)."""
        slope = _saved(self._slope)
        return (like("dy", dy, slope.shape) * slope).astype(slope.dtype, copy=False)


class ReLU(Layer):
    """The larger of x and 0, on arrays of any shape; its derivative at 0 is taken as 0.

    Examples
    --------
    >>> ReLU().forward(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __init__(self) -> None:
        self._slope: Floats | None = None

    def forward(self, x: ArrayLike) -> Floats:
        """Return the output, shape and dtype of `x`."""
        x = floating("x", x)
        self._slope = (x > 0).astype(x.dtype)
        return np.maximum(x, 0)

    @ieee
    def backward(self, dy: ArrayLike) -> Floats:
        """Return dy where x was positive, else 0."""
        slope = _saved(self._slope)
        dx = np.where(slope > 0, like("dy", dy, slope.shape), 0)
        return dx.astype(slope.dtype, copy=False)


class Sequential(Layer):
    """Layers one after the other.

    Parameters
    ----------
    *layers : Layer
        In the order of the forward pass.

    Examples
    --------
    >>> network = Sequential(Flatten(), Linear(784, 10), Sigmoid())
    >>> network.forward(np.zeros((5, 28, 28))).shape
    (5, 10)
    """

    def __init__(self, *layers: Layer) -> None:
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers: want layers, got {layer!r}")
        # A layer keeps what one forward pass needs, so it cannot stand in two places.
        if len({id(layer) for layer in layers}) < len(layers):
            raise ValueError("layers: want each layer once, got one of them twice")
        self.layers = layers

    def forward(self, x: ArrayLike) -> Floats:
        """Return the last layer's output."""
        x = floating("x", x)
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy: ArrayLike) -> Floats:
        """Set all gradients, and return that of the input."""
        dy = floating("dy", dy)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def parameters(self) -> list[tuple[Floats, Floats | None]]:
        """Return the pairs of all layers."""
        return [pair for layer in self.layers for pair in layer.parameters()]

    def train(self) -> Self:
        """Set all layers to training mode, and return the network."""
        for layer in self.layers:
            layer.train()
        return super().train()

    def eval(self) -> Self:
        """Set all layers to evaluation mode, and return the network."""
        for layer in self.layers:
            layer.eval()
        return super().eval()


def _saved(saved: Saved | None) -> Saved:
    """Return what forward saved, or say that it was not called."""
    if saved is None:
        raise RuntimeError("backward: want a call of forward before it, got none")
    return saved


def _wide_gradient(dy: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return `dy` as wide as its sums are taken, having checked that it fits."""
    array = like("dy", dy, shape)
    return array.astype(wide(array.dtype), copy=False)


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape with all axes but the first as one."""
    return *shape[:1], int(np.prod(shape[1:]))
