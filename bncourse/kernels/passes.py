"""The three passes: each a walk through a tensor, by a team of threads.

In training each thread has strips of its own, if they can be dealt out fairly: it sums one and
writes it while it is in its cache. Otherwise (`bncourse.kernels.task.Plan.shared`) every thread has
some pieces of each strip, and the team meets between summing and writing. In evaluation nothing is
summed, and each thread has rows.
"""

import numba
from numba import types

from bncourse.kernels import strips, values, writing
from bncourse.kernels.jit import exact, inlined
from bncourse.kernels.memory import ahead, fence, pointer
from bncourse.kernels.task import CHUNK, TABLE, Member

thread_number = types.ExternalFunction("omp_get_thread_num", types.int32())
number_of_threads = types.ExternalFunction("omp_get_num_threads", types.int32())
barrier = types.ExternalFunction("GOMP_barrier", types.void())


@inlined
def place_in_team(t):
    """Return the thread's number, and the size of the team: a task for one asks nobody."""
    if t.threads == 1:
        return 0, 1
    return int(thread_number()), int(number_of_threads())


@inlined
def part(count, thread, threads):
    """Return a thread's part of so many things: the first, and the first that is not its own."""
    return count * thread // threads, count * (thread + 1) // threads


@inlined
def chunk_of(t, thread):
    """Return where a thread has the values that it will write past the caches, as a pointer."""
    return pointer(t.chunks + thread * CHUNK, t.like)


@inlined
def member(t):
    """Return what the thread does, and where it writes down its numbers."""
    thread, threads = place_in_team(t)
    sums, tables, chunk = pointer(t.sums, 0.0), pointer(t.tables, 0.0), chunk_of(t, thread)
    size = TABLE * t.lanes
    if t.shared:
        piece, end_piece = part(t.pieces, thread, threads)
        table = ahead(tables, thread * t.strips * size)
        return Member(0, t.strips, t.strips, piece, end_piece, thread == 0, sums, table, chunk)
    strip, end_strip = part(t.strips, thread, threads)
    sums, table = ahead(sums, 2 * thread * t.pieces * t.lanes), ahead(tables, thread * size)
    return Member(strip, end_strip, 1, 0, t.pieces, True, sums, table, chunk)


@inlined
def meet(t):
    """Wait for the other threads where the team shares strips."""
    if t.shared:
        barrier()


@exact
def write_inference(t, my, strip, row, x, y):
    """Write a row of a strip, which ends where the strip, the row or the memory does."""
    start = row * t.width + strip * t.strip
    end = min(min(start + t.strip, (row + 1) * t.width), t.channels * t.values)
    writing.write_row(values.affine, t, my, strip, start, end - start, x, x, y)


def forward(data):
    """Normalize by the statistics of the batch (training)."""
    t = numba.carray(data, 1)[0]
    my = member(t)
    x, y = pointer(t.x, t.like), pointer(t.out, t.like)
    for begin in range(my.strip, my.end_strip, my.at_once):
        group = range(begin, begin + my.at_once)
        far = True
        for attempt in range(2):
            for strip in group:
                if attempt == 0:
                    strips.choose_center(t, my, strip, x)
                if attempt == 0 or strips.is_far(t, my, strip):
                    strips.copy_to_lanes(t, my, strip)
                    strips.sum_pieces(values.deviation, t, my, strip, x, x)
            meet(t)
            far = False
            for strip in group:
                if attempt == 0 or strips.is_far(t, my, strip):
                    strips.add_up(t, my, strip)
                    strips.mean_and_var(t, my, strip)
                far = far or strips.is_far(t, my, strip)
            if not far:
                break
            meet(t)  # all have added up the sums before they are made anew
        for strip in group:
            strips.end_forward(t, my, strip)
            strips.copy_to_lanes(t, my, strip)
            writing.write_pieces(values.affine, t, my, strip, x, x, y)
    fence()


def backward(data):
    """Compute dx, dgamma and dbeta."""
    t = numba.carray(data, 1)[0]
    my = member(t)
    dy, x, dx = pointer(t.dy, t.like), pointer(t.x, t.like), pointer(t.out, t.like)
    for begin in range(my.strip, my.end_strip, my.at_once):
        group = range(begin, begin + my.at_once)
        for strip in group:
            strips.recall_center(t, my, strip)
            strips.copy_to_lanes(t, my, strip)
            strips.sum_pieces(values.upstream, t, my, strip, dy, x)
        meet(t)
        for strip in group:
            strips.add_up(t, my, strip)
            strips.end_backward(t, my, strip)
            strips.copy_to_lanes(t, my, strip)
            if t.out and t.training:
                writing.write_pieces(values.gradient, t, my, strip, dy, x, dx)
            elif t.out:
                writing.write_pieces(values.affine, t, my, strip, dy, dy, dx)
    fence()


def inference(data):
    """Normalize by the running statistics (evaluation)."""
    t = numba.carray(data, 1)[0]
    thread, threads = place_in_team(t)
    x, y, table = pointer(t.x, t.like), pointer(t.out, t.like), pointer(t.tables, 0.0)
    chunk = chunk_of(t, thread)
    if t.shared:  # the team makes one table, and goes straight through the memory
        my = Member(0, t.strips, t.strips, 0, t.pieces, True, table, table, chunk)
        for strip in range(thread, t.strips, threads):
            strips.end_inference(t, my, strip)
            strips.copy_to_lanes(t, my, strip)
        if threads > 1:
            barrier()
        begin, end = part(t.rows * t.strips + (t.tail > 0), thread, threads)
        for i in range(begin, end):
            write_inference(t, my, i % t.strips, i // t.strips, x, y)
    else:
        my = member(t)
        for strip in range(my.strip, my.end_strip):
            strips.end_inference(t, my, strip)
            strips.copy_to_lanes(t, my, strip)
            for row in range(t.rows + (t.tail > 0)):
                write_inference(t, my, strip, row, x, y)
    fence()
