"""How the passes write y and dx, through the caches or past them.

An output that is larger than the caches goes past them, line by line: what lies in its place is
then not read first, and what is in the caches stays there. Chunks of it are made in the thread's
own corner of the memory, which is near.
"""

from bncourse.kernels import values
from bncourse.kernels.jit import exact, inlined
from bncourse.kernels.memory import LINE, ahead, offset_in_line, store_line
from bncourse.kernels.strips import bounds, row_of
from bncourse.kernels.task import CENTER, CHUNK, OFFSET, SCALE, SLOPE


@inlined
def next_part(t, target, lane_left):
    """Return how many values come next, and whether past the caches: chunks of whole lines."""
    if not t.streams:
        return lane_left, False
    beyond = offset_in_line(target)
    if beyond:
        return min(lane_left, (LINE - beyond) // t.itemsize), False
    chunk = CHUNK // t.itemsize
    return min(lane_left, chunk), lane_left >= chunk


@exact
def write_row(formula, t, my, strip, start, size, dy, x, out):
    """Write a row of a strip, or its first values."""
    center, scale = row_of(t, my, strip, CENTER), row_of(t, my, strip, SCALE)
    slope, offset = row_of(t, my, strip, SLOPE), row_of(t, my, strip, OFFSET)
    columns, run, itemsize = t.run == 1, t.run, t.itemsize
    lane, done, lane_end = 0, 0, size if columns else min(run, size)
    while done < size:
        i = start + done
        target = ahead(out, i)
        n, streams = next_part(t, target, lane_end - done)
        into = my.chunk if streams else target
        if columns:
            values.write_columns(
                formula, ahead(dy, i), ahead(x, i), into, n,
                ahead(center, done), ahead(scale, done), ahead(slope, done), ahead(offset, done),
            )  # fmt: skip
        else:
            values.write_run(
                formula, ahead(dy, i), ahead(x, i), into, n,
                center[lane], scale[lane], slope[lane], offset[lane],
            )  # fmt: skip
        if streams:
            for j in range(0, n, LINE // itemsize):
                store_line(ahead(target, j), ahead(my.chunk, j))
        done += n
        if done == lane_end:
            lane, lane_end = lane + 1, min(lane_end + run, size)


@exact
def write_pieces(formula, t, my, strip, dy, x, out):
    """Write the thread's pieces, the last one first: it is still in the cache."""
    for piece in range(my.end_piece - 1, my.piece - 1, -1):
        row, end_row, col, end_col = bounds(t, strip, piece)
        for start in range(row * t.width + col, end_row * t.width, t.width):
            write_row(formula, t, my, strip, start, end_col - col, dy, x, out)
