"""The three passes: each a walk through a tensor, by a team of threads.

Where there are many strips, each thread has strips of its own: it sums one and writes it while
it is in its cache. Where there are few, every thread has some pieces of each strip, and the
team meets between summing and writing.
"""

import numba
from numba import types

from bncourse.kernels import strips, writing
from bncourse.kernels.memory import ahead, fence, pointer
from bncourse.kernels.task import CHUNK, FAR, NOTE, exact

# Strips a thread below which the team shares each of them.
FEW = 4

thread_number = types.ExternalFunction("omp_get_thread_num", types.int32())
number_of_threads = types.ExternalFunction("omp_get_num_threads", types.int32())
barrier = types.ExternalFunction("GOMP_barrier", types.void())


@exact
def member(t):
    """Return the thread's number, and the size of the team: a task for one asks nobody."""
    if t.threads == 1:
        return 0, 1
    return int(thread_number()), int(number_of_threads())


@exact
def share(t, thread, threads):
    """Return the thread's strips, its pieces of each, and whether the team shares all strips."""
    if threads == 1 or t.strips % threads == 0 or t.strips >= FEW * threads:
        first, last = t.strips * thread // threads, t.strips * (thread + 1) // threads
        return first, last, 0, t.pieces, False
    first, last = t.pieces * thread // threads, t.pieces * (thread + 1) // threads
    return 0, t.strips, first, last, True


@exact
def places(t, thread, threads):
    """Return where the sums of all pieces, the thread's notes and its chunk are, as pointers."""
    sums = pointer(t.work, 0.0)
    size = t.lanes * t.strips
    notes = ahead(sums, size * (2 * t.pieces + thread * NOTE))
    chunk = t.work + 8 * (size * (2 * t.pieces + threads * NOTE) + thread * CHUNK)
    return sums, notes, pointer(chunk, t.like)


@exact
def note_on(t, notes, strip):
    """Return the thread's note on a strip, as a pointer."""
    return ahead(notes, strip * NOTE * t.lanes)


def forward(data):
    """Normalize by the statistics of the batch (training)."""
    t = numba.carray(data, 1)[0]
    thread, threads = member(t)
    first, last, own0, own1, shared = share(t, thread, threads)
    together = last - first if shared else 1
    writes = thread == 0 or not shared
    sums, notes, chunk = places(t, thread, threads)
    x, y = pointer(t.x, t.like), pointer(t.out, t.like)
    for begin in range(first, last, together):
        for look in range(2):
            for strip in range(begin, begin + together):
                note = note_on(t, notes, strip)
                if look == 0:
                    strips.choose_center(t, strip, x, note)
                if look == 0 or strips.known(t, note, FAR)[0] > 0.0:
                    strips.sum_moments(t, strip, own0, own1, x, note, sums)
            if shared:
                barrier()
            again = False
            for strip in range(begin, begin + together):
                note = note_on(t, notes, strip)
                if look == 0 or strips.known(t, note, FAR)[0] > 0.0:
                    strips.mean_and_var(t, strip, sums, note)
                again = again or strips.known(t, note, FAR)[0] > 0.0
            if not again:
                break
            if shared:  # all have added up the sums before they are made anew
                barrier()
        for strip in range(begin, begin + together):
            note = note_on(t, notes, strip)
            strips.end_forward(t, strip, note, writes)
            writing.write_affine(t, strip, own0, own1, x, y, note, chunk)
    fence()


def backward(data):
    """Compute dx, dgamma and dbeta."""
    t = numba.carray(data, 1)[0]
    thread, threads = member(t)
    first, last, own0, own1, shared = share(t, thread, threads)
    together = last - first if shared else 1
    writes = thread == 0 or not shared
    sums, notes, chunk = places(t, thread, threads)
    dy, x, dx = pointer(t.dy, t.like), pointer(t.x, t.like), pointer(t.out, t.like)
    for begin in range(first, last, together):
        for strip in range(begin, begin + together):
            note = note_on(t, notes, strip)
            strips.recall(t, strip, note)
            strips.sum_products(t, strip, own0, own1, dy, x, note, sums)
        if shared:
            barrier()
        for strip in range(begin, begin + together):
            note = note_on(t, notes, strip)
            strips.end_backward(t, strip, sums, note, writes)
            if t.out and t.training:
                writing.write_gradient(t, strip, own0, own1, dy, x, dx, note, chunk)
            elif t.out:
                writing.write_affine(t, strip, own0, own1, dy, dx, note, chunk)
    fence()


def inference(data):
    """Normalize by the running statistics (evaluation)."""
    t = numba.carray(data, 1)[0]
    thread, threads = member(t)
    _, notes, chunk = places(t, thread, threads)
    for strip in range(t.strips):
        strips.end_inference(t, strip, note_on(t, notes, strip), thread == 0)
    # Nothing is summed, so it goes straight through the memory.
    x, y = pointer(t.x, t.like), pointer(t.out, t.like)
    parts = t.rows * t.strips + (t.tail > 0)
    for part in range(parts * thread // threads, parts * (thread + 1) // threads):
        row, strip = part // t.strips, part % t.strips
        start = row * t.width + strip * t.strip
        end = min(min(start + t.strip, (row + 1) * t.width), t.channels * t.values)
        writing.affine_row(t, start, end, x, y, note_on(t, notes, strip), chunk)
    fence()
