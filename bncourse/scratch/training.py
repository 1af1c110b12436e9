"""What training needs beside layers: a loss, and a step down its gradient."""

import numpy as np
from numpy.typing import ArrayLike

from bncourse.scratch._arguments import Floats, floating, ieee, wide
from bncourse.scratch.layers import Layer


class SoftmaxCrossEntropy:
    """Mean cross-entropy, in nats, of the softmax of logits against labels.

    Examples
    --------
    >>> loss = SoftmaxCrossEntropy()
    >>> loss.forward(np.zeros((1, 2)), np.array([0]))  # log 2
    0.6931471805599453
    >>> loss.backward()
    array([[-0.5,  0.5]])
    """

    def __init__(self) -> None:
        self._dlogits: Floats | None = None

    @ieee
    def forward(self, logits: ArrayLike, labels: ArrayLike) -> float:
        """Return the loss.

        Parameters
        ----------
        logits : array, shape (N, classes), floating dtype
        labels : array, shape (N,), integers from 0 to classes - 1

        Returns
        -------
        float

        Raises
        ------
        TypeError
            If the logits' dtype is not floating, or the labels' not an integer one.
        ValueError
            If a shape does not fit, the batch is empty, or a label is out of range.
        """
        given, labels = floating("logits", logits), np.asarray(labels)
        logits = given.astype(wide(given.dtype), copy=False)
        if logits.ndim != 2 or len(logits) == 0:
            raise ValueError(f"logits: want shape (N, classes) with N >= 1, got {logits.shape}")
        if not np.issubdtype(labels.dtype, np.integer):
            raise TypeError(f"labels: want an integer dtype, got {labels.dtype}")
        n, classes = logits.shape
        if labels.shape != (n,):
            raise ValueError(f"labels: want shape ({n},), got {labels.shape}")
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"labels: want 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
            )
        # The largest logit is taken off first, so that exp cannot overflow.
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        one_hot = labels[:, None] == np.arange(classes)
        self._dlogits = ((np.exp(log_softmax) - one_hot) / n).astype(given.dtype, copy=False)
        return float(-log_softmax[one_hot].mean())

    def backward(self) -> Floats:
        """Return the gradient of the loss with respect to the logits of the last `forward`."""
        if self._dlogits is None:
            raise RuntimeError("backward: want a call of forward before it, got none")
        return self._dlogits.copy()


class SGD:
    """Stochastic gradient descent, with PyTorch's conventions.

    A step does, for each parameter w with gradient g: g += weight_decay * w, then
    velocity = momentum * velocity + g, then w -= lr * velocity.

    Parameters
    ----------
    network : Layer
        Whose parameters to move; layers that learn nothing are fine.
    lr : float
        The learning rate.
    momentum, weight_decay : float, default 0
        Here momentum weighs the old velocity, unlike batch normalization's.

    Examples
    --------
    >>> from bncourse.scratch import BatchNorm
    >>> layer = BatchNorm(1)
    >>> y = layer.forward(np.array([[1.0], [3.0]]))
    >>> dx = layer.backward(np.ones((2, 1)))
    >>> SGD(layer, lr=0.1).step()
    >>> layer.beta
    array([-0.2])
    """

    def __init__(
        self, network: Layer, lr: float, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.network = network
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self._velocities = [np.zeros_like(value) for value, _ in network.parameters()]

    @ieee
    def step(self) -> None:
        """Move every parameter, in place; those without a gradient stay."""
        pairs = self.network.parameters()
        for velocity, (value, grad) in zip(self._velocities, pairs, strict=True):
            if grad is None:
                continue
            velocity *= self.momentum
            velocity += grad + self.weight_decay * value
            value -= self.lr * velocity
