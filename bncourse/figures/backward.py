"""The figures of the chapter on the backward pass."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, Patch, Rectangle

from bncourse.figures.style import AMBER, BLUE, GREY, INK, VERMILION, Array

# Where each node of the graph stands, how it is written, and the shape of what it holds.
_NODES = {
    "x": (0.0, 0.0, "x", "(m, C)"),
    "mean": (1.75, 2.5, r"\mu", "(C)"),
    "var": (1.75, 1.1, r"\sigma^2", "(C)"),
    "x_hat": (3.5, 0.0, r"\hat{x}", "(m, C)"),
    "gamma": (4.6, 1.75, r"\gamma", "(C)"),
    "beta": (5.9, 1.75, r"\beta", "(C)"),
    "y": (5.25, 0.0, "y", "(m, C)"),
    "L": (6.95, 0.0, "L", ""),
}
_EDGES = (
    ("x", "mean"),
    ("x", "var"),
    ("x", "x_hat"),
    ("mean", "var"),
    ("mean", "x_hat"),
    ("var", "x_hat"),
    ("x_hat", "y"),
    ("gamma", "y"),
    ("beta", "y"),
    ("y", "L"),
)
_RADIUS = 0.36
NODES = tuple(_NODES)


def draw_graph() -> None:
    """Draw the computational graph of batch normalization, with shapes on its edges."""
    ax = _graph_axes()
    for node in _NODES:
        _node(ax, node, node, "white", INK)
    for source, target in _EDGES:
        _arrow(ax, source, target, INK, 1.5)
        _shape(ax, source, target)


def draw_gradient(node: str) -> None:
    """Draw the graph in reverse, with the edges along which one node gets its gradient.

    Parameters
    ----------
    node : str
        A name in `NODES`, such as "mean".

    Raises
    ------
    ValueError
        If there is no such node.
    """
    if node not in _NODES:
        raise ValueError(f"node: want one of {', '.join(_NODES)}, got {node}")
    ax = _graph_axes()
    senders = {target for source, target in _EDGES if source == node}
    for other in _NODES:
        fill = AMBER if other == node else "#fdf0d5" if other in senders else "white"
        label = other if other == "L" else f"d{other}"
        _node(ax, other, label, fill, INK if other == node or other in senders else GREY)
    for source, target in _EDGES:
        active = source == node
        _arrow(ax, target, source, VERMILION if active else "#c9d0da", 3.0 if active else 1.2)


def _graph_axes() -> Axes:
    # Narrow, so that a phone has to shrink it but little.
    _, ax = plt.subplots(figsize=(4.8, 2.4))
    ax.set_aspect("equal")
    ax.set_xlim(-0.45, 7.4)
    ax.set_ylim(-0.5, 3.0)
    ax.set_axis_off()
    return ax


def _node(ax: Axes, node: str, label: str, fill: str, edge: str) -> None:
    """Draw a node; a label that begins with d is that of a gradient."""
    x, y, symbol, _ = _NODES[node]
    text = f"$d{symbol}$" if label == f"d{node}" else f"${symbol}$"
    ax.add_patch(Circle((x, y), _RADIUS, facecolor=fill, edgecolor=edge, linewidth=1.8, zorder=3))
    ax.text(x, y, text, ha="center", va="center_baseline", fontsize=14, color=edge, zorder=4)


def _arrow(ax: Axes, start: str, end: str, color: str, width: float) -> None:
    """Draw an arrow between two nodes."""
    (x0, y0), (x1, y1) = _NODES[start][:2], _NODES[end][:2]
    gap = (_RADIUS + 0.05) / np.hypot(x1 - x0, y1 - y0)
    a = x0 + gap * (x1 - x0), y0 + gap * (y1 - y0)
    b = x1 + gap * (x0 - x1), y1 + gap * (y0 - y1)
    ax.add_patch(
        FancyArrowPatch(
            a,
            b,
            arrowstyle="-|>",
            mutation_scale=9 + 2 * width,
            color=color,
            linewidth=width,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def _shape(ax: Axes, source: str, target: str) -> None:
    """Write on an edge the shape of what runs along it."""
    (x0, y0), (x1, y1) = _NODES[source][:2], _NODES[target][:2]
    level = y0 == y1
    # Nearer to the source: there the edges of the middle are far from each other.
    share = 0.5 if level else 0.46
    ax.text(
        x0 + share * (x1 - x0),
        y0 + share * (y1 - y0) + (0.2 if level else 0.0),
        _NODES[source][3],
        ha="center",
        va="center",
        fontsize=11,
        color=BLUE,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        zorder=2.5,
    )


def draw_circle(x_hat: Array, dy: Array, dx: Array, radius: float) -> None:
    """Draw a batch of three values in the plane where its mean is zero, and its gradient there.

    Parameters
    ----------
    x_hat, dy, dx : arrays, shape (2,)
        Coordinates in that plane: the normalized batch, what comes back to it, and what goes on,
        as s * dx / gamma. The two gradients are drawn from the tip of `x_hat`.
    radius : float
        sqrt(m): how long x_hat is where eps is zero.
    """
    _, ax = plt.subplots(figsize=(4.4, 4.0))
    ax.add_patch(Circle((0, 0), radius, fill=False, edgecolor=GREY, linewidth=1.5, linestyle="--"))
    ax.plot(0, 0, "o", color=INK, markersize=4)
    _vector(ax, np.zeros(2), x_hat, INK)
    _vector(ax, x_hat, dy, VERMILION)
    _vector(ax, x_hat, dx, BLUE)
    middle = 0.5 * x_hat + 0.3 * np.array([x_hat[1], -x_hat[0]]) / np.hypot(*x_hat)
    _name(ax, middle, INK, r"$\hat{x}$")
    _name(ax, x_hat + dy + 0.22 * dy / np.hypot(*dy), VERMILION, "$dy$")
    _name(ax, x_hat + dx + 0.3 * dx / np.hypot(*dx), BLUE, r"$s\,dx/\gamma$")
    ax.plot(*np.transpose([x_hat + dy, x_hat + dx]), color=GREY, linewidth=1, linestyle=":")
    ax.set_aspect("equal")
    ax.margins(0.15)
    ax.set_xlabel("first coordinate in the plane")
    ax.set_ylabel("second coordinate")


def _vector(ax: Axes, start: Array, vector: Array, color: str) -> None:
    """Draw an arrow."""
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 2.2, "mutation_scale": 16}
    ax.annotate(
        "", tuple(start + vector), tuple(start), arrowprops={**look, "shrinkA": 0, "shrinkB": 0}
    )


def _name(ax: Axes, at: Array, color: str, name: str) -> None:
    """Write the name of an arrow."""
    ax.text(at[0], at[1], name, color=color, ha="center", va="center", fontsize=13)


def draw_step_sizes(
    steps: Array, errors: Mapping[str, Array], slopes: Mapping[str, tuple[Array, Array]]
) -> None:
    """Draw the error of numerical gradients against the step h.

    Parameters
    ----------
    steps : array
        The step h, in standard deviations of x.
    errors : mapping of arrays
        By name, the largest error relative to the largest entry of the gradient; where there
        are fewer than steps, they belong to the last ones.
    slopes : mapping of pairs of arrays
        By name, steps and errors of a thin line to compare with.
    """
    figure, ax = plt.subplots(figsize=(6, 3.9))
    markers = iter("osD^")
    for name, values in errors.items():
        ax.plot(steps[-len(values) :], values, marker=next(markers), markersize=5, label=name)
    for name, (at, line) in slopes.items():
        ax.plot(at, line, color=GREY, linewidth=1, linestyle="-")
        ax.annotate(name, (at[-1], line[-1]), (4, 0), textcoords="offset points", fontsize=11)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("step h, in standard deviations of x")
    ax.set_ylabel("largest relative error")
    figure.legend(loc="outside lower center", ncols=3, handlelength=2.5, columnspacing=1.2)


def draw_caught(errors: Mapping[str, Mapping[str, float]], *, usual: float, strict: float) -> None:
    """Draw which gradient check finds which mistake.

    Parameters
    ----------
    errors : mapping of mappings of floats
        By check, then by mistake, the difference that the check sees.
    usual, strict : float
        Two bounds; a difference above a bound is found with it.
    """
    checks, mistakes = list(errors), list(next(iter(errors.values())))
    looks = (
        Patch(facecolor="#bfe3d6", label=f"found, bound {_power(usual)}"),
        Patch(facecolor="#fbe3b5", hatch="//", label=f"only with {_power(strict)}"),
        Patch(facecolor="#f4c4ae", hatch="xx", label="not found"),
    )
    for look in looks:
        look.set(edgecolor="white", linewidth=1.5)
    _, ax = plt.subplots(figsize=(6, 0.42 * len(mistakes) + 1.1))
    for column, check in enumerate(checks):
        for row, mistake in enumerate(mistakes):
            error = errors[check][mistake]
            cell = Rectangle((column - 0.5, row - 0.5), 1, 1)
            cell.update_from(looks[int(error <= usual) + int(error <= strict)])
            ax.add_patch(cell)
            text = _power(error) if error > strict else "0"
            ax.text(column, row, text, ha="center", va="center", fontsize=11)
    ax.set_xlim(-0.5, len(checks) - 0.5)
    ax.set_ylim(len(mistakes) - 0.5, -0.5)
    ax.set_xticks(range(len(checks)), checks)
    ax.set_yticks(range(len(mistakes)), mistakes)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.legend(handles=looks, loc="upper center", bbox_to_anchor=(0.35, 0.0), ncols=3)


def _power(value: float) -> str:
    """Return a number with one digit and the shortest exponent."""
    return f"{value:.0e}".replace("e-0", "e-").replace("e+00", "")


def draw_training(losses: Mapping[str, Array]) -> None:
    """Draw loss curves that should be one.

    Parameters
    ----------
    losses : mapping of arrays
        By the name of the backward pass, the loss of each step.
    """
    _, ax = plt.subplots(figsize=(6, 3.0))
    widths = iter((5.0, 1.5))
    for name, values in losses.items():
        ax.plot(np.arange(1, len(values) + 1), values, label=name, linewidth=next(widths))
    ax.set_xlabel("training step")
    ax.set_ylabel("loss of the batch")
    ax.legend()


def draw_drift_of_biases(runs: Mapping[str, Mapping[str, Array]]) -> None:
    """Draw what detached statistics do to training: the loss, and the length of the biases.

    Parameters
    ----------
    runs : mapping of mappings of arrays
        By panel, then by the backward pass, a value for each step.
    """
    _, axes = plt.subplots(1, 2, figsize=(6, 3.2))
    for ax, (panel, curves) in zip(axes, runs.items(), strict=True):
        for name, values in curves.items():
            ax.plot(np.arange(1, len(values) + 1), values, label=name)
        ax.set_title(panel)
        ax.set_xlabel("training step")
    axes[1].legend(loc="upper left")


def draw_removed_shares(
    steps: Array, shares: Mapping[str, Mapping[str, Array]], level: float
) -> None:
    """Draw which shares of the gradients the layers remove, during training.

    Parameters
    ----------
    steps : array
        Training steps.
    shares : mapping of mappings of arrays
        By the name of a layer, then of a direction, the share at each step.
    level : float
        What a random gradient has along one direction.
    """
    _, axes = plt.subplots(1, len(shares), figsize=(6, 3.2), sharey=True)
    for ax, (layer, lines) in zip(axes, shares.items(), strict=True):
        for name, values in lines.items():
            ax.plot(steps, values, label=name)
        ax.axhline(level, color=GREY, linewidth=1, linestyle="-")
        ax.set_title(layer)
        ax.set_xlabel("training step")
        ax.set_yscale("log")
    axes[0].set_ylabel("share of dy removed")
    axes[0].legend(loc="lower left")
