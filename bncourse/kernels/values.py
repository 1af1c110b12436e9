"""The equations over the values of a tensor: what is summed, and what is written.

All arithmetic is in float64. Arguments are pointers to the first of n values. Each loop comes
twice: ``_run`` where all values are of one channel, ``_columns`` where every column has its own
center, sums and coefficients, and those are pointers, too.
"""

from bncourse.kernels.jit import fast
from bncourse.kernels.memory import load, restrict, store

# Either pass needs two sums: of a term, and of the term times x - center.


@fast
def deviation(dy, centered):
    """Return the term of the forward pass, for the mean and the variance."""
    return centered  # eq-batch-mean, eq-batch-var


@fast
def upstream(dy, centered):
    """Return the term of the backward pass, for dbeta and dgamma."""
    return dy  # eq-dbeta, eq-dgamma


@fast
def sum_run(term, dy, x, n, center):
    """Return the sums of a term and of the term times x - center."""
    restrict()
    first = second = 0.0
    for i in range(n):
        centered = load(x, i) - center
        value = term(load(dy, i), centered)
        first += value
        second += value * centered
    return first, second


@fast
def sum_columns(term, dy, x, n, rows, width, center, first, second):
    """Add a term, and the term times x - center, to the sums of n columns of a matrix."""
    restrict()
    fourth = rows // 4 * 4
    for row in range(0, fourth, 4):  # the sums are read and written once for four rows
        for j in range(n):
            i0 = row * width + j
            i1, i2, i3 = i0 + width, i0 + 2 * width, i0 + 3 * width
            c0, c1 = load(x, i0) - center[j], load(x, i1) - center[j]
            c2, c3 = load(x, i2) - center[j], load(x, i3) - center[j]
            t0, t1 = term(load(dy, i0), c0), term(load(dy, i1), c1)
            t2, t3 = term(load(dy, i2), c2), term(load(dy, i3), c3)
            first[j] += (t0 + t1) + (t2 + t3)
            second[j] += (t0 * c0 + t1 * c1) + (t2 * c2 + t3 * c3)
    for row in range(fourth, rows):
        for j in range(n):
            i = row * width + j
            centered = load(x, i) - center[j]
            value = term(load(dy, i), centered)
            first[j] += value
            second[j] += value * centered


# Either pass writes a linear formula of what it reads.


@fast
def affine(dy, centered, scale, slope, offset):
    """Return y: gamma and inv_std are one scale, beta is the offset."""
    return scale * centered + offset  # eq-normalize, eq-scale-shift


@fast
def gradient(dy, centered, scale, slope, offset):
    """Return dx."""
    return scale * dy + (slope * centered + offset)  # eq-dx-closed


@fast
def write_run(formula, dy, x, out, n, center, scale, slope, offset):
    """Write what a formula makes of each value."""
    restrict()
    for i in range(n):
        store(out, i, formula(load(dy, i), load(x, i) - center, scale, slope, offset))


@fast
def write_columns(formula, dy, x, out, n, center, scale, slope, offset):
    """Write what a formula makes of each value, where each column has its numbers."""
    restrict()
    for j in range(n):
        centered = load(x, j) - center[j]
        store(out, j, formula(load(dy, j), centered, scale[j], slope[j], offset[j]))
