"""The figures of the chapter on covariate shift."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bncourse.figures.band import plot_band
from bncourse.figures.style import BLUE, GREY, INK, VERMILION, Array
from bncourse.lab.importance import Gaussian
from bncourse.lab.shifts import Sample
from bncourse.lab.toy import Line


def draw_shifts(samples: Mapping[str, Sample]) -> None:
    """Draw labeled points in panels with the same axes, each with its line of even odds.

    Parameters
    ----------
    samples : mapping of Sample
        Four, by name; the first one's line stands in the other panels too, dotted.
    """
    figure, axes = plt.subplots(2, 2, figsize=(6, 6.0), sharex=True, sharey=True)
    first = next(iter(samples.values()))
    for ax, (name, sample) in zip(axes.flat, samples.items(), strict=True):
        styles = {0: ("o", "none", BLUE), 1: ("^", VERMILION, VERMILION)}
        for label, (marker, face, edge) in styles.items():
            points = sample.x[sample.labels == label]
            ax.scatter(
                *points.T, s=22, marker=marker, facecolor=face, edgecolor=edge, label=f"y = {label}"
            )
        _even_odds(ax, first, GREY, ":")
        _even_odds(ax, sample, INK, "-")
        ax.set_title(name)
        ax.set_xlim(-4, 4)
        ax.set_ylim(-4, 4)
        ax.set_aspect("equal")
        ax.set_xticks((-3, 0, 3))
        ax.set_yticks((-3, 0, 3))
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, handletextpad=0.1)
    for ax in axes[1]:
        ax.set_xlabel("first feature")
    for ax in axes[:, 0]:
        ax.set_ylabel("second feature")


def _even_odds(ax: Axes, sample: Sample, color: str, linestyle: str) -> None:
    """Draw where both labels are as likely."""
    across = np.array([-sample.slope[1], sample.slope[0]])
    foot = -sample.offset * sample.slope / (sample.slope @ sample.slope)
    ax.axline(tuple(foot), tuple(foot + across), color=color, linestyle=linestyle)


def draw_cubic(
    x: Array,
    y: Array,
    curve: Callable[[Array], Array],
    lines: Mapping[str, Line],
    inputs: Mapping[str, Gaussian],
) -> None:
    """Draw training data, the curve and lines through them, and the densities of x below.

    Parameters
    ----------
    x, y : arrays, shape (n,)
        The training data.
    curve : function
        The mean of y given x.
    lines : mapping of Line
        By name.
    inputs : mapping of Gaussian
        By name, as many as lines, in the same order.
    """
    _, (top, bottom) = plt.subplots(
        2, 1, figsize=(6, 5.2), sharex=True, height_ratios=(2.6, 1), squeeze=True
    )
    grid = np.linspace(-1.2, 2.0, 300)
    top.plot(x, y, "o", color=GREY, markersize=4, alpha=0.8, label="training data")
    top.plot(grid, curve(grid), color=INK, linewidth=1.5, label="mean of y given x")
    styles = [(BLUE, "--"), (VERMILION, "-.")]
    for (name, line), (color, style) in zip(lines.items(), styles, strict=True):
        top.plot(grid, line(grid), color=color, linestyle=style, linewidth=2.5, label=name)
    for (name, gaussian), (color, style) in zip(inputs.items(), styles, strict=True):
        density = gaussian.density(grid)
        bottom.plot(grid, density, color=color, linestyle=style, label=name)
        bottom.fill_between(grid, density, color=color, alpha=0.15, linewidth=0)
    top.set_ylim(-1.6, 2.2)
    top.set_ylabel("y")
    top.legend(loc="upper left")
    bottom.set_ylim(0)
    bottom.set_xlabel("x")
    bottom.set_ylabel("density")
    bottom.legend(loc="upper right")


def draw_exponents(exponents: Array, errors: Mapping[str, Array]) -> None:
    """Draw test errors above the least one against the exponent of the weights.

    Parameters
    ----------
    exponents : array
    errors : mapping of arrays
        By the name of the training set, the error at each exponent; the least is ringed.
    """
    _, ax = plt.subplots(figsize=(6, 3.8))
    markers = iter("osD^")
    for name, error in errors.items():
        (line,) = ax.plot(exponents, error, marker=next(markers), markersize=5, label=name)
        least = int(np.argmin(error))
        ax.plot(
            exponents[least],
            error[least],
            color=line.get_color(),
            linestyle="none",
            marker="o",
            markersize=15,
            markerfacecolor="none",
            markeredgewidth=2,
        )
    ax.set_yscale("log")
    ax.set_xlabel("exponent of the weights")
    ax.set_ylabel("test error above the best line's")
    ax.legend(handlelength=3.5)


def draw_effective_size(
    distances: Array, theory: Array, measured: Sequence[Array], size: int
) -> None:
    """Draw effective sample sizes against how far the test inputs have moved.

    Parameters
    ----------
    distances : array
        In standard deviations.
    theory : array
        The population's effective size at each distance.
    measured : sequence of arrays
        At each distance, the effective sizes of several training sets.
    size : int
        Their size.
    """
    _, ax = plt.subplots(figsize=(6, 3.6))
    label = "sample: median, 5 to 95%"
    plot_band(ax, distances, measured, (5, 50, 95), marker="o", linestyle="-", label=label)
    ax.plot(distances, theory, color=VERMILION, linestyle="--", label="population")
    ax.axhline(1, color=INK, linestyle=":", linewidth=1.5, label="one example")
    ax.set_yscale("log")
    ax.set_xlabel("distance of the two means, in std")
    ax.set_ylabel(f"effective size of {size:,}")
    ax.legend()


def draw_log_weights(
    x: Array, known: Array, estimated: Mapping[str, Array], training: Array
) -> None:
    """Draw known and estimated weights, and how many training inputs there are below.

    Parameters
    ----------
    x : array
        Where the weights are given.
    known : array
        The logarithm of the true weights.
    estimated : mapping of arrays
        By name, the logarithm of one or two estimates.
    training : array
        The training inputs.
    """
    _, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5.0), sharex=True, height_ratios=(2.6, 1))
    top.plot(x, known, color=GREY, linewidth=5, label="known")
    styles = iter([(BLUE, "--"), (VERMILION, "-.")])
    for name, values in estimated.items():
        color, style = next(styles)
        top.plot(x, values, color=color, linestyle=style, label=name)
    bottom.hist(training, bins=np.linspace(x[0], x[-1], 33), color=GREY, edgecolor="white")
    top.set_ylabel("log of the weight")
    top.legend(loc="lower left")
    bottom.set_xlabel("x")
    bottom.set_ylabel("inputs")
