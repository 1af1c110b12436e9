from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from bncourse.kernels import strips
from bncourse.kernels.layout import dense, layout

sizes = st.tuples(st.integers(1, 300), st.integers(1, 40), st.integers(1, 300))


def walked(way):
    """Return which strip and which of its lanes each value is in; -1 where no piece has it."""
    t = SimpleNamespace(**way._asdict())
    found = np.full((2, way.channels * way.values), -1)
    for strip in range(way.strips):
        for piece in range(way.pieces):
            row0, row1, col0, col1 = strips.bounds.py_func(t, strip, piece)
            for row in range(row0, row1):
                columns = np.arange(col0, col1)
                here = row * way.width + columns
                assert (found[0, here] == -1).all(), "a value is in two pieces"
                found[0, here] = strip
                found[1, here] = (columns - strip * way.strip) // way.run
    return found


@given(sizes)
@example((3, 1000, 1))  # rows are joined, and some values are left over
@example((64, 32, 3136))
@example((256, 64, 196))
@example((2, 3, 5000))  # a run in several pieces
@example((3000, 9, 1))  # several strips of columns
@example((5, 40, 127))
@example((1, 1, 1))
def test_walk__takes_every_value_once_and_into_a_sum_of_its_channel(size):
    channels, n, repeat = size
    way = layout(channels, n * repeat, repeat)
    strip, lane = walked(way)
    assert (strip >= 0).all()
    here = np.arange(channels * n * repeat)
    first = strip * way.strip_channels
    in_strip = np.minimum(way.strip_channels, channels - first)
    assert np.array_equal(first + lane // way.neighbors % in_strip, here // repeat % channels)
    assert lane.max() < way.lanes


@given(sizes)
def test_pieces__are_small_and_every_strip_has_whole_channels(size):
    channels, n, repeat = size
    way = layout(channels, n * repeat, repeat)
    assert way.strip % way.repeat == 0 or way.strips == 1
    assert way.piece_rows * way.piece_columns <= 1024 * 256
    assert way.strips * way.strip_channels >= channels


def test_walk__does_not_depend_on_the_threads():
    assert layout(64, 1000, 10) is layout(64, 1000, 10)


@pytest.mark.parametrize(
    ("x", "repeat"),
    [
        (torch.zeros(2, 3), 1),
        (torch.zeros(2, 3, 4), 4),
        (torch.zeros(2, 3, 4, 5), 20),
        (torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last), 1),
        (torch.zeros(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d), 1),
        (torch.zeros(2, 1, 4, 5).to(memory_format=torch.channels_last), 20),
        (torch.zeros(2, 3, 1, 1).to(memory_format=torch.channels_last), 1),
        (torch.zeros(2, 3, 8)[..., ::2], None),
        (torch.zeros(3, 2).t(), None),
        (torch.zeros(4, 3)[::2], None),
        (torch.zeros(1, 3, 1).expand(2, 3, 4), None),
    ],
)
def test_dense__tells_how_many_neighbors_are_of_one_channel(x, repeat):
    assert dense(x) == repeat


def test_places__are_where_a_channel_has_its_values():
    x = torch.arange(2 * 3 * 4).reshape(2, 3, 4)
    way = layout(3, 8, 4)
    places = [strips.index_of.py_func(SimpleNamespace(**way._asdict()), i) for i in range(8)]
    assert x.flatten()[places].tolist() == x[:, 0].flatten().tolist()
    assert all(a < b for a, b in pairwise(places))
