"""Batch normalization from scratch: NumPy alone, one function for each equation.

A comment such as ``# eq-normalize`` names the equation of the book that the line is.
"""

from bncourse.scratch._arguments import Floats
from bncourse.scratch.backward import (
    batch_norm_backward,
    batch_norm_backward_staged,
    batch_norm_inference_backward,
    grad_beta,
    grad_gamma,
    grad_mean,
    grad_var,
    grad_x,
    grad_x_closed,
    grad_x_hat,
)
from bncourse.scratch.batch_norm_layer import BatchNorm
from bncourse.scratch.forward import (
    Cache,
    batch_mean,
    batch_norm_forward,
    batch_norm_inference,
    batch_var,
    identity_parameters,
    inverse_std,
    normalize,
    output_var,
    scale_shift,
)
from bncourse.scratch.functional import batch_norm, update_running_statistics
from bncourse.scratch.gradient_check import central_difference
from bncourse.scratch.layers import Conv2d, Flatten, Layer, Linear, ReLU, Sequential, Sigmoid
from bncourse.scratch.rows import from_rows, to_rows
from bncourse.scratch.statistics import (
    Moments,
    average_batch_statistics,
    population_moments,
    running_average,
    unbiased_var,
)
from bncourse.scratch.training import SGD, SoftmaxCrossEntropy

__all__ = [
    "SGD",
    "BatchNorm",
    "Cache",
    "Conv2d",
    "Flatten",
    "Floats",
    "Layer",
    "Linear",
    "Moments",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SoftmaxCrossEntropy",
    "average_batch_statistics",
    "batch_mean",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_backward_staged",
    "batch_norm_forward",
    "batch_norm_inference",
    "batch_norm_inference_backward",
    "batch_var",
    "central_difference",
    "from_rows",
    "grad_beta",
    "grad_gamma",
    "grad_mean",
    "grad_var",
    "grad_x",
    "grad_x_closed",
    "grad_x_hat",
    "identity_parameters",
    "inverse_std",
    "normalize",
    "output_var",
    "population_moments",
    "running_average",
    "scale_shift",
    "to_rows",
    "unbiased_var",
    "update_running_statistics",
]
