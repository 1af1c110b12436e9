"""The pictures of the chapters; they draw what they are given and compute nothing."""

from bncourse._extras import need

with need("book"):
    import IPython  # noqa: F401
    import matplotlib  # noqa: F401

from bncourse.figures.backward import (
    draw_caught,
    draw_circle,
    draw_drift_of_biases,
    draw_gradient,
    draw_graph,
    draw_removed_shares,
    draw_step_sizes,
    draw_training,
)
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
from bncourse.figures.internal_shift import (
    draw_cost,
    draw_covariances,
    draw_drift,
)
from bncourse.figures.panels import Panel, draw_panels
from bncourse.figures.roofline import draw_roofline
from bncourse.figures.shifted_digits import (
    draw_adaptation,
    draw_layer_shifts,
    draw_photographed,
    draw_unit_shifts,
)
from bncourse.figures.source import show_source
from bncourse.figures.spectra import (
    draw_gradient_lengths,
    draw_layer_spectra,
    draw_norm_spectra,
    draw_shares_above,
    draw_singular_values,
)
from bncourse.figures.style import use_style
from bncourse.figures.training import draw_moving, draw_twins
from bncourse.figures.weights import (
    draw_scales,
    draw_steps,
    draw_weight_dots,
)

__all__ = [
    "Panel",
    "draw_adaptation",
    "draw_before_and_after",
    "draw_caught",
    "draw_circle",
    "draw_cost",
    "draw_covariances",
    "draw_cubic",
    "draw_depth",
    "draw_digits",
    "draw_drift",
    "draw_drift_of_biases",
    "draw_effective_size",
    "draw_estimates",
    "draw_exponents",
    "draw_gradient",
    "draw_gradient_lengths",
    "draw_graph",
    "draw_identity_error",
    "draw_lag",
    "draw_layer_shifts",
    "draw_layer_spectra",
    "draw_log_weights",
    "draw_moving",
    "draw_norm_spectra",
    "draw_panels",
    "draw_photographed",
    "draw_removed_shares",
    "draw_rho",
    "draw_roofline",
    "draw_scales",
    "draw_shared_statistics",
    "draw_shares_above",
    "draw_shifts",
    "draw_singular_values",
    "draw_step_sizes",
    "draw_steps",
    "draw_training",
    "draw_twins",
    "draw_unit_shifts",
    "draw_weight_dots",
    "show_source",
    "use_style",
]
