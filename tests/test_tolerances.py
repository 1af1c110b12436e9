"""The comparison that every test of numerical truth uses: it must reject what is wrong."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from bncourse import oracle, tolerances
from bncourse.tolerances import (
    Agreement,
    Comparison,
    DisagreementError,
    bound,
    compare,
    compare_arrays,
    relative_error,
)


@pytest.fixture
def reference():
    """Return a reference whose scales are not 1, one a channel."""
    value = np.array([[10.0, 0.5], [-20.0, 1.0]])
    return oracle.Reference({"y": value}, {"y": np.array([20.0, 1.0])}, 0.0)


def right(reference, dtype=np.float64):
    return reference.values["y"].astype(dtype)


def test_bounds__are_those_of_the_design():
    assert {str(dtype): limit for dtype, limit in tolerances.BOUNDS.items()} == {
        "float64": 1e-12,
        "float32": 2e-6,
        "float16": 1e-3,
    }
    assert tolerances.CENTRAL_DIFFERENCE == 1e-8


@pytest.mark.parametrize(
    ("dtype", "mean_over_std", "expected"),
    [
        (np.float64, 0.0, 1e-12),
        (np.float64, 99.0, 1e-12),
        (np.float64, 1e4, 1e-10),
        ("float64", 1e6, 1e-8),
        (np.float32, 1e6, 2e-6),
        (np.float16, 1e6, 1e-3),
    ],
)
def test_bound__grows_with_the_conditioning_in_float64_only(dtype, mean_over_std, expected):
    assert bound(dtype, mean_over_std) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.int64, np.complex128, object])
def test_bound__is_only_for_the_dtypes_of_the_table(dtype):
    with pytest.raises(TypeError, match=r"want one of float64, float32, float16, got"):
        bound(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_compare__accepts_what_is_right_and_tells_the_error(reference, dtype):
    agreement = compare(reference, y=right(reference, dtype))
    assert isinstance(agreement, Agreement)
    assert agreement == (Comparison("y", 0.0, bound(dtype)),)


@pytest.mark.parametrize(("at", "scale"), [((0, 0), 20.0), ((1, 0), 20.0), ((0, 1), 1.0)])
@pytest.mark.parametrize("sign", [1, -1])
def test_compare__draws_the_line_at_the_bound_times_the_scale(reference, at, scale, sign):
    for factor in (0.9, 1.1):
        y = right(reference)
        y[at] += sign * factor * 1e-12 * scale
        if factor < 1:
            (comparison,) = compare(reference, y=y)
            assert comparison.error == pytest.approx(factor * 1e-12, rel=1e-2)
        else:
            with pytest.raises(
                DisagreementError, match=r"y: largest error 1.1e-12 \(bound 1e-12\)"
            ):
                compare(reference, y=y)


def test_compare__takes_the_bound_of_the_results_dtype(reference):
    y = right(reference, np.float32)
    y[1, 1] += 1e-6
    compare(reference, y=y)
    with pytest.raises(DisagreementError):
        compare(reference, y=y.astype(np.float64))
    y[1, 1] += 2e-6
    with pytest.raises(DisagreementError):
        compare(reference, y=y)
    compare(reference, y=y.astype(np.float16))


def test_compare__takes_the_references_conditioning():
    value = np.ones((2, 1))
    conditioned = oracle.Reference({"y": value}, {"y": np.ones(1)}, 1e4)
    compare(conditioned, y=value + 0.9e-10)
    with pytest.raises(DisagreementError):
        compare(conditioned, y=value + 1.1e-10)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda y: y[:1],
        lambda y: y[:, :1],
        lambda y: y[None],
        lambda y: y.T[:, :, None],
        lambda y: y.ravel(),
        lambda y: np.empty(0),
        lambda y: np.empty((0, 2)),
        lambda y: y[0, 0],
        lambda y: np.broadcast_to(y[0], (3, 2)),
    ],
)
def test_compare__rejects_another_shape(reference, wrong):
    with pytest.raises(DisagreementError, match="y: largest error inf"):
        compare(reference, y=wrong(right(reference)))


def test_compare__rejects_values_that_broadcasting_repeats(reference):
    with pytest.raises(DisagreementError):
        compare(reference, y=np.broadcast_to(right(reference)[0], (2, 2)))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_compare__rejects_nan_and_infinities_where_the_reference_is_finite(reference, poison):
    y = right(reference)
    y[1, 1] = poison
    with pytest.raises(DisagreementError, match="y: largest error inf"):
        compare(reference, y=y)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_compare__wants_nan_and_infinities_where_the_reference_has_them(reference, poison):
    poisoned = right(reference)
    poisoned[1, 1] = poison
    expected = oracle.Reference({"y": poisoned}, reference.scales, 0.0)
    compare(expected, y=poisoned)
    for other in (0.0, 1e300, *({np.inf, -np.inf} - {poison})):
        y = poisoned.copy()
        y[1, 1] = other
        with pytest.raises(DisagreementError, match="y: largest error inf"):
            compare(expected, y=y)
    # And the finite ones still count.
    y = poisoned.copy()
    y[0, 0] += 1e-6
    with pytest.raises(DisagreementError):
        compare(expected, y=y)


def test_compare__allows_nothing_where_nothing_was_to_be_lost():
    zero = oracle.Reference({"y": np.zeros((2, 2))}, {"y": np.zeros(2)}, 0.0)
    compare(zero, y=np.zeros((2, 2)))
    compare(zero, y=-np.zeros((2, 2)))
    with pytest.raises(DisagreementError):
        compare(zero, y=np.full((2, 2), 1e-300))
    poisoned = oracle.Reference({"y": np.zeros((2, 2))}, {"y": np.full(2, np.nan)}, 0.0)
    with pytest.raises(DisagreementError):
        compare(poisoned, y=np.full((2, 2), 1e-300))


def test_compare__holds_every_quantity(reference):
    two = oracle.Reference(
        {"y": reference.values["y"], "mean": np.ones(2)}, reference.scales | {"mean": 1.0}, 0.0
    )
    agreement = compare(two, y=right(two), mean=np.ones(2))
    assert [comparison.quantity for comparison in agreement] == ["y", "mean"]
    for wrong in ({"y": right(two) + 1.0}, {"mean": np.zeros(2)}):
        with pytest.raises(DisagreementError) as caught:
            compare(two, **({"y": right(two), "mean": np.ones(2)} | wrong))
        assert str(caught.value).count("\n") == 1


def test_compare__wants_results_that_the_reference_has(reference):
    with pytest.raises(TypeError, match="results: want at least one"):
        compare(reference)
    with pytest.raises(KeyError, match="x_hat"):
        compare(reference, x_hat=right(reference))
    with pytest.raises(TypeError, match="got int64"):
        compare(reference, y=right(reference).astype(np.int64))


def test_compare__accepts_an_empty_result_only_for_an_empty_reference():
    empty = oracle.Reference({"y": np.empty((0, 2))}, {"y": np.ones(2)}, 0.0)
    compare(empty, y=np.empty((0, 2)))
    with pytest.raises(DisagreementError):
        compare(empty, y=np.empty((0, 3)))


def test_compare__takes_lists(reference):
    assert compare(reference, y=right(reference).tolist()) == compare(reference, y=right(reference))


def test_compare_arrays__is_relative_to_the_largest_entry_that_is_expected():
    expected = np.array([[0.0, 1.0], [-50.0, 2.0]])
    for factor in (0.9, 1.1):
        actual = expected.copy()
        actual[0, 0] += factor * 50e-12
        if factor < 1:
            comparison = compare_arrays("dx", actual, expected)
            assert comparison.error == pytest.approx(0.9e-12, rel=1e-2)
            assert (comparison.quantity, comparison.bound) == ("dx", 1e-12)
        else:
            with pytest.raises(DisagreementError, match=r"dx: largest error 1.1e-12"):
                compare_arrays("dx", actual, expected)


def test_compare_arrays__takes_another_scale_and_the_results_dtype():
    expected = np.array([0.0, 1e-20])
    compare_arrays("dx", expected + 0.9e-10, expected, scale=100.0)
    with pytest.raises(DisagreementError):
        compare_arrays("dx", expected + 1.1e-10, expected, scale=100.0)
    assert compare_arrays("dx", np.float32([1.0]), [1.0 + 1e-7]).bound == 2e-6
    with pytest.raises(DisagreementError):
        compare_arrays("dx", np.float64([1.0]), [1.0 + 1e-7])


@pytest.mark.parametrize(
    "wrong", [[1.0], [[1.0, np.inf]], [1.0, np.nan], [np.inf, np.inf], [1.0, 1e300], []]
)
def test_compare_arrays__rejects_another_shape_nan_and_infinities(wrong):
    with pytest.raises(DisagreementError, match="dx: largest error inf"):
        compare_arrays("dx", np.array(wrong), [1.0, np.inf])


def test_compare_arrays__looks_past_infinities_that_are_expected():
    compare_arrays("dx", np.array([1.0, np.inf, np.nan]), [1.0, np.inf, np.nan])
    with pytest.raises(DisagreementError):
        compare_arrays("dx", np.array([1.1, np.inf]), [1.0, np.inf])
    compare_arrays("dx", np.empty((0, 2)), np.empty((0, 2)))
    with pytest.raises(DisagreementError):
        compare_arrays("dx", np.array([1e-300]), [0.0])


def test_comparisons__cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Comparison("y", 1.0, 1e-12).error = 0.0


def test_disagreement__is_an_assertion_that_fails():
    assert issubclass(DisagreementError, AssertionError)


def test_comparison_with_an_error_that_is_no_number__does_not_agree():
    assert not Comparison("y", np.nan, 1e-12).agrees
    assert Comparison("y", 1e-12, 1e-12).agrees


def test_relative_error__is_relative_to_the_scale_and_leaves_its_arguments():
    actual, expected, scale = np.array([1.0, 3.0]), np.array([2.0, 3.5]), np.array([4.0, 1.0])
    before = actual.copy(), expected.copy(), scale.copy()
    assert relative_error(actual, expected, scale) == 0.5
    np.testing.assert_array_equal((actual, expected, scale), before)
    assert relative_error(np.float32([0.1]), [0.1], 1.0) == pytest.approx(1.5e-9, rel=0.1)


def test_errors__are_printed_with_their_bounds():
    agreement = Agreement([Comparison("y", 1.23e-15, 1e-12), Comparison("dx", np.inf, 2e-6)])
    assert str(agreement).splitlines() == [
        "y: largest error 1e-15 (bound 1e-12)",
        "dx: largest error inf (bound 2e-06)",
    ]
