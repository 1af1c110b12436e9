"""A line with a band about it: what several runs or units have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from bncourse.figures.style import Array


def plot_band(
    ax: Axes,
    x: ArrayLike,
    runs: Array | Sequence[Array],
    percent: tuple[float, float, float],
    **line: Any,
) -> None:
    """Plot the middle of several runs as a line, and a band from the lower to the upper end.

    Parameters
    ----------
    ax : Axes
    x : array, shape (n,)
    runs : array, shape (k, n), or n arrays
        What is summarized at each x: k runs, or as many values as there are.
    percent : tuple of float
        The percentiles that are the lower end, the middle and the upper end.
    **line
        Settings of the line.
    """
    columns = runs.T if isinstance(runs, np.ndarray) else runs
    low, middle, high = np.array([np.percentile(values, percent) for values in columns]).T
    (drawn,) = ax.plot(x, middle, **line)
    ax.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)
