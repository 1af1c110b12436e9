"""Panels side by side, each with several runs of several networks: what most chapters compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from bncourse.figures.band import plot_band
from bncourse.figures.style import INK, Array

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
    limits : pair of float or None
        Ends of the vertical axis, where they are not to follow from the runs.
    ylabel : str
    levels : mapping of float
        Horizontal lines, by name.
    """

    title: str
    x: Array
    runs: Mapping[str, Array]
    logarithmic: bool = False
    limits: tuple[float | None, float | None] = (None, None)
    ylabel: str = ""
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
        Whether one legend explains the lines of all panels.
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
        lines: dict[str, Artist] = {}
        for ax in axes[0]:
            handles, labels = ax.get_legend_handles_labels()
            lines |= dict(zip(labels, handles, strict=True))
        figure.legend(
            list(lines.values()),
            list(lines),
            loc="outside lower center",
            ncols=2 if max(map(len, lines)) <= 26 else 1,
            handlelength=3,
        )


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
    ax.set_ylabel(panel.ylabel)
    if panel.logarithmic:
        decades(ax)
    ax.set_ylim(*panel.limits)


def decades(ax: Axes) -> None:
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
