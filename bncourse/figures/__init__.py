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
from bncourse.figures.internal_shift import (
    draw_cost,
    draw_covariances,
    draw_drift,
    draw_gradient_shifts,
)
from bncourse.figures.shifted_digits import (
    draw_adaptation,
    draw_few_images,
    draw_layer_shifts,
    draw_photographed,
)
from bncourse.figures.source import show_source
from bncourse.figures.style import use_style

__all__ = [
    "draw_adaptation",
    "draw_before_and_after",
    "draw_cost",
    "draw_covariances",
    "draw_depth",
    "draw_digits",
    "draw_drift",
    "draw_estimates",
    "draw_few_images",
    "draw_gradient_shifts",
    "draw_identity_error",
    "draw_lag",
    "draw_layer_shifts",
    "draw_photographed",
    "draw_rho",
    "draw_shared_statistics",
    "show_source",
    "use_style",
]
