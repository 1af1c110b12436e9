"""How near to the machine's limits code comes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from bncourse.figures.panels import decades
from bncourse.figures.style import BLUE, GREEN, GREY, INK, VERMILION

# Filled and open, light and dark: in grey they differ as well.
LOOKS = (
    {"marker": "o", "color": BLUE},
    {"marker": "s", "color": VERMILION, "markerfacecolor": "none"},
    {"marker": "D", "color": GREEN, "markerfacecolor": "none"},
    {"marker": "x", "color": INK},
    {"marker": "^", "color": GREY},
)
DASHES = ("-", "--", "-.", ":")
# How far the contenders stand apart, as a factor of the intensity.
APART = 1.03

Points = Mapping[str, Sequence[tuple[float, float]]]


def draw_roofline(
    panels: Mapping[str, Points], roofs: Mapping[str, float], passes: Mapping[str, float]
) -> None:
    """Draw achieved Gflop/s over the flops a byte of each pass, below the memory's roof.

    Contenders stand side by side about their intensity, so that they do not hide one another.

    Parameters
    ----------
    panels : mapping of mappings of sequences of pairs
        By title and contender, for each measurement: flops a byte, and Gflop/s. Five contenders
        at most.
    roofs : mapping of float
        GB/s, by what moves so fast; four at most.
    passes : mapping of float
        Flops a byte by the pass's name, for the ticks.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.2 * len(panels), 5.2), sharey=True, squeeze=False
    )
    edges = np.array([min(passes.values()) / 1.2, max(passes.values()) * 1.2])
    for ax, (title, contenders) in zip(axes[0], panels.items(), strict=True):
        for dashes, (name, speed) in zip(DASHES, roofs.items(), strict=False):
            ax.plot(edges, speed * edges, color=GREY, linestyle=dashes, label=name)
        _scatter(ax, contenders)
        ax.set_title(title)
        ax.set_xscale("log")
        # Neighbors may be near: every other name stands a line lower.
        names = sorted(passes, key=lambda name: passes[name])
        ticks = [f"{passes[name]:.2g}" + "\n" * (1 + i % 2) + name for i, name in enumerate(names)]
        ax.set_xticks([passes[name] for name in names], ticks)
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(*edges)
        ax.set_xlabel("flops a byte")
        decades(ax)
    axes[0, 0].set_ylabel("achieved Gflop/s")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=3)


def _scatter(ax: Axes, contenders: Points) -> None:
    middle = (len(contenders) - 1) / 2
    for place, (look, (name, points)) in enumerate(zip(LOOKS, contenders.items(), strict=False)):
        x, y = np.array(points).reshape(-1, 2).T
        aside = APART ** (place - middle)
        ax.plot(x * aside, y, linestyle="", markersize=6, label=name, **look)  # type: ignore[arg-type]
