"""The figures of the chapter on training: many runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from bncourse.figures.band import plot_band
from bncourse.figures.style import BLUE, INK, Array

MARKERS = "osD^v"


@dataclass(frozen=True, eq=False)
class Panel:
    """What one panel of `draw_panels` shows.

    Attributes
    ----------
    title : str
    x : array, shape (n,)
    runs : mapping of arrays, shape (seeds, n)
        By the network's name; where a run has no finite number, nothing is drawn.
    logarithmic : bool
        The vertical axis.
    limits : pair of float, or None
        Ends of the vertical axis.
    levels : mapping of float
        Horizontal lines, by name.
    """

    title: str
    x: Array
    runs: Mapping[str, Array]
    logarithmic: bool = False
    limits: tuple[float, float] | None = None
    levels: Mapping[str, float] | None = None


def draw_panels(
    panels: Sequence[Panel], xlabel: str, *, base: float | None = None, together: bool = True
) -> None:
    """Draw medians of runs as lines, with bands from the least to the largest.

    Parameters
    ----------
    panels : sequence of Panel
    xlabel : str
        Below each panel.
    base : float, optional
        The horizontal axis is logarithmic, with this base.
    together : bool
        Whether all panels show the same networks, which one legend then explains.
    """
    height = 3.9 if together else 4.8
    figure, axes = plt.subplots(1, len(panels), figsize=(6, height), squeeze=False)
    for ax, panel in zip(axes[0], panels, strict=True):
        _draw(ax, panel)
        ax.set_xlabel(xlabel)
        if base is None:
            ax.locator_params("x", nbins=4)
        else:
            _logarithmic(ax, panel.x, base)
        if not together:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), handlelength=3)
    if together:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, handlelength=3)


def _draw(ax: Axes, panel: Panel) -> None:
    """Draw the lines and bands of one panel."""
    for marker, (name, runs) in zip(MARKERS, panel.runs.items(), strict=False):
        drawn = np.where(np.isfinite(runs).all(axis=0), runs, np.nan)
        every = max(1, len(panel.x) // 10)
        look = {"marker": marker, "markersize": 5, "markevery": every, "label": name}
        plot_band(ax, panel.x, drawn, (0, 50, 100), **look)
    for name, level in (panel.levels or {}).items():
        ax.axhline(level, color=INK, linewidth=1.2, linestyle=":", label=name)
    ax.set_title(panel.title)
    if panel.logarithmic:
        _decades(ax)
    if panel.limits is not None:
        ax.set_ylim(*panel.limits)


def _decades(ax: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())


def _logarithmic(ax: Axes, x: Array, base: float) -> None:
    """Make the horizontal axis logarithmic, its ticks at the values or at their decades."""
    ax.set_xscale("log", base=base)
    ticks = [value for value in x if base == 2 or np.isclose(np.log10(value) % 1, 0)]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.xaxis.minorticks_off()


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
    _decades(ax)
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
