"""The figures of the chapter on the forward pass."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from bncourse.figures.band import plot_band
from bncourse.figures.style import AMBER, BLUE, GREEN, GREY, INK, VERMILION, Array
from bncourse.lab.estimates import EstimateErrors


def draw_digits(images: Array, labels: NDArray[np.int64]) -> None:
    """Draw images in a row, their labels above.

    Parameters
    ----------
    images : array, shape (N, H, W)
    labels : array, shape (N,)
    """
    _, axes = plt.subplots(1, len(images), figsize=(6, 0.9))
    for ax, image, label in zip(axes, images, labels, strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(str(label), fontsize=11, loc="center")
        ax.set_axis_off()


def draw_depth(spreads: Mapping[str, Sequence[Array]]) -> None:
    """Draw how the spread of units across images changes from layer to layer.

    Parameters
    ----------
    spreads : mapping of sequences of arrays
        By the network's name, for each layer the standard deviation of each of its units.
    """
    _, ax = plt.subplots(figsize=(6, 3.3))
    markers = iter("osD^")
    for name, layers in spreads.items():
        depth = np.arange(1, len(layers) + 1)
        plot_band(ax, depth, layers, (15, 50, 85), marker=next(markers), label=name)
    ax.set_yscale("log")
    ax.set_xticks(depth)
    ax.set_xlabel("hidden layer")
    ax.set_ylabel("std across images")
    ax.legend()


def draw_before_and_after(before: Array, after: Array) -> None:
    """Draw the values of some units over a batch, before and after normalization.

    Parameters
    ----------
    before, after : arrays, shape (m, units)
    """
    _, axes = plt.subplots(1, 2, figsize=(6, 3.0))
    names = "before: x", "after: x_hat"
    for ax, values, name, color in zip(
        axes, (before, after), names, (VERMILION, BLUE), strict=True
    ):
        ax.boxplot(
            values,
            whis=(0, 100),
            widths=0.6,
            patch_artist=True,
            boxprops={"facecolor": color, "alpha": 0.35, "edgecolor": INK},
            medianprops={"color": INK, "linewidth": 2},
        )
        ax.set_title(name)
        ax.set_xlabel("unit")
        units = np.arange(2, values.shape[1] + 1, 2)
        ax.set_xticks(units, [str(unit) for unit in units])
    axes[0].set_ylabel("value over the batch")


def draw_rho(
    var: Array, rhos: Mapping[str, Array], marked: Mapping[str, tuple[float, float]]
) -> None:
    """Draw rho = var / (var + eps) against the variance.

    Parameters
    ----------
    var : array
        Variances, in the square of x's unit.
    rhos : mapping of arrays
        By a name for eps, rho at each variance.
    marked : mapping of pairs
        By name, a variance and its rho to point at.
    """
    _, ax = plt.subplots(figsize=(6, 3.3))
    for name, rho in rhos.items():
        ax.plot(var, rho, label=name)
    for name, point in marked.items():
        ax.plot(*point, "o", color=INK)
        ax.annotate(name, point, (6, -14), textcoords="offset points", fontsize=11)
    ax.set_xscale("log")
    ax.set_xlabel("variance of the unit over the batch")
    ax.set_ylabel("rho = variance of x_hat")
    ax.legend(loc="lower right")


def draw_identity_error(
    sizes: Array, theory: Mapping[str, Array], measured: Mapping[str, Array]
) -> None:
    """Draw by how much population gamma and beta miss the identity, against the batch size.

    Parameters
    ----------
    sizes : array
        Batch sizes.
    theory, measured : mappings of arrays
        By the name of the data, the root mean square deviation at each size.
    """
    _, ax = plt.subplots(figsize=(6, 3.3))
    markers = iter("osD")
    for name in theory:
        (line,) = ax.plot(sizes, theory[name], label=f"{name}: theory")
        ax.plot(
            sizes,
            measured[name],
            marker=next(markers),
            linestyle="none",
            color=line.get_color(),
            label=f"{name}: measured",
        )
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    shares = (0.05, 0.1, 0.2, 0.4)
    ax.set_yticks(shares, [f"{share:g}" for share in shares])
    ax.minorticks_off()
    ax.set_xlabel("batch size N")
    ax.set_ylabel("RMS of y - x, in std of x")
    ax.legend()


def draw_shared_statistics() -> None:
    """Draw which values of a batch share a mean and a variance, for two kinds of layer."""
    _, (left, right) = plt.subplots(1, 2, figsize=(6, 3.2))
    colors, hatches = (BLUE, AMBER, GREEN), ("", "//", "..")
    for n in range(4):
        for c in range(3):
            _cell(left, c * 1.3, -n * 1.3, 1, colors[c], hatches[c])
            for i in range(3):
                for j in range(3):
                    _cell(right, c * 1.3 + j / 3, -n * 1.3 + i / 3, 1 / 3, colors[c], hatches[c])
    left.set_title("fully connected")
    right.set_title("convolutional")
    for ax in (left, right):
        ax.set_aspect("equal")
        ax.set_xlim(-1.5, 3.8)
        ax.set_ylim(-4.1, 1.6)
        ax.set_axis_off()
        for c in range(3):
            ax.text(c * 1.3 + 0.5, 1.12, f"c = {c}", ha="center", fontsize=11)
        for n in range(4):
            ax.text(-0.2, -n * 1.3 + 0.5, f"n = {n}", ha="right", va="center", fontsize=11)


def _cell(ax: Axes, x: float, y: float, size: float, color: str, hatch: str) -> None:
    """Draw one value of a batch, colored by the statistics that it shares."""
    ax.add_patch(
        Rectangle((x, y), size, size, facecolor=color, edgecolor="white", hatch=hatch, lw=1)
    )


def draw_estimates(errors: Mapping[str, EstimateErrors], floors: Mapping[str, float]) -> None:
    """Draw the errors of the estimates of population statistics against the batches seen.

    Parameters
    ----------
    errors : mapping of EstimateErrors
        By the name of the estimate.
    floors : mapping of floats
        By the name of an estimate, the error of its mean that it cannot fall below.
    """
    figure, axes = plt.subplots(1, 2, figsize=(6, 3.9), sharex=True)
    for name, error in errors.items():
        batches = np.arange(1, len(error.mean) + 1)
        (line,) = axes[0].plot(batches, error.mean, label=name)
        axes[1].plot(batches, error.var)
        if name in floors:
            axes[0].axhline(floors[name], color=line.get_color(), linestyle=":", linewidth=1)
    axes[0].set_title("mean, in std")
    axes[1].set_title("variance, relative")
    axes[0].set_ylabel("RMS error")
    for ax in axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("batches seen")
    figure.legend(loc="outside lower center", ncols=2, handlelength=3)


def draw_lag(steps: Array, running: Mapping[str, Array], truth: Array) -> None:
    """Draw a running mean beside the population mean that it follows, during training.

    Parameters
    ----------
    steps : array
        Training steps.
    running : mapping of arrays
        By name, a running mean after each step.
    truth : array
        The population's mean at the weights after each step.
    """
    _, ax = plt.subplots(figsize=(6, 3.3))
    ax.plot(steps, truth, color=GREY, linewidth=4, linestyle="-", label="population mean")
    for name, values in running.items():
        ax.plot(steps, values, label=name)
    ax.set_xlabel("training step")
    ax.set_ylabel("mean of one unit")
    ax.legend()
