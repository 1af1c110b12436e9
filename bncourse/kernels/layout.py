"""How the kernels walk through a tensor: rows, strips of columns, and pieces of a strip.

Wherever a tensor is dense its memory is flat, and value i belongs to channel
``(i // repeat) % C``: ``repeat`` is the number of locations in (N, C, *locations), and 1 in
(N, C) and where the channels come last. So one walk serves all layouts. The memory is a matrix;
a strip is a range of its columns that holds whole channels; a piece is some rows of a strip,
small enough for the nearest cache; a lane is a range of a strip's columns whose values are summed
into one number, ``run`` columns of one channel. Values after the last whole row are one piece
more, the tail::

                    strip 0             strip 1
              +------+------+------+------+------+------+
        row 0 | lane | lane | lane | lane | lane | lane |
        row 1 |   0  |   1  |   2  |   0  |   1  |   2  |  piece 0 of either strip
        row 2 |      |      |      |      |      |      |
              +------+------+------+------+------+------+
        row 3 |      |      |      |      |      |      |
        row 4 |      |      |      |      |      |      |  piece 1
              +------+------+---+--+------+------+------+
              |      |      |   |  tail: only where there is one strip
              +------+------+---+

Each piece has sums of its own, one for each lane, which are added up in order: results do not
depend on the number of threads.
"""

from functools import lru_cache
from typing import NamedTuple

import torch

# Locations from which on the neighbors of one channel are summed into one number. With fewer,
# each column has a sum of its own, so that columns fill a vector.
RUN = 128
# The largest piece of such a strip, in values, and the columns up to which it has more channels
# than one: processors fetch ahead what lies in line.
BLOCK, SEGMENT = 4096, 1024
# The largest strip of columns, the rows of the largest piece of it, and the pieces from which on
# these grow instead of the number of sums.
STRIP = 1024
PIECE = 256
MANY = 1024
# Rows shorter than this are joined, so that a few channels fill vectors, too.
SHORT = 512


class Layout(NamedTuple):
    """One walk.

    Attributes
    ----------
    channels, values : int
        C, and the values in a channel, m.
    repeat : int
        Neighbors in memory that are of one channel.
    rows, width, tail : int
        The matrix; ``tail`` values come after the last whole row.
    strips, strip : int
        How many strips there are, and their columns (the last one may have fewer).
    strip_channels : int
        Channels in a strip.
    lanes, run, neighbors : int
        Sums in a strip: one for each channel, or one for each column. How many columns go into
        one sum, and how many sums side by side are of one channel.
    pieces, piece_rows, piece_columns : int
        How many pieces a strip has, and the size of the largest.
    """

    channels: int
    values: int
    repeat: int
    rows: int
    width: int
    tail: int
    strips: int
    strip: int
    strip_channels: int
    lanes: int
    run: int
    neighbors: int
    pieces: int
    piece_rows: int
    piece_columns: int

    @property
    def stretch(self) -> int:
        """How many values in line are written at a time."""
        return self.piece_columns if self.run == 1 else min(self.run, self.piece_columns)


def dense(x: torch.Tensor) -> int | None:
    """Return how many neighbors in memory are of one channel, or None where x is not dense.

    Parameters
    ----------
    x : tensor, shape (N, C, *locations)

    Returns
    -------
    int or None
        The number of locations where x is contiguous, 1 where its channels come last.

    Examples
    --------
    >>> x = torch.zeros(2, 3, 4, 4)
    >>> last = x.to(memory_format=torch.channels_last)
    >>> dense(x), dense(last), dense(x[..., ::2])
    (16, 1, None)
    """
    if x.is_contiguous():
        return x.numel() // (x.shape[0] * x.shape[1])
    return 1 if x.movedim(1, -1).is_contiguous() else None


@lru_cache(maxsize=1024)
def layout(channels: int, values: int, repeat: int) -> Layout:
    """Return the walk through a dense tensor.

    Parameters
    ----------
    channels, values, repeat : int
        C, values in a channel, and neighbors in memory that are of one channel.

    Returns
    -------
    Layout

    Examples
    --------
    >>> images = layout(64, values=32 * 3136, repeat=3136)
    >>> images.strips, images.lanes, images.pieces
    (64, 1, 32)
    >>> colors = layout(3, values=1000, repeat=1)  # come last
    >>> colors.rows, colors.width, colors.tail, colors.lanes
    (5, 513, 435, 513)
    """
    total, period = channels * values, channels * repeat
    if repeat >= RUN:
        width, run, neighbors = period, repeat, 1
        strip = repeat * max(1, min(channels, SEGMENT // repeat))
        piece_columns = BLOCK if repeat > BLOCK else strip
        piece_rows = max(1, BLOCK // strip)
    else:
        joined = min(-(-SHORT // period), values // repeat)
        width, run, neighbors = period * joined, 1, repeat
        strip = width if width > period else min(width, STRIP // repeat * repeat)
        rows = total // width
        piece_rows, piece_columns = max(8, min(PIECE, rows // 8), rows // MANY), strip
    rows, tail = divmod(total, width)
    return Layout(
        channels, values, repeat, rows, width, tail,
        -(-width // strip), strip, min(channels, strip // repeat), strip // run, run, neighbors,
        -(-rows // piece_rows) * -(-strip // piece_columns) + (tail > 0), piece_rows, piece_columns,
    )  # fmt: skip
