"""What is looked at in a network while it trains: each look returns numbers by name."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bncourse.lab.data import Digits
from bncourse.lab.drift import gradient_shift, jump, percentiles
from bncourse.lab.landscape import along_gradient
from bncourse.lab.noise import MovingNoise
from bncourse.lab.training import accuracy, backpropagate
from bncourse.scratch import SGD, Floats, Sequential, SoftmaxCrossEntropy

# Lengths of the steps along the gradient, in those of training.
ALONG = np.array([1 / 4, 1 / 2, 1, 2, 4])
SEEN_IMAGES = 200

Seen = Mapping[str, float | Floats]


@dataclass(frozen=True, eq=False)
class Scene:
    """What a look needs beside the network.

    Attributes
    ----------
    digits : Digits
        Images in float64.
    rows : array of int
        The batch of this look: which training images.
    lr : float
        The learning rate of the training.
    """

    digits: Digits
    rows: NDArray[np.intp]
    lr: float

    @property
    def batch(self) -> tuple[Floats, NDArray[np.int64]]:
        """The images and labels of the batch."""
        return self.digits.train_images[self.rows], self.digits.train_labels[self.rows]


def look_at_accuracy(network: Sequential, scene: Scene) -> Seen:
    """Return the accuracy in evaluation mode, over all test images."""
    read = copy.deepcopy(network).eval()
    return {"accuracy": accuracy(read, scene.digits.test_images, scene.digits.test_labels)}


def look_at_losses(network: Sequential, scene: Scene) -> Seen:
    """Return the losses in evaluation mode, over all training and all test images."""
    read, digits, loss = copy.deepcopy(network).eval(), scene.digits, SoftmaxCrossEntropy()
    return {
        "train loss": loss.forward(read.forward(digits.train_images), digits.train_labels),
        "test loss": loss.forward(read.forward(digits.test_images), digits.test_labels),
    }


def look_at_jump(network: Sequential, scene: Scene) -> Seen:
    """Return how far one step of training moves what enters the last sigmoid.

    It is the median of {eq}`eq-jump` over the units, on 200 test images, always the same.
    """
    after = copy.deepcopy(network).train()
    seen = scene.digits.test_images[:SEEN_IMAGES]
    before = percentiles(after, seen)
    backpropagate(after, *scene.batch)
    SGD(after, scene.lr).step()
    return {"jump": float(np.median(jump(before, percentiles(after, seen))))}


def look_at_gradient_shift(network: Sequential, scene: Scene) -> Seen:
    """Return the relative change of the gradient of each layer but the first."""
    shift = gradient_shift(_held(network, scene), *scene.batch, scene.lr)
    return {"gradient shift": shift.relative[1:]}


def look_along_gradient(network: Sequential, scene: Scene) -> Seen:
    """Return loss and gradient along steps of 1/4 to 4 learning rates."""
    seen = along_gradient(_held(network, scene), *scene.batch, scene.lr * ALONG)
    return {
        "start": seen.start,
        "loss along": seen.loss,
        "kept": seen.kept(),
        "predictiveness": seen.predictiveness(),
        "smoothness": seen.smoothness(),
    }


def _held(network: Sequential, scene: Scene) -> Sequential:
    """Return a copy whose noise, if it has any, stays the same for the batch of the scene."""
    held = copy.deepcopy(network).train()
    held.forward(scene.batch[0])
    for layer in held.layers:
        if isinstance(layer, MovingNoise):
            layer.hold()
    return held


LOOKS: dict[str, Callable[[Sequential, Scene], Seen]] = {
    "accuracy": look_at_accuracy,
    "losses": look_at_losses,
    "jump": look_at_jump,
    "gradient shift": look_at_gradient_shift,
    "along": look_along_gradient,
}
