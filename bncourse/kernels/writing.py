"""How the passes write y and dx, through the caches or past them.

An output that is larger than the caches goes past them, line by line: what lies in its place is
then not read first, and what is in the caches stays there. Chunks of it are made in the thread's
own corner of the memory, which is near.
"""

from bncourse.kernels import arithmetic
from bncourse.kernels.memory import LINE, ahead, beyond_line, store_line
from bncourse.kernels.strips import bounds, known, spread
from bncourse.kernels.task import CENTER, CHUNK, OFFSET, SCALE, SLOPE, exact


@exact
def next_part(t, target, done, size):
    """Return the lane of a row's part that is to be written next, its length, how it goes.

    The part ends with its lane or its row; past the caches go whole chunks of whole lines.
    """
    lane = done // t.run
    left = min(size - done, (lane + 1) * t.run - done) if t.run > 1 else size - done
    if not t.streams:
        return lane, left, False
    beyond = beyond_line(target)
    if beyond:
        return lane, min(left, (LINE - beyond) // t.itemsize), False
    return lane, min(left, CHUNK), left >= CHUNK


@exact
def stream(t, target, source):
    """Copy a chunk past the caches."""
    for i in range(0, CHUNK, LINE // t.itemsize):
        store_line(ahead(target, i), ahead(source, i))


@exact
def affine_row(t, start, end, x, y, note, chunk):
    """Write a part of a row; it begins in the first lane of its strip."""
    center, scale, offset = known(t, note, CENTER), known(t, note, SCALE), known(t, note, OFFSET)
    done = 0
    while done < end - start:
        source, target = ahead(x, start + done), ahead(y, start + done)
        lane, n, streams = next_part(t, target, done, end - start)
        into = chunk if streams else target
        if t.run == 1:
            arithmetic.affine_columns(
                source, into, n, ahead(center, lane), ahead(scale, lane), ahead(offset, lane)
            )
        else:
            arithmetic.affine_run(source, into, n, center[lane], scale[lane], offset[lane])
        if streams:
            stream(t, target, chunk)
        done += n


@exact
def gradient_row(t, start, end, dy, x, dx, note, chunk):
    """Write a part of a row; it begins in the first lane of its strip."""
    center, scale = known(t, note, CENTER), known(t, note, SCALE)
    slope, offset = known(t, note, SLOPE), known(t, note, OFFSET)
    done = 0
    while done < end - start:
        target = ahead(dx, start + done)
        lane, n, streams = next_part(t, target, done, end - start)
        into = chunk if streams else target
        if t.run == 1:
            arithmetic.gradient_columns(
                ahead(dy, start + done), ahead(x, start + done), into, n,
                ahead(center, lane), ahead(scale, lane), ahead(slope, lane), ahead(offset, lane),
            )  # fmt: skip
        else:
            arithmetic.gradient_run(
                ahead(dy, start + done), ahead(x, start + done), into, n,
                center[lane], scale[lane], slope[lane], offset[lane],
            )  # fmt: skip
        if streams:
            stream(t, target, chunk)
        done += n


@exact
def write_affine(t, strip, own0, own1, x, y, note, chunk):
    """Write pieces, the last one first: it is still in the cache."""
    spread(t, strip, note)
    for piece in range(own1 - 1, own0 - 1, -1):
        row0, row1, col0, col1 = bounds(t, strip, piece)
        for row in range(row0, row1):
            affine_row(t, row * t.width + col0, row * t.width + col1, x, y, note, chunk)


@exact
def write_gradient(t, strip, own0, own1, dy, x, dx, note, chunk):
    """Write pieces, the last one first: it is still in the cache."""
    spread(t, strip, note)
    for piece in range(own1 - 1, own0 - 1, -1):
        row0, row1, col0, col1 = bounds(t, strip, piece)
        for row in range(row0, row1):
            gradient_row(t, row * t.width + col0, row * t.width + col1, dy, x, dx, note, chunk)
