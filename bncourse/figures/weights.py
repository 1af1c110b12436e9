"""The figures of the chapter on properties that show weights, their gradients and their norms."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bncourse.figures.style import AMBER, BLUE, GREEN, GREY, INK, VERMILION, Array

_MARKERS = "osD^"


def draw_scales(
    alphas: Array, lines: Mapping[str, Array], points: Mapping[str, Array], level: float
) -> None:
    """Draw how far something is from where it would be without eps, against the weights' scale.

    Parameters
    ----------
    alphas : array
        What the weights are multiplied by.
    lines, points : mappings of arrays
        By name, a deviation for each alpha: what is computed, and what is measured.
    level : float
        What rounding alone does; smaller deviations are not drawn.
    """
    figure, ax = plt.subplots(figsize=(6, 3.9))
    for name, values in lines.items():
        ax.plot(alphas, values, color=INK, linestyle="-", linewidth=1.3, label=name)
    looks = zip((BLUE, VERMILION, GREEN), _MARKERS, strict=False)
    for (name, values), (color, marker) in zip(points.items(), looks, strict=False):
        shown = np.where(values > level, values, np.nan)
        ax.plot(alphas, shown, marker, color=color, markersize=6, fillstyle="none", label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(level, 10)
    ax.set_xlabel("α: the weights are multiplied by it")
    ax.set_ylabel("relative change")
    figure.legend(loc="outside lower center", ncols=1, handlelength=2.0)


def draw_weight_dots(panels: Mapping[str, tuple[Array, Array]]) -> None:
    """Draw the cosine between weights and gradient of each unit against what theory says.

    Parameters
    ----------
    panels : mapping of pairs of arrays
        By title, for each unit what is predicted and what is measured.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(6, 3.0))
    for ax, (title, cosines) in zip(axes, panels.items(), strict=True):
        # Small numbers are drawn as multiples of a power of ten, which the labels name.
        power = int(np.floor(np.log10(np.abs(cosines).max())))
        unit = f", in $10^{{{power}}}$" if power < -2 else ""
        predicted, measured = np.array(cosines) * (10.0**-power if unit else 1.0)
        ends = min(predicted.min(), measured.min()), max(predicted.max(), measured.max())
        ax.plot(ends, ends, color=GREY, linewidth=1, linestyle="-")
        ax.plot(predicted, measured, "o", color=BLUE, markersize=4, alpha=0.6)
        ax.set_title(title)
        ax.set_xlabel(f"predicted{unit}")
        ax.set_ylabel(f"measured{unit}")
        ax.locator_params(nbins=5)


# How each arrow of a step is drawn.
_KINDS = {"weights": INK, "gradient": VERMILION, "other": AMBER, "after": BLUE}


def draw_steps(panels: Mapping[str, Sequence[tuple[Array, Array, str, str]]]) -> None:
    """Draw steps of a weight vector in the plane of the vector and its gradient.

    Parameters
    ----------
    panels : mapping of sequences
        By title, arrows: from where, to where, shape (2,) each, a name, and what it is:
        "weights", "gradient", "other" or "after". The first is the weights before the step.
    """
    _, axes = plt.subplots(
        1, len(panels), figsize=(3 * len(panels), 2.4), sharex=True, sharey=True, squeeze=False
    )
    for ax, (title, arrows) in zip(axes[0], panels.items(), strict=True):
        start, end = arrows[0][:2]
        length, turn = float(np.hypot(*(end - start))), np.linspace(-0.3, 0.9, 100)
        arc = length * np.cos(turn), length * np.sin(turn)
        ax.plot(*arc, color=GREY, linewidth=1, linestyle="-")
        ax.plot(0, 0, "o", color=INK, markersize=4)
        for arrow in arrows:
            _arrow(ax, *arrow)
        ax.set_aspect("equal")
        ax.set_title(title)
        ax.set_xlim(-0.08, 1.6)
        ax.set_ylim(-0.32, 0.78)
        ax.set_axis_off()


def _arrow(ax: Axes, start: Array, end: Array, name: str, kind: str) -> None:
    """Draw an arrow with its name below it, or right of it where it is steep."""
    color = _KINDS[kind]
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 2.0, "mutation_scale": 14}
    ax.annotate("", tuple(end), tuple(start), arrowprops={**look, "shrinkA": 0, "shrinkB": 0})
    steep = abs(end[1] - start[1]) > abs(end[0] - start[0])
    offset, align = ((0.06, 0.0), "left") if steep else ((0.0, -0.12), "center")
    at = (start + end) / 2 + np.array(offset)
    ax.text(at[0], at[1], name, color=color, ha=align, va="center", fontsize=12)
