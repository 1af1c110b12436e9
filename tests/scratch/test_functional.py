"""The twin of torch.nn.functional.batch_norm, against torch's own."""

import inspect
import itertools

import numpy as np
import pytest
import torch

from bncourse import oracle
from bncourse.scratch import batch_norm, batch_norm_forward, update_running_statistics
from bncourse.tolerances import compare


def copies(p):
    return p.running_mean.copy(), p.running_var.copy()


def test_batch_norm__has_torchs_signature():
    def names_and_defaults(function):
        return [(q.name, q.default) for q in inspect.signature(function).parameters.values()]

    ours = names_and_defaults(batch_norm)
    theirs = names_and_defaults(torch.nn.functional.batch_norm)
    assert ours[0][0] == "x"
    assert ours[1:] == theirs[1:]


@pytest.mark.equation("eq-running-average")
@pytest.mark.equation("eq-unbiased-var")
def test_running_var__stores_the_unbiased_variance(problem, shape, dtype):
    p = problem(shape, dtype)
    mean, var = copies(p)
    y = batch_norm(p.x, mean, var, p.gamma, p.beta, training=True, momentum=0.3, eps=p.eps)
    assert y.dtype == mean.dtype == var.dtype == dtype
    reference = oracle.batch_norm(
        p.x,
        p.gamma,
        p.beta,
        running_mean=p.running_mean,
        running_var=p.running_var,
        momentum=0.3,
        eps=p.eps,
    )
    compare(reference, y=y, running_mean=mean, running_var=var)


def test_running_statistics__are_exact_on_numbers_that_are():
    mean, var = np.array([8.0]), np.array([16.0])
    batch_norm(np.array([[1.0], [5.0]]), mean, var, training=True, momentum=0.25)
    np.testing.assert_array_equal(mean, [0.75 * 8 + 0.25 * 3])
    np.testing.assert_array_equal(var, [0.75 * 16 + 0.25 * 8])


def test_running_statistics__agree_with_the_oracle_on_hard_input(hard):
    mean, var = np.zeros(hard.gamma.size), np.ones(hard.gamma.size)
    batch_norm(hard.x, mean, var, training=True, momentum=1.0, eps=hard.eps)
    m = hard.x.size // mean.size
    compare(hard.reference(), mean=mean, var=var * (m - 1) / m)


@pytest.mark.parametrize("momentum", [0.0, 1.0, 1.6, -0.4])
def test_momentum__is_not_checked_as_in_torch(problem, momentum):
    p = problem((5, 3))
    mean, var = copies(p)
    batch_norm(p.x, mean, var, training=True, momentum=momentum)
    given = {"running_mean": p.running_mean, "running_var": p.running_var}
    reference = oracle.batch_norm(p.x, momentum=momentum, **given)
    compare(reference, running_mean=mean, running_var=var)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("with_weight", "with_bias"), [(True, False), (False, True), (False, False)]
)
def test_batch_norm__does_without_weight_or_bias(problem, training, with_weight, with_bias):
    p = problem((4, 3, 2))
    mean, var = copies(p)
    gamma, beta = p.gamma if with_weight else None, p.beta if with_bias else None
    y = batch_norm(p.x, mean, var, gamma, beta, training, eps=p.eps)
    reference = oracle.batch_norm(
        p.x,
        gamma,
        beta,
        running_mean=p.running_mean,
        running_var=p.running_var,
        training=training,
        eps=p.eps,
    )
    compare(reference, y=y)
    assert np.array_equal(mean, p.running_mean) is not training


def test_batch_norm__does_without_running_arrays_in_training(problem):
    p = problem((4, 3, 2))
    y = batch_norm(p.x, None, None, p.gamma, p.beta, training=True, eps=p.eps)
    compare(p.reference(), y=y)


def test_batch_norm__evaluates_by_default_with_torchs_eps(problem):
    p = problem((4, 3, 2), std=1e-2, eps=1e-5)
    mean, var = copies(p)
    compare(p.inference_reference(), y=batch_norm(p.x, mean, var, p.gamma, p.beta))
    np.testing.assert_array_equal(mean, p.running_mean)
    np.testing.assert_array_equal(var, p.running_var)
    compare(p.reference(), y=batch_norm(p.x, mean, var, p.gamma, p.beta, True))


def test_running_arrays__keep_their_own_dtype(problem):
    p = problem((5, 3))
    mean, var = p.running_mean.astype(np.float32), p.running_var.astype(np.float16)
    given = {"running_mean": mean.copy(), "running_var": var.copy()}
    batch_norm(p.x, mean, var, training=True)
    assert (mean.dtype, var.dtype) == (np.float32, np.float16)
    compare(oracle.batch_norm(p.x, **given), running_mean=mean, running_var=var)


def test_running_arrays__of_a_narrow_dtype_are_rounded_once():
    start = np.random.default_rng(0).uniform(1, 2, 1000).astype(np.float16)
    mean, var = start.copy(), start.copy()
    x = np.repeat([[1.0], [5.0]], 1000, axis=1)
    batch_norm(x, mean, var, training=True, momentum=0.3)
    wide = start.astype(np.float64)
    np.testing.assert_array_equal(mean, (0.7 * wide + 0.3 * 3).astype(np.float16))
    np.testing.assert_array_equal(var, (0.7 * wide + 0.3 * 8).astype(np.float16))


def test_running_arrays__may_be_views(problem):
    p = problem((5, 3))
    both = np.stack([p.running_mean, p.running_var], axis=1)
    batch_norm(p.x, both[:, 0], both[:, 1], training=True)
    given = {"running_mean": p.running_mean, "running_var": p.running_var}
    reference = oracle.batch_norm(p.x, **given)
    compare(reference, running_mean=both[:, 0], running_var=both[:, 1])


def test_evaluation__takes_running_statistics_that_are_lists_or_read_only(problem):
    p = problem((5, 3))
    for array in p.arrays().values():
        array.flags.writeable = False
    y = batch_norm(p.x, p.running_mean, p.running_var, p.gamma, p.beta, eps=p.eps)
    given = p.running_mean.tolist(), p.running_var.tolist(), p.gamma.tolist(), p.beta.tolist()
    np.testing.assert_array_equal(batch_norm(p.x.tolist(), *given, eps=p.eps), y)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (2, 3, 0)])
def test_empty_batch__changes_no_statistics_as_in_torch(shape):
    x = np.empty(shape, np.float32)
    mean, var = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    for training in (True, False):
        y = batch_norm(x, mean, var, np.ones(3), np.ones(3), training)
        assert (y.shape, y.dtype) == (shape, np.float32)
        np.testing.assert_array_equal(mean, [1, 2, 3])
        np.testing.assert_array_equal(var, [4, 5, 6])


@pytest.mark.parametrize("training", [True, False])
def test_empty_array_of_one_axis__passes_through_as_in_torch(training):
    x = np.empty(0, np.float32)
    for running, weight, bias in itertools.product(
        [(None, None), (np.zeros(2), np.ones(3))], [None, np.ones(3)], [None, np.ones(2)]
    ):
        if training or running[0] is not None:
            y = batch_norm(x, *running, weight, bias, training)
            assert (y.shape, y.dtype) == ((0,), np.float32)
            assert y is not x
    np.testing.assert_array_equal(running[0], [0, 0])


BAD = {
    "gamma's shape": ({"weight": np.ones(2)}, r"gamma: want shape \(3,\), got \(2,\)"),
    "gamma of one entry": ({"weight": np.ones(1)}, r"gamma: want shape \(3,\), got \(1,\)"),
    "beta's shape": ({"bias": np.zeros((3, 1))}, r"beta: want shape \(3,\), got \(3, 1\)"),
    "one running array": ({"running_mean": None}, "running_mean: want both .* or neither"),
    "the other running array": ({"running_var": None}, "running_var: want both .* or neither"),
    "running_mean's shape": ({"running_mean": np.zeros(1)}, r"mean: want shape \(3,\), got \(1,\)"),
    "running_var's shape": ({"running_var": np.ones(4)}, r"var: want shape \(3,\), got \(4,\)"),
    "one axis": ({"x": np.ones(3)}, r"x: want at least two axes .*, got shape \(3,\)"),
    "no axis": ({"x": np.array(1.0)}, r"x: want at least two axes .*, got shape \(\)"),
    "eps below zero": ({"eps": -1e-5}, "eps: want .* positive number.*, got -1e-05"),
    "eps that is no number": ({"eps": np.nan}, "eps: want .* positive number.*, got nan"),
}
BAD_IN_TRAINING = {
    "one value a channel": ({"x": np.ones((1, 3))}, r"more than 1 value .*, got shape \(1, 3\)"),
    "one location": ({"x": np.ones((1, 3, 1, 1))}, "more than 1 value per channel"),
    "eps zero": ({"eps": 0.0}, "eps: want a positive number when training, got 0.0"),
    "empty batch, running_var's shape": (
        {"x": np.ones((0, 3)), "running_var": np.ones(4)},
        r"running_var: want shape \(3,\), got \(4,\)",
    ),
}
CASES = [(True, *case) for case in (BAD | BAD_IN_TRAINING).values()]
CASES += [(False, *case) for case in BAD.values()]


@pytest.mark.parametrize(("training", "wrong", "match"), CASES)
def test_bad_input__gets_a_clear_error_and_changes_nothing(problem, training, wrong, match):
    p = problem((4, 3))
    given = {
        "x": p.x,
        "running_mean": p.running_mean.copy(),
        "running_var": p.running_var.copy(),
        "weight": p.gamma,
        "bias": p.beta,
        "eps": p.eps,
    } | wrong
    before = {name: np.copy(value) for name, value in given.items()}
    with pytest.raises(ValueError, match=match):
        batch_norm(**given, training=training)
    for name, value in before.items():
        np.testing.assert_array_equal(given[name], value, err_msg=name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["x", "running_mean", "running_var", "weight", "bias"])
@pytest.mark.parametrize("dtype", [np.int64, object, bool, np.complex128], ids=str)
def test_other_dtypes__get_a_clear_error_and_change_nothing(problem, training, name, dtype):
    p = problem((4, 3))
    given = {
        "x": p.x,
        "running_mean": p.running_mean,
        "running_var": p.running_var,
        "weight": p.gamma,
        "bias": p.beta,
    }
    given[name] = given[name].astype(dtype)
    before = {name: value.copy() for name, value in given.items()}
    with pytest.raises(TypeError, match=rf"want a floating dtype, got {np.dtype(dtype)}"):
        batch_norm(**given, training=training)
    for key, value in before.items():
        np.testing.assert_array_equal(given[key], value)


@pytest.mark.parametrize("wrong", ["running_mean", "running_var"])
def test_running_arrays_that_cannot_be_updated__get_a_clear_error(problem, wrong):
    p = problem((4, 3))
    given = {"running_mean": p.running_mean.copy(), "running_var": p.running_var.copy()}
    given[wrong].flags.writeable = False
    with pytest.raises(ValueError, match=f"{wrong}: want an array that can be updated"):
        batch_norm(p.x, **given, training=True)
    given[wrong] = given[wrong].tolist()
    with pytest.raises(TypeError, match=f"{wrong}: want a NumPy array to update, got list"):
        batch_norm(p.x, **given, training=True)
    np.testing.assert_array_equal(given["running_mean"], p.running_mean)
    np.testing.assert_array_equal(given["running_var"], p.running_var)


def test_evaluation__wants_running_arrays():
    with pytest.raises(ValueError, match=r"running_mean: want running arrays .*, got None"):
        batch_norm(np.ones((4, 3)), None, None)


@pytest.mark.parametrize("wrong", [0, 1])
def test_update_running_statistics__wants_arrays_that_fit(problem, wrong):
    p = problem((4, 3))
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta)
    running = list(copies(p))
    running[wrong] = np.ones(1)
    with pytest.raises(ValueError, match=r"want shape \(3,\), got \(1,\)"):
        update_running_statistics(*running, cache, 0.1)
    assert running[wrong] == 1
    np.testing.assert_array_equal(running[1 - wrong], copies(p)[1 - wrong])
