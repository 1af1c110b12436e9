"""All values of a channel in one column, and back."""

import itertools

import numpy as np
import pytest

from bncourse.scratch import from_rows, to_rows


@pytest.mark.equation("eq-rows")
@pytest.mark.statement("S2")
def test_rows__go_through_the_examples_and_in_each_through_its_locations(problem, shape):
    x = problem(shape).x
    places = itertools.product(range(shape[0]), *map(range, shape[2:]))
    expected = np.array([[x[n, c, *at] for c in range(shape[1])] for n, *at in places])
    np.testing.assert_array_equal(to_rows(x), expected)


@pytest.mark.equation("eq-rows")
def test_from_rows__undoes_to_rows(problem, shape, dtype):
    x = problem(shape, dtype).x
    back = from_rows(to_rows(x), shape, np.dtype(dtype))
    np.testing.assert_array_equal(back, x)
    assert back.dtype == dtype
    assert back.flags.c_contiguous
    assert back.flags.writeable
    assert not np.shares_memory(back, x)


@pytest.mark.equation("eq-rows")
@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (np.float16, np.float64),
        (np.float32, np.float64),
        (np.float64, np.float64),
        (np.longdouble, np.longdouble),
    ],
)
def test_rows__are_float64_or_wider(given, rows):
    assert to_rows(np.ones((2, 3), given)).dtype == rows


def test_rows__are_a_view_where_no_copy_is_needed():
    x = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(to_rows(x), x)


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows__do_not_depend_on_the_layout_in_memory(problem, order):
    x = problem((3, 5, 4, 2)).x
    spread = np.zeros((6, 5, 8, 2))
    spread[::2, :, ::2] = x
    np.testing.assert_array_equal(to_rows(np.array(x, order=order)), to_rows(x))
    np.testing.assert_array_equal(to_rows(spread[::2, :, ::2]), to_rows(x))
    np.testing.assert_array_equal(to_rows(x[::-1, ::-1]), to_rows(np.array(x[::-1, ::-1])))


@pytest.mark.parametrize(
    ("shape", "rows"), [((0, 3), (0, 3)), ((2, 3, 0), (0, 3)), ((4, 0), (4, 0)), ((0,), (0, 0))]
)
def test_rows__of_an_empty_batch_are_empty(shape, rows):
    x = np.empty(shape, np.float32)
    assert to_rows(x).shape == rows
    assert to_rows(x).dtype == np.float64
    back = from_rows(to_rows(x), shape, x.dtype)
    assert back.shape == shape
    assert back.dtype == np.float32
