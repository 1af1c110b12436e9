"""Statistics for inference, against exact arithmetic and torch's statistics of the pooled data."""

import copy
import pickle
import statistics
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from bncourse import oracle
from bncourse.scratch import (
    Moments,
    average_batch_statistics,
    population_moments,
    running_average,
    unbiased_var,
)
from bncourse.tolerances import compare


@pytest.fixture
def batches(problem):
    """Return three batches of different sizes and means, with three channels."""
    return [
        problem(shape, mean=mean, seed=mean).x
        for shape, mean in (((4, 3, 2), 1), ((1, 3, 5), 4), ((7, 3, 1), 9))
    ]


def pooled(batches):
    """Return all values as one batch of one location."""
    return np.concatenate([np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]) for x in batches])


@pytest.mark.equation("eq-unbiased-var")
@pytest.mark.parametrize("m", [2, 3, 10])
def test_unbiased_var__divides_by_one_less(close, m):
    columns = np.random.default_rng(m).standard_normal((2, m)).tolist()
    biased = np.array([statistics.pvariance(column) for column in columns])
    close(unbiased_var(biased, m), [statistics.variance(column) for column in columns])


@pytest.mark.equation("eq-unbiased-var")
@pytest.mark.parametrize("m", [1, 0, -1])
def test_unbiased_var__wants_two_values(m):
    with pytest.raises(ValueError, match=f"m: want at least 2 .*, got {m}"):
        unbiased_var(np.ones(3), m)


@pytest.mark.equation("eq-running-average")
@pytest.mark.statement("S9")
@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.7, 1.0, 1.6, -0.4])
def test_running_average__weighs_the_new_batch_with_momentum_as_torch(problem, close, momentum):
    p = problem((5, 3))
    running = torch.tensor(p.running_mean)
    torch.nn.functional.batch_norm(
        torch.tensor(p.x), running, torch.ones(3, dtype=torch.float64), None, None, True, momentum
    )
    close(running_average(p.running_mean, p.x.mean(axis=0), momentum), running)


def test_running_average__returns_a_new_array():
    running, new = np.zeros(2), np.ones(2)
    result = running_average(running, new, 0.25)
    np.testing.assert_array_equal(running, [0, 0])
    np.testing.assert_array_equal(result, [0.25, 0.25])


def test_moments__of_a_batch_are_count_mean_and_squared_deviations(problem, shape, dtype):
    p = problem(shape, dtype)
    moments = Moments.of(p.x)
    m = p.x.size // shape[1]
    assert moments.count == m
    reference = p.reference()
    compare(reference, mean=moments.mean, var=moments.var)
    compare(reference, var=moments.m2 / m)
    np.testing.assert_allclose(moments.unbiased_var, moments.var * m / (m - 1), rtol=1e-15)


def test_moments__of_one_value_have_a_variance_of_zero_and_no_unbiased_one():
    moments = Moments.of(np.array([[2.0, 5.0]]))
    np.testing.assert_array_equal(moments.mean, [2, 5])
    np.testing.assert_array_equal(moments.var, [0, 0])
    with pytest.raises(ValueError, match="want at least 2 values for an unbiased variance, got 1"):
        _ = moments.unbiased_var


@pytest.mark.equation("eq-merge")
def test_merge__gives_the_moments_of_both_together(batches):
    first, second, _ = batches
    reference = oracle.batch_norm(pooled([first, second]))
    for merged in (
        Moments.of(first).merge(Moments.of(second)),
        Moments.of(second).merge(Moments.of(first)),
        Moments.of(first).update(second),
    ):
        assert merged.count == 13
        compare(reference, mean=merged.mean, var=merged.var)


@pytest.mark.equation("eq-merge")
def test_merge__keeps_its_digits_where_the_mean_is_large(problem):
    batches = [problem((20, 3), mean=1e4, std=1.0, seed=seed).x for seed in range(10)]
    merged = Moments.of(batches[0])
    for x in batches[1:]:
        merged = merged.update(x)
    compare(oracle.batch_norm(pooled(batches)), mean=merged.mean, var=merged.var)


@pytest.mark.equation("eq-merge")
def test_merge__with_nothing_changes_nothing(problem):
    # n * x / n is not always x: what is merged with nothing must not be computed again.
    moments = Moments.of(problem((7, 50)).x)
    empty = np.empty((0, 50))
    nothing = Moments.of(empty)
    assert nothing.count == 0
    for merged in (moments.merge(nothing), nothing.merge(moments), moments.update(empty)):
        assert merged.count == 7
        np.testing.assert_array_equal(merged.mean, moments.mean)
        np.testing.assert_array_equal(merged.m2, moments.m2)
    infinite = Moments.of(np.full((2, 50), np.inf))
    np.testing.assert_array_equal(infinite.merge(nothing).mean, infinite.mean)
    still_nothing = nothing.merge(nothing)
    assert still_nothing.count == 0
    np.testing.assert_array_equal((still_nothing.mean, still_nothing.m2), np.zeros((2, 50)))


@pytest.mark.equation("eq-merge")
def test_merge__wants_the_same_channels():
    moments = Moments.of(np.ones((2, 3)))
    for other in (np.ones((2, 1)), np.empty((0, 4))):
        with pytest.raises(ValueError, match=r"other: want moments of shape \(3,\), got \([14],\)"):
            moments.merge(Moments.of(other))


def test_moments__of_nothing_have_no_variance():
    nothing = Moments.of(np.empty((0, 3)))
    np.testing.assert_array_equal(nothing.mean, [0, 0, 0])
    for name in ("var", "unbiased_var"):
        with pytest.raises(ValueError, match="var: want at least 1 value a channel, got 0"):
            getattr(nothing, name)


def test_moments__never_change():
    mean, m2 = np.zeros(2), np.ones(2)
    moments = Moments(3, mean, m2)
    mean[0] = m2[0] = 7.0
    np.testing.assert_array_equal(moments.mean, [0, 0])
    np.testing.assert_array_equal(moments.m2, [1, 1])
    with pytest.raises(FrozenInstanceError):
        moments.count = 4
    for array in (moments.mean, moments.m2):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    before = moments.mean.copy(), moments.m2.copy()
    moments.merge(Moments.of(np.ones((2, 2))))
    np.testing.assert_array_equal((moments.mean, moments.m2), before)
    assert moments.count == 3


def test_moments__are_float64_or_wider():
    for given, kept in ((np.float16, np.float64), (np.longdouble, np.longdouble)):
        moments = Moments(2, np.ones(1, given), np.ones(1, given))
        assert moments.mean.dtype == moments.m2.dtype == kept


def test_moments__can_be_compared_and_hashed():
    x = np.ones((2, 3))
    assert len({Moments.of(x), Moments.of(x)}) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ((-1, np.ones(2), np.ones(2)), ValueError, "count: want zero or more, got -1"),
        ((1, np.ones(2), np.ones(1)), ValueError, r"m2: want mean's shape \(2,\), got \(1,\)"),
        ((1, np.array([1]), np.ones(1)), TypeError, "mean: want a floating dtype, got int64"),
        ((1, np.ones(1), np.array([1])), TypeError, "m2: want a floating dtype, got int64"),
    ],
)
def test_moments__want_what_fits(arguments, error, match):
    with pytest.raises(error, match=match):
        Moments(*arguments)


@pytest.mark.equation("eq-pooled")
def test_population_moments__are_those_of_all_batches_as_one(batches):
    given = [batches[0], np.empty((0, 3)), *batches[1:]]
    for order in (given, given[::-1]):
        moments = population_moments(iter(order))
        assert moments.count == 20
        compare(oracle.batch_norm(pooled(batches)), mean=moments.mean, var=moments.var)


def test_population_moments__of_one_batch_are_its_own(problem):
    p = problem((5, 3))
    moments = population_moments([p.x])
    compare(p.reference(), mean=moments.mean, var=moments.var)


@pytest.mark.equation("eq-algorithm-2")
def test_algorithm_2__averages_means_and_unbiased_variances(batches, close):
    mean, var = average_batch_statistics(iter(batches))
    columns = [torch.tensor(pooled([x])) for x in batches]
    close(mean, torch.stack([c.mean(0) for c in columns]).mean(0))
    close(var, torch.stack([c.var(0, correction=1) for c in columns]).mean(0))


def test_algorithm_2__misses_the_variance_between_the_batches_and_pooling_does_not():
    noise = np.array([[-1.0], [1.0]])
    batches = [noise, noise + 3.0]
    mean, var = average_batch_statistics(batches)
    moments = population_moments(batches)
    np.testing.assert_array_equal(mean, [1.5])
    np.testing.assert_array_equal(moments.mean, [1.5])
    np.testing.assert_array_equal(var, [2.0])
    np.testing.assert_array_equal(moments.var, [1.0 + 1.5**2])


def test_algorithm_2__sums_float32_in_float64():
    rng = np.random.default_rng(0)
    batches = [(1e4 + rng.standard_normal((65536, 1))).astype(np.float32) for _ in range(2)]
    mean, var = average_batch_statistics(batches)
    wide = [x.astype(np.float64) for x in batches]
    np.testing.assert_allclose(mean, np.mean(wide), rtol=1e-14)
    np.testing.assert_allclose(var, np.mean([x.var(ddof=1) for x in wide]), rtol=1e-10)
    pooled_var = population_moments(batches).var
    np.testing.assert_allclose(pooled_var, np.concatenate(wide).var(axis=0), rtol=1e-10)


@pytest.mark.parametrize("function", [population_moments, average_batch_statistics])
def test_statistics_of_batches__want_batches_that_fit(function):
    with pytest.raises(ValueError, match="batches: want at least one batch, got none"):
        function([])
    with pytest.raises(ValueError, match=r"want .*3.*, got .*2"):
        function([np.ones((2, 3)), np.ones((2, 2))])
    with pytest.raises(ValueError, match=r"want at least two axes .*, got shape \(3,\)"):
        function([np.ones(3)])
    with pytest.raises(TypeError, match="want a floating dtype, got int64"):
        function([np.ones((2, 3), np.int64)])


@pytest.mark.parametrize(("shape", "m"), [((1, 3), 1), ((0, 3), 0)])
def test_algorithm_2__wants_two_values_a_channel(shape, m):
    with pytest.raises(ValueError, match=f"want at least 2 values .*, got {m}"):
        average_batch_statistics([np.ones((2, 3)), np.ones(shape)])


def test_moments__of_a_poisoned_channel_leave_the_others_alone():
    x = np.array([[np.inf, np.nan, 1.0], [1.0, 2.0, 4.0]])
    for moments in (Moments.of(x), Moments.of(x).update(x), population_moments([x, x])):
        np.testing.assert_array_equal(np.isfinite(moments.mean), [False, False, True])
        assert moments.mean[2] == 2.5
        np.testing.assert_array_equal(moments.var, [np.nan, np.nan, 2.25])
    mean, var = average_batch_statistics([x, x])
    np.testing.assert_array_equal(mean, [np.inf, np.nan, 2.5])
    np.testing.assert_array_equal(var, [np.nan, np.nan, 4.5])


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda moments: pickle.loads(pickle.dumps(moments))],
    ids=["deepcopy", "pickle"],
)
def test_copies_of_moments__are_immutable_too(duplicate):
    moments = Moments.of(np.random.default_rng(0).normal(size=(5, 3)))
    other = duplicate(moments)
    np.testing.assert_array_equal((other.mean, other.m2), (moments.mean, moments.m2))
    assert other.count == 5
    assert not other.mean.flags.writeable
    assert not other.m2.flags.writeable
