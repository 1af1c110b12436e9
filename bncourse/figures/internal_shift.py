"""The figures of internal covariate shift, and of what whitening would do."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bncourse.figures.style import BLUE, INK, Array


def draw_drift(steps: Array, accuracy: Mapping[str, Array], bands: Mapping[str, Array]) -> None:
    """Draw accuracies, and percentiles of one unit a network, over training.

    Parameters
    ----------
    steps : array, shape (T,)
        Training steps.
    accuracy : mapping of arrays, shape (T,)
        By the network's name, from 0 to 1.
    bands : mapping of arrays, shape (T, 3)
        By the name of each of two networks, percentiles in rising order.
    """
    figure, axes = plt.subplot_mosaic([["top", "top"], ["left", "right"]], figsize=(6, 5.4))
    for name, values in accuracy.items():
        axes["top"].plot(steps, 100 * values, label=name)
    axes["top"].set_title("(a) test accuracy")
    axes["top"].set_ylabel("%")
    axes["top"].legend(loc="lower right")
    for letter, place, (name, band) in zip("bc", ("left", "right"), bands.items(), strict=True):
        ax = axes[place]
        low, middle, high = band.T
        ax.fill_between(steps, low, high, color=BLUE, alpha=0.2, linewidth=0)
        ax.plot(steps, low, color=BLUE, linestyle="--", linewidth=1.5)
        ax.plot(steps, high, color=BLUE, linestyle="--", linewidth=1.5)
        ax.plot(steps, middle, color=INK, linestyle="-")
        ax.set_title(f"({letter}) {name}")
    axes["right"].sharey(axes["left"])
    axes["right"].tick_params(labelleft=False)
    axes["left"].set_ylabel("input of the sigmoid")
    for place, ax in axes.items():
        ax.set_xlabel("training step")
        ax.locator_params("x", nbins=8 if place == "top" else 4)
    figure.align_ylabels([axes["top"], axes["left"]])


def draw_covariances(matrices: Mapping[str, Array]) -> None:
    """Draw the sizes of the entries of covariance matrices.

    Parameters
    ----------
    matrices : mapping of arrays, shape (C, C)
        By name; what is drawn is the absolute value, from 0 to 1.
    """
    figure, axes = plt.subplots(1, len(matrices), figsize=(6, 3.5), squeeze=False)
    for ax, (name, matrix) in zip(axes[0], matrices.items(), strict=True):
        image = ax.imshow(np.abs(matrix), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(name)
        ax.set_xlabel("unit")
        ax.grid(visible=False)
        _number_units(ax, len(matrix))
    axes[0, 0].set_ylabel("unit")
    figure.colorbar(
        image, ax=list(axes[0]), location="bottom", shrink=0.6, label="absolute covariance"
    )


def _number_units(ax: Axes, units: int) -> None:
    """Label every fifth unit on both axes, counted from 1."""
    every = np.arange(4, units, 5)
    ax.set_xticks(every, [str(unit + 1) for unit in every])
    ax.set_yticks(every, [str(unit + 1) for unit in every])


def draw_cost(channels: Array, seconds: Mapping[str, Array]) -> None:
    """Draw the time that one batch takes against the number of channels.

    Parameters
    ----------
    channels : array
        C.
    seconds : mapping of arrays
        By the operation's name, in seconds.
    """
    _, ax = plt.subplots(figsize=(6, 3.4))
    markers = iter("osD^")
    for name, times in seconds.items():
        ax.plot(channels, 1000 * np.asarray(times), marker=next(markers), label=name)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(channels, [str(c) for c in channels])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.set_xlabel("channels C")
    ax.set_ylabel("ms for one batch")
    ax.legend()
