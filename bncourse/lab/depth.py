"""Gradients that grow with depth, at initialization."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bncourse.lab.networks import gaussian_linear
from bncourse.scratch import BatchNorm, Floats, Layer, ReLU, Sequential


def layer_gradients(network: Sequential, x: Floats, dy: Floats) -> list[Floats]:
    """Return the gradients between the layers of a network for one batch.

    Parameters
    ----------
    network : Sequential
        In its own mode; in training mode its running statistics are updated.
    x : array, floating dtype
        What the network takes.
    dy : array, shape of its output
        Gradient of the loss with respect to the output.

    Returns
    -------
    list of arrays, one more than layers
        The first is that with respect to x, the last is `dy`; number k is that with respect to
        what layer k is given, counted from 0.

    Examples
    --------
    >>> network = Sequential(ReLU(), ReLU())
    >>> layer_gradients(network, np.array([[-1.0, 1.0]]), np.array([[5.0, 7.0]]))[0]
    array([[0., 7.]])
    """
    network.forward(x)
    gradients = [dy]
    for layer in reversed(network.layers):
        gradients.append(layer.backward(gradients[-1]))
    return gradients[::-1]


def gradient_growth(activation: Layer) -> float:
    """Return by which factor a layer lengthens a gradient, {eq}`eq-gradient-growth`.

    For an activation, a wide linear layer of random weights and batch normalization, in the
    limit of large widths and batches, at initialization.

    Parameters
    ----------
    activation : Layer
        Works on each value alone.

    Returns
    -------
    float
        1 for a linear one, above 1 for any other.

    References
    ----------
    Yang et al. (2019), A Mean Field Theory of Batch Normalization.

    Examples
    --------
    >>> round(gradient_growth(ReLU()), 4)
    1.2112
    """
    # Midpoints of 100,000 cells, none at 0, where ReLU has no derivative.
    y = (np.arange(100_000) + 0.5) * 2e-4 - 10
    weight = np.exp(-(y**2) / 2)
    weight /= weight.sum()
    z = activation.forward(y)
    slope = activation.backward(np.ones_like(y))
    var = weight @ (z - weight @ z) ** 2
    return float(np.sqrt(weight @ slope**2 / var))  # eq-gradient-growth


def residual_growth(growth: float, blocks: int) -> float:
    """Return by which factor residual blocks lengthen a gradient, {eq}`eq-residual-growth`.

    Of blocks z + BN(W ReLU(z)), the first of which is given values of variance one, in the
    same limit as `gradient_growth`.

    Parameters
    ----------
    growth : float
        The factor of a layer without residual connection.
    blocks : int
        Their number.

    Returns
    -------
    float

    References
    ----------
    De and Smith (2020), Batch Normalization Biases Residual Blocks Towards the Identity
    Function in Deep Networks.

    Examples
    --------
    >>> round(residual_growth(1.0, 3), 4)  # the root of 2 * 3/2 * 4/3
    2.0
    """
    var = np.arange(1, blocks + 1)
    return float(np.sqrt(np.prod(1 + growth**2 / var)))  # eq-residual-growth


class Residual(Layer):
    """A branch that is added to what it is given: x + branch(x).

    Parameters
    ----------
    branch : Layer
        Its output has the shape of its input.

    Examples
    --------
    >>> Residual(ReLU()).forward(np.array([-1.0, 2.0]))
    array([-1.,  4.])
    """

    def __init__(self, branch: Layer) -> None:
        self.branch = branch

    def forward(self, x: ArrayLike) -> Floats:
        """Return the sum."""
        return np.asarray(x) + self.branch.forward(x)

    def backward(self, dy: ArrayLike) -> Floats:
        """Set the branch's gradients, and return dx."""
        return np.asarray(dy) + self.branch.backward(dy)

    def parameters(self) -> list[tuple[Floats, Floats | None]]:
        """Return the branch's pairs."""
        return self.branch.parameters()

    def train(self) -> "Residual":
        """Set training mode, the branch's too, and return the layer."""
        self.branch.train()
        return super().train()

    def eval(self) -> "Residual":
        """Set evaluation mode, the branch's too, and return the layer."""
        self.branch.eval()
        return super().eval()


def deep_network(
    rng: np.random.Generator,
    *,
    width: int,
    depth: int,
    batch_norm: bool,
    activation: Callable[[], Layer] = ReLU,
) -> Sequential:
    """Build a network of equal layers, each linear, batch normalization, activation.

    Parameters
    ----------
    rng : numpy Generator
        Draws the weights: normal, variance 2/width, He's choice for ReLU. There are no biases.
    width, depth : int
        Units of a layer, and layers.
    batch_norm : bool
        Whether there is batch normalization.
    activation : class of layer, default ReLU

    Returns
    -------
    Sequential

    References
    ----------
    He et al. (2015), Delving Deep into Rectifiers, section 2.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> len(deep_network(rng, width=4, depth=5, batch_norm=True).layers)
    15
    """
    layers: list[Layer] = []
    for _ in range(depth):
        layers.append(gaussian_linear(width, width, None, rng, bias=False))
        if batch_norm:
            layers.append(BatchNorm(width))
        layers.append(activation())
    return Sequential(*layers)


def residual_network(rng: np.random.Generator, *, width: int, depth: int) -> Sequential:
    """Build a network of residual blocks z + BN(W ReLU(z)).

    Parameters
    ----------
    rng : numpy Generator
        Draws the weights, as those of `deep_network`.
    width, depth : int
        Units of a layer, and blocks.

    Returns
    -------
    Sequential

    Examples
    --------
    >>> len(residual_network(np.random.default_rng(0), width=4, depth=5).layers)
    5
    """
    linears = (gaussian_linear(width, width, None, rng, bias=False) for _ in range(depth))
    branches = (Sequential(ReLU(), linear, BatchNorm(width)) for linear in linears)
    return Sequential(*(Residual(branch) for branch in branches))
