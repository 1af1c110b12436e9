"""The figures of the chapter on training that are not panels of runs."""

from collections.abc import Mapping

import matplotlib.pyplot as plt

from bncourse.figures.panels import decades
from bncourse.figures.style import BLUE, INK, Array


def draw_twins(steps: Array, losses: Mapping[str, tuple[Array, Array]]) -> None:
    """Draw the losses of our networks, thick, and those of PyTorch's twins on top, thin.

    Parameters
    ----------
    steps : array, shape (T,)
    losses : mapping of pairs of arrays, shape (T,)
        By the network's name, ours and PyTorch's.
    """
    _, ax = plt.subplots(figsize=(6, 3.6))
    for name, (ours, theirs) in losses.items():
        ax.plot(steps, ours, linewidth=4, alpha=0.5, label=name)
        ax.plot(steps, theirs, linewidth=1, color=INK, linestyle="-")
    ax.plot([], [], linewidth=1, color=INK, linestyle="-", label="PyTorch, each")
    decades(ax)
    ax.set_xlabel("training step")
    ax.set_ylabel("loss")
    ax.legend()


def draw_moving(steps: Array, bands: Mapping[str, Array]) -> None:
    """Draw where what enters a unit's activation lies, step by step.

    Parameters
    ----------
    steps : array, shape (T,)
    bands : mapping of arrays, shape (T, 3)
        By the network's name, percentiles in rising order.
    """
    figure, axes = plt.subplots(
        len(bands), 1, figsize=(6, 1.5 * len(bands) + 0.6), sharex=True, squeeze=False
    )
    for ax, (name, band) in zip(axes[:, 0], bands.items(), strict=True):
        low, middle, high = band.T
        ax.fill_between(steps, low, high, color=BLUE, alpha=0.25, linewidth=0)
        ax.plot(steps, middle, color=INK, linestyle="-", linewidth=1.5)
        ax.set_title(name)
    axes[-1, 0].set_xlabel("training step")
    figure.supylabel("input of the sigmoid")
