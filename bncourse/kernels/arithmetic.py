"""The equations on flat memory: sums over values, and what is written from them.

All arithmetic is in float64. Arguments are pointers to the first of n values. Each loop comes
twice: ``_run`` where all values are of one channel, ``_columns`` where every column has its own
center, sums and coefficients, and those are pointers, too.
"""

import numba
import numpy as np

# Compiled code calls these, nobody else does.
INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# What the compiler may do for speed. Not: take for granted that NaN and infinities do not come.
fast = numba.njit(
    fastmath={"reassoc", "contract", "nsz", "arcp"},
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)


@fast
def centered(x, center):
    """Return x less what it is centered on."""
    return np.float64(x) - center


@fast
def affine(x, center, scale, offset):
    """Return y: gamma and inv_std are one scale, beta is the offset."""
    return scale * centered(x, center) + offset  # eq-normalize, eq-scale-shift


@fast
def gradient(dy, x, center, scale, slope, offset):
    """Return dx, which is linear in dy and x."""
    return scale * np.float64(dy) + (slope * centered(x, center) + offset)  # eq-dx-closed


@fast
def moments_run(x, n, center):
    """Return the sums of x - center and of its square."""
    first = second = 0.0
    for i in range(n):
        d = centered(x[i], center)
        first += d  # eq-batch-mean
        second += d * d  # eq-batch-var
    return first, second


@fast
def products_run(dy, x, n, center):
    """Return the sums of dy and of dy * (x - center)."""
    first = second = 0.0
    for i in range(n):
        first += np.float64(dy[i])  # eq-dbeta
        second += np.float64(dy[i]) * centered(x[i], center)  # eq-dgamma
    return first, second


@fast
def moments_columns(x, n, rows, width, center, first, second):
    """Add x - center and its square to the sums of n columns of a matrix."""
    whole = rows // 4 * 4
    for row in range(0, whole, 4):  # sums are read and written once for four rows
        for j in range(n):
            i = row * width + j
            a, b = centered(x[i], center[j]), centered(x[i + width], center[j])
            c, d = centered(x[i + 2 * width], center[j]), centered(x[i + 3 * width], center[j])
            first[j] += (a + b) + (c + d)  # eq-batch-mean
            second[j] += (a * a + b * b) + (c * c + d * d)  # eq-batch-var
    for row in range(whole, rows):
        for j in range(n):
            d = centered(x[row * width + j], center[j])
            first[j] += d  # eq-batch-mean
            second[j] += d * d  # eq-batch-var


@fast
def products_columns(dy, x, n, rows, width, center, first, second):
    """Add dy and dy * (x - center) to the sums of n columns of a matrix."""
    for row in range(rows):
        for j in range(n):
            i = row * width + j
            first[j] += np.float64(dy[i])  # eq-dbeta
            second[j] += np.float64(dy[i]) * centered(x[i], center[j])  # eq-dgamma


@fast
def affine_run(x, y, n, center, scale, offset):
    """Write y."""
    for i in range(n):
        y[i] = affine(x[i], center, scale, offset)


@fast
def affine_columns(x, y, n, center, scale, offset):
    """Write y, where each column has its numbers."""
    for j in range(n):
        y[j] = affine(x[j], center[j], scale[j], offset[j])


@fast
def gradient_run(dy, x, dx, n, center, scale, slope, offset):
    """Write dx."""
    for i in range(n):
        dx[i] = gradient(dy[i], x[i], center, scale, slope, offset)


@fast
def gradient_columns(dy, x, dx, n, center, scale, slope, offset):
    """Write dx, where each column has its numbers."""
    for j in range(n):
        dx[j] = gradient(dy[j], x[j], center[j], scale[j], slope[j], offset[j])
