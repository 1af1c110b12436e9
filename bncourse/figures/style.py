"""One look for all figures: legible in grey, on a phone, and beside the text."""

from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
from cycler import cycler
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]

# Okabe and Ito's colors, which those who see few colors can tell apart, in falling darkness.
INK = "#1b2a41"
BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
AMBER = "#e69f00"
GREY = "#8a94a6"

_RC: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.0, 3.2),
    "figure.facecolor": "white",
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e7ee",
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "legend.fontsize": 11,
    # Each line has its own dashes too, so that no color is needed to tell them apart.
    "axes.prop_cycle": cycler(color=[BLUE, VERMILION, GREEN, AMBER, INK])
    + cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]),
}


def use_style() -> None:
    """Make the look of the course that of all figures to come.

    In a notebook the figures are drawn sharp enough for high-resolution screens.
    """
    mpl.rcdefaults()  # whatever a matplotlibrc says
    mpl.rcParams.update(_RC)
    from IPython import get_ipython

    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")  # type: ignore[no-untyped-call]
