"""The pictures of the chapters; they draw what they are given and compute nothing."""

from bncourse.figures.covariate_shift import (
    draw_cubic,
    draw_effective_size,
    draw_exponents,
    draw_log_weights,
    draw_shifts,
)
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
    "draw_cubic",
    "draw_depth",
    "draw_digits",
    "draw_effective_size",
    "draw_estimates",
    "draw_exponents",
    "draw_identity_error",
    "draw_lag",
    "draw_log_weights",
    "draw_rho",
    "draw_shared_statistics",
    "draw_shifts",
    "show_source",
    "use_style",
]
