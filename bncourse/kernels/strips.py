"""What the passes do with a strip: sum its pieces, and make of the sums what is written.

``t`` is the task (`bncourse.kernels.task`), ``own0`` and ``own1`` are the first of the thread's
pieces and the first that is not its own. A note has a row for each thing that is known of a
strip's lanes; what is known of channels comes first in a row.
"""

import numpy as np

from bncourse.kernels import arithmetic
from bncourse.kernels.memory import ahead, pointer
from bncourse.kernels.task import (
    CENTER,
    COEFFICIENTS,
    FAR,
    FIRST,
    LOST,
    OFFSET,
    SCALE,
    SECOND,
    SLOPE,
    exact,
)  # fmt: skip

# How many values of a channel tell where its center is. A center farther than this from the
# mean, in standard deviations, costs too many digits: one in 45,000 if values are normal.
SAMPLES, TOO_FAR = 8, 1.5


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


@exact
def channels_of(t, strip):
    """Return a strip's first channel, and how many it has."""
    first = strip * t.strip_channels
    return first, min(t.strip_channels, t.channels - first)


@exact
def known(t, note, what):
    """Return what is known of a strip's lanes, or of its channels, as a pointer."""
    return ahead(note, what * t.lanes)


@exact
def spread(t, strip, note):
    """Copy what is known of the channels, which comes first, to all lanes."""
    _, channels = channels_of(t, strip)
    for what in range(COEFFICIENTS):
        numbers = known(t, note, what)
        if t.neighbors > 1:
            for c in range(channels - 1, -1, -1):
                for lane in range(c * t.neighbors, (c + 1) * t.neighbors):
                    numbers[lane] = numbers[c]
        period = channels * t.neighbors
        for lane in range(period, t.lanes):
            numbers[lane] = numbers[lane - period]


@exact
def choose_center(t, strip, x, note):
    """Choose what is taken off before squaring: about the mean of some values."""
    center = known(t, note, CENTER)
    first, channels = channels_of(t, strip)
    for c in range(channels):
        center[c] = 0.0
    for sample in range(SAMPLES):
        there = place(t, t.values * sample // SAMPLES)
        for c in range(channels):
            start = (first + c) * t.repeat
            # Less the first value: of equal ones the mean is exact.
            center[c] += np.float64(x[start + there]) - np.float64(x[start])
    for c in range(channels):
        # An infinity taken off an infinity would leave no trace of its sign.
        center[c] = finite(np.float64(x[(first + c) * t.repeat]) + center[c] / SAMPLES)


@exact
def place(t, i):
    """Return where the i-th value of the first channel lies."""
    return i // t.repeat * t.channels * t.repeat + i % t.repeat


@exact
def finite(x):
    """Return x, or zero where it is NaN or infinite."""
    return x if np.isfinite(x) else 0.0


@exact
def recall(t, strip, note):
    """Center on the mean that the forward pass saved."""
    center, mean = known(t, note, CENTER), pointer(t.saved, 0.0)
    first, channels = channels_of(t, strip)
    for c in range(channels):
        center[c] = mean[first + c]


@exact
def sums_of(t, strip, piece, sums):
    """Return the first and the second sum of a piece, one for each lane, as pointers."""
    first = ahead(sums, 2 * (strip * t.pieces + piece) * t.lanes)
    return first, ahead(first, t.lanes)


@exact
def sum_moments(t, strip, own0, own1, x, note, sums):
    """Sum x - center and its square over each piece."""
    spread(t, strip, note)
    center = known(t, note, CENTER)
    for piece in range(own0, own1):
        row0, row1, col0, col1 = bounds(t, strip, piece)
        first, second = sums_of(t, strip, piece, sums)
        for lane in range(t.lanes):
            first[lane] = second[lane] = 0.0
        if t.run == 1:
            start = ahead(x, row0 * t.width + col0)
            arithmetic.moments_columns(
                start, col1 - col0, row1 - row0, t.width, center, first, second
            )
            continue
        n = min(t.run, col1 - col0)
        for row in range(row0, row1):
            for lane in range((col1 - col0) // n):
                start = ahead(x, row * t.width + col0 + lane * n)
                one, two = arithmetic.moments_run(start, n, center[lane])
                first[lane] += one
                second[lane] += two


@exact
def sum_products(t, strip, own0, own1, dy, x, note, sums):
    """Sum dy and dy * (x - center) over each piece."""
    spread(t, strip, note)
    center = known(t, note, CENTER)
    for piece in range(own0, own1):
        row0, row1, col0, col1 = bounds(t, strip, piece)
        first, second = sums_of(t, strip, piece, sums)
        for lane in range(t.lanes):
            first[lane] = second[lane] = 0.0
        if t.run == 1:
            start = row0 * t.width + col0
            arithmetic.products_columns(
                ahead(dy, start), ahead(x, start), col1 - col0, row1 - row0, t.width,
                center, first, second,
            )  # fmt: skip
            continue
        n = min(t.run, col1 - col0)
        for row in range(row0, row1):
            for lane in range((col1 - col0) // n):
                start = row * t.width + col0 + lane * n
                one, two = arithmetic.products_run(
                    ahead(dy, start), ahead(x, start), n, center[lane]
                )
                first[lane] += one
                second[lane] += two


@exact
def add_up(t, strip, sums, note):
    """Add up the sums of all pieces, for each channel of a strip: FIRST and SECOND."""
    lost = known(t, note, LOST)
    _, channels = channels_of(t, strip)
    for which in range(2):
        total = known(t, note, FIRST + which)
        for lane in range(t.lanes):
            total[lane] = lost[lane] = 0.0
        for piece in range(t.pieces):
            terms = sums_of(t, strip, piece, sums)[which]
            for lane in range(t.lanes):  # Knuth's two-sum keeps what rounding takes off
                old = total[lane]
                new = old + terms[lane]
                back = new - old
                total[lane] = new
                lost[lane] += (old - (new - back)) + (terms[lane] - back)
        for c in range(channels):
            value = 0.0
            for lane0 in range(c * t.neighbors, t.lanes, channels * t.neighbors):
                for lane in range(lane0, lane0 + t.neighbors):
                    value += total[lane] + finite(lost[lane])
            total[c] = value


@exact
def mean_and_var(t, strip, sums, note):
    """Turn the sums into the mean, in two numbers: rounded, and what that took off; and var."""
    add_up(t, strip, sums, note)
    center, lost, far = known(t, note, CENTER), known(t, note, LOST), known(t, note, FAR)
    first, second = known(t, note, FIRST), known(t, note, SECOND)
    far[0] = 0.0
    _, channels = channels_of(t, strip)
    for c in range(channels):
        # The center of each lane becomes the mean of each channel, from the left.
        old, away = center[c * t.neighbors], first[c] / t.values
        mean = old + away  # eq-batch-mean
        back = mean - old
        center[c] = mean
        lost[c] = finite((old - (mean - back)) + (away - back))
        var = second[c] / t.values - away * away  # eq-batch-var
        second[c] = 0.0 if var < 0.0 else var
        if away * away > TOO_FAR * TOO_FAR * var:
            far[0] = 1.0


@exact
def average(running, value, momentum):
    """Return the running average after one more batch."""
    return (1.0 - momentum) * running + momentum * value  # eq-running-average


@exact
def end_forward(t, strip, note, writes):
    """Turn mean and var into what normalizes, and store what the layer keeps."""
    mean, lost, var = known(t, note, CENTER), known(t, note, LOST), known(t, note, SECOND)
    scale, offset = known(t, note, SCALE), known(t, note, OFFSET)
    weight, bias = pointer(t.weight, t.like), pointer(t.bias, t.like)
    running_mean = pointer(t.running_mean, t.like)
    running_var = pointer(t.running_var, t.like)
    saved = pointer(t.saved, 0.0)
    first, channels = channels_of(t, strip)
    for c in range(channels):
        channel = first + c
        inv_std = 1.0 / np.sqrt(var[c] + t.eps)  # eq-inv-std
        scale[c] = inv_std * (weight[channel] if t.weight else 1.0)
        offset[c] = (bias[channel] if t.bias else 0.0) - lost[c] * scale[c]
        if not writes:
            continue
        saved[channel] = mean[c]
        saved[t.channels + channel] = lost[c]
        saved[2 * t.channels + channel] = inv_std
        if t.running_mean:
            running_mean[channel] = average(running_mean[channel], mean[c], t.momentum)
            unbiased = var[c] * (t.values / (t.values - 1.0))  # eq-unbiased-var
            running_var[channel] = average(running_var[channel], unbiased, t.momentum)


@exact
def end_inference(t, strip, note, writes):
    """Turn the running statistics into what normalizes."""
    center, scale, offset = known(t, note, CENTER), known(t, note, SCALE), known(t, note, OFFSET)
    weight, bias = pointer(t.weight, t.like), pointer(t.bias, t.like)
    mean, var = pointer(t.running_mean, t.like), pointer(t.running_var, t.like)
    saved = pointer(t.saved, 0.0)
    first, channels = channels_of(t, strip)
    for c in range(channels):
        channel = first + c
        inv_std = 1.0 / np.sqrt(var[channel] + t.eps)  # eq-inv-std
        center[c] = mean[channel]
        scale[c] = inv_std * (weight[channel] if t.weight else 1.0)
        offset[c] = bias[channel] if t.bias else 0.0
        if writes:
            saved[channel] = center[c]
            saved[t.channels + channel] = 0.0
            saved[2 * t.channels + channel] = inv_std
    spread(t, strip, note)


@exact
def end_backward(t, strip, sums, note, writes):
    """Turn the sums into the parameters' gradients, and into what makes dx."""
    add_up(t, strip, sums, note)
    center, scale = known(t, note, CENTER), known(t, note, SCALE)
    slope, offset = known(t, note, SLOPE), known(t, note, OFFSET)
    dy, dy_centered = known(t, note, FIRST), known(t, note, SECOND)
    weight, saved = pointer(t.weight, t.like), pointer(t.saved, 0.0)
    dweight, dbias = pointer(t.dweight, t.like), pointer(t.dbias, t.like)
    first, channels = channels_of(t, strip)
    for c in range(channels):
        channel = first + c
        lost, inv_std = saved[t.channels + channel], saved[2 * t.channels + channel]
        dbeta = dy[c]  # eq-dbeta
        dgamma = (dy_centered[c] - lost * dbeta) * inv_std  # eq-dgamma
        if writes and t.dweight:
            dweight[channel] = dgamma
        if writes and t.dbias:
            dbias[channel] = dbeta
        direct = inv_std * (weight[channel] if t.weight else 1.0)
        center[c], scale[c], slope[c], offset[c] = 0.0, direct, 0.0, 0.0
        if t.training:  # eq-dx-closed, by powers of dy and x; else x acts directly alone
            center[c] = saved[channel]
            slope[c] = -direct * inv_std * dgamma / t.values
            offset[c] = -direct * dbeta / t.values - slope[c] * lost
