"""The pictures of the chapters; they draw what they are given and compute nothing."""

from bncourse.figures.forward import (
    draw_before_and_after,
    draw_depth,
    draw_digits,
    draw_estimates,
    draw_identity_error,
    draw_lag,
    draw_rho,
    draw_shared_statistics,
)
from bncourse.figures.source import show_source
from bncourse.figures.style import use_style

__all__ = [
    "draw_before_and_after",
    "draw_depth",
    "draw_digits",
    "draw_estimates",
    "draw_identity_error",
    "draw_lag",
    "draw_rho",
    "draw_shared_statistics",
    "show_source",
    "use_style",
]
