"""What the passes do with a strip: sum its pieces, and make of the sums what is written.

``t`` is the task and ``my`` the thread's part in it (`bncourse.kernels.task`). What is computed
of a strip's n channels stands at the beginning of the rows of its table, until it is copied to
all lanes. Loops over channels are short and read nothing of the task, so that they fill vectors.
"""

import numpy as np

from bncourse.kernels import values
from bncourse.kernels.jit import exact, inlined
from bncourse.kernels.memory import ahead, load, pointer
from bncourse.kernels.task import (
    CENTER,
    FAR,
    FIRST,
    LOST,
    OFFSET,
    SCALE,
    SECOND,
    SLOPE,
    SPREAD,
    TABLE,
)  # fmt: skip

# How many values of a channel tell where its center is. A center farther than this from the
# mean, in standard deviations, costs too many digits: one in 45,000 if values are normal.
SAMPLES, TOO_FAR = 8, 1.5


@inlined
def finite(x):
    """Return x, or zero where it is NaN or infinite."""
    return x if np.isfinite(x) else 0.0


@inlined
def two_sum(a, b):
    """Return a + b rounded, and what rounding took off it (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


@exact
def bounds(t, strip, piece):
    """Return a piece's rows and columns: the first, and the first that is not in it."""
    if t.tail and piece == t.pieces - 1:
        return t.rows, t.rows + 1, 0, t.tail
    across = (t.strip + t.piece_columns - 1) // t.piece_columns
    row = piece // across * t.piece_rows
    col = strip * t.strip + piece % across * t.piece_columns
    end = min(min(col + t.piece_columns, (strip + 1) * t.strip), t.width)
    return row, min(row + t.piece_rows, t.rows), col, end


@inlined
def channels_of(t, strip):
    """Return a strip's first channel, and how many it has."""
    first = strip * t.strip_channels
    return first, min(t.strip_channels, t.channels - first)


@inlined
def index_of(t, i):
    """Return where the i-th value of the first channel lies."""
    return i // t.repeat * t.channels * t.repeat + i % t.repeat


@inlined
def row_of(t, my, strip, row):
    """Return a row of a strip's table, as a pointer."""
    return ahead(my.table, (strip % my.at_once * TABLE + row) * t.lanes)


@inlined
def sums_of(t, my, strip, piece):
    """Return the first and the second sums of a piece, one for each lane, as pointers."""
    first = ahead(my.sums, 2 * (strip % my.at_once * t.pieces + piece) * t.lanes)
    return first, ahead(first, t.lanes)


@exact
def choose_center(t, my, strip, x):
    """Choose what is taken off before squaring: about the mean of some values."""
    center = row_of(t, my, strip, CENTER)
    channel, n = channels_of(t, strip)
    repeat = t.repeat
    first = ahead(x, channel * repeat)
    for c in range(n):
        center[c] = 0.0
    for sample in range(SAMPLES):
        there = ahead(first, index_of(t, t.values * sample // SAMPLES))
        for c in range(n):
            # Less the first value: of equal ones the mean is exact.
            center[c] += load(there, c * repeat) - load(first, c * repeat)
    for c in range(n):
        # An infinity taken off an infinity would leave no trace of its sign.
        center[c] = finite(load(first, c * repeat) + center[c] / SAMPLES)


@exact
def recall_center(t, my, strip):
    """Center on the mean that the forward pass saved."""
    center, (mean, _, _) = row_of(t, my, strip, CENTER), saved_of(t, strip)
    _, n = channels_of(t, strip)
    for c in range(n):
        center[c] = mean[c]


@exact
def copy_to_lanes(t, my, strip):
    """Copy what is computed of channels to all of their lanes; rows still to come go along."""
    _, n = channels_of(t, strip)
    period = n * t.neighbors
    for row in range(SPREAD):
        numbers = row_of(t, my, strip, row)
        for c in range(n - 1 if t.neighbors > 1 else -1, -1, -1):
            for lane in range(c * t.neighbors, (c + 1) * t.neighbors):
                numbers[lane] = numbers[c]
        for lane in range(period, t.lanes):
            numbers[lane] = numbers[lane - period]


@exact
def sum_pieces(term, t, my, strip, dy, x):
    """Sum a term, and the term times x - center, over each of the thread's pieces."""
    center = row_of(t, my, strip, CENTER)
    for piece in range(my.piece, my.end_piece):
        row, end_row, col, end_col = bounds(t, strip, piece)
        first, second = sums_of(t, my, strip, piece)
        for lane in range(t.lanes):
            first[lane] = second[lane] = 0.0
        start, n = row * t.width + col, end_col - col
        if t.run == 1:
            rows, width = end_row - row, t.width
            values.sum_columns(
                term, ahead(dy, start), ahead(x, start), n, rows, width, center, first, second
            )
            continue
        run = min(t.run, n)
        for begin in range(start, end_row * t.width, t.width):
            for lane in range(n // run):
                here = begin + lane * run
                one, two = values.sum_run(term, ahead(dy, here), ahead(x, here), run, center[lane])
                first[lane] += one
                second[lane] += two


@exact
def add_up(t, my, strip):
    """Add up the sums of all pieces, for each channel of a strip: FIRST and SECOND."""
    lost = row_of(t, my, strip, LOST)
    _, n = channels_of(t, strip)
    lanes, neighbors = t.lanes, t.neighbors
    period = n * neighbors
    for which in range(2):
        total = row_of(t, my, strip, FIRST + which)
        for lane in range(lanes):
            total[lane] = lost[lane] = 0.0
        for piece in range(t.pieces):
            terms = sums_of(t, my, strip, piece)[which]
            for lane in range(lanes):
                total[lane], rounded = two_sum(total[lane], terms[lane])
                lost[lane] += rounded
        for lane in range(lanes):
            total[lane] += finite(lost[lane])
        for begin in range(period, lanes, period):
            for lane in range(begin, min(begin + period, lanes)):
                total[lane - begin] += total[lane]
        for c in range(n if neighbors > 1 else 0):
            value = 0.0
            for lane in range(c * neighbors, (c + 1) * neighbors):
                value += total[lane]
            total[c] = value


@exact
def mean_and_var(t, my, strip):
    """Turn the sums into the mean, in two numbers, and the variance; tell of far centers."""
    center, lost = row_of(t, my, strip, CENTER), row_of(t, my, strip, LOST)
    first, second = row_of(t, my, strip, FIRST), row_of(t, my, strip, SECOND)
    _, n = channels_of(t, strip)
    m, neighbors, far = t.values, t.neighbors, 0
    for c in range(n):
        away = first[c] / m
        # The center of each lane becomes the mean of each channel, from the left.
        center[c], lost[c] = two_sum(center[c * neighbors], away)  # eq-batch-mean
        var = second[c] / m - away * away  # eq-batch-var
        second[c] = 0.0 if var < 0.0 else var
        far += away * away > TOO_FAR * TOO_FAR * var
    row_of(t, my, strip, FAR)[0] = far


@inlined
def is_far(t, my, strip):
    """Return whether a center was too far from the mean."""
    return row_of(t, my, strip, FAR)[0] > 0.0


@inlined
def saved_of(t, strip):
    """Return what is saved of a strip's channels, as pointers: mean, lost and inv_std."""
    saved = ahead(pointer(t.saved, 0.0), channels_of(t, strip)[0])
    return saved, ahead(saved, t.channels), ahead(saved, 2 * t.channels)


@inlined
def average(running, value, momentum):
    """Return a running average after one more batch."""
    return (1.0 - momentum) * running + momentum * value  # eq-running-average


@inlined
def save(t, my, strip, mean, lost, inv_std):
    """Save the statistics for the backward pass."""
    saved_mean, saved_lost, saved_inv_std = saved_of(t, strip)
    for c in range(channels_of(t, strip)[1] if my.stores and t.saved else 0):
        saved_mean[c] = mean[c]
        saved_lost[c] = lost[c]
        saved_inv_std[c] = inv_std[c]


@inlined
def scale_and_shift(t, strip, scale, offset):
    """Let the weight and the bias into the coefficients, where there are any."""
    channel, n = channels_of(t, strip)
    weight = ahead(pointer(t.weight, t.parameter), channel)
    for c in range(n if t.weight else 0):
        scale[c] *= weight[c]
    bias = ahead(pointer(t.bias, t.parameter), channel)
    for c in range(n if t.bias else 0):
        offset[c] += bias[c]


@exact
def end_forward(t, my, strip):
    """Turn mean and variance into what normalizes, and store what the layer keeps."""
    mean, lost = row_of(t, my, strip, CENTER), row_of(t, my, strip, LOST)
    var, scale = row_of(t, my, strip, SECOND), row_of(t, my, strip, SCALE)
    offset = row_of(t, my, strip, OFFSET)
    channel, n = channels_of(t, strip)
    eps, momentum = t.eps, t.momentum
    for c in range(n):
        scale[c] = 1.0 / np.sqrt(var[c] + eps)  # eq-inv-std
    save(t, my, strip, mean, lost, scale)
    running_mean = ahead(pointer(t.running_mean, t.parameter), channel)
    running_var = ahead(pointer(t.running_var, t.parameter), channel)
    unbiased = t.values / (t.values - 1.0)  # eq-unbiased-var
    for c in range(n if my.stores and t.running_mean else 0):
        running_mean[c] = average(running_mean[c], mean[c], momentum)
        running_var[c] = average(running_var[c], var[c] * unbiased, momentum)
    for c in range(n):
        offset[c] = 0.0
    scale_and_shift(t, strip, scale, offset)
    for c in range(n):
        offset[c] -= finite(lost[c] * scale[c])  # an infinite scale times 0 is NaN


@exact
def end_inference(t, my, strip):
    """Turn the running statistics into what normalizes."""
    center, lost = row_of(t, my, strip, CENTER), row_of(t, my, strip, LOST)
    scale, offset = row_of(t, my, strip, SCALE), row_of(t, my, strip, OFFSET)
    channel, n = channels_of(t, strip)
    mean = ahead(pointer(t.running_mean, t.parameter), channel)
    var = ahead(pointer(t.running_var, t.parameter), channel)
    eps = t.eps
    for c in range(n):
        center[c] = mean[c]
        scale[c] = 1.0 / np.sqrt(var[c] + eps)  # eq-inv-std
        lost[c] = offset[c] = 0.0
    save(t, my, strip, center, lost, scale)
    scale_and_shift(t, strip, scale, offset)


@exact
def end_backward(t, my, strip):
    """Turn the sums into the parameters' gradients, and into what makes dx."""
    dbeta, dgamma = row_of(t, my, strip, FIRST), row_of(t, my, strip, SECOND)
    center, scale = row_of(t, my, strip, CENTER), row_of(t, my, strip, SCALE)
    slope, offset = row_of(t, my, strip, SLOPE), row_of(t, my, strip, OFFSET)
    mean, lost, inv_std = saved_of(t, strip)
    channel, n = channels_of(t, strip)
    m = t.values
    for c in range(n):  # eq-dbeta is the first sum; the second is about the rounded mean
        dgamma[c] = (dgamma[c] - finite(lost[c] * dbeta[c])) * inv_std[c]  # eq-dgamma
    dweight = ahead(pointer(t.dweight, t.parameter), channel)
    for c in range(n if my.stores and t.dweight else 0):
        dweight[c] = dgamma[c]
    dbias = ahead(pointer(t.dbias, t.parameter), channel)
    for c in range(n if my.stores and t.dbias else 0):
        dbias[c] = dbeta[c]
    for c in range(n):
        scale[c] = inv_std[c]
        center[c] = slope[c] = offset[c] = 0.0
    scale_and_shift(t, strip, scale, offset)
    if t.training:  # eq-dx-closed, by powers of dy and x; else dx is dy times the scale
        for c in range(n):
            center[c] = mean[c]
            slope[c] = -scale[c] * inv_std[c] * dgamma[c] / m
        for c in range(n):
            offset[c] = -scale[c] * dbeta[c] / m - slope[c] * lost[c]
