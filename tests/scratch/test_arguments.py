"""What the functions accept: bad input, odd memory, empty batches, NaN, infinities."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bncourse.scratch import (
    SGD,
    BatchNorm,
    Conv2d,
    Linear,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    batch_norm,
    batch_norm_backward,
    batch_norm_backward_staged,
    batch_norm_forward,
    batch_norm_inference,
    batch_norm_inference_backward,
    population_moments,
    to_rows,
)


def run_training(x, gamma, beta, dy):
    """Return everything that the training passes return, by name."""
    y, cache = batch_norm_forward(x, gamma, beta)
    dx, dgamma, dbeta = batch_norm_backward(dy, cache)
    staged = batch_norm_backward_staged(dy, cache)
    return {"y": y, "closed": dx, "closed dgamma": dgamma, "closed dbeta": dbeta, **staged}


def run_inference(x, mean, var, gamma, beta, dy):
    """Return everything that the passes with given statistics return, by name."""
    y = batch_norm_inference(x, mean, var, gamma, beta)
    dx, dgamma, dbeta = batch_norm_inference_backward(dy, x, mean, var, gamma)
    return {"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}


def run_both(p):
    training = run_training(p.x, p.gamma, p.beta, p.dy)
    inference = run_inference(p.x, p.running_mean, p.running_var, p.gamma, p.beta, p.dy)
    return training | {f"inference {name}": array for name, array in inference.items()}


# Each pass with the names of what it takes.
PASSES = {
    "forward": (batch_norm_forward, ("x", "gamma", "beta")),
    "closed": (batch_norm_backward, ("dy", "cache")),
    "staged": (batch_norm_backward_staged, ("dy", "cache")),
    "inference": (batch_norm_inference, ("x", "mean", "var", "gamma", "beta")),
    "inference backward": (batch_norm_inference_backward, ("dy", "x", "mean", "var", "gamma")),
}
ARRAYS = [
    (name, array) for name, (_, taken) in PASSES.items() for array in taken if array != "cache"
]


@pytest.fixture
def call(problem):
    """`call(name, **changed)` calls a pass on good arguments but for those that are changed."""
    p = problem((4, 3))
    good = p.arrays() | {"mean": p.running_mean, "var": p.running_var}
    good["cache"] = batch_norm_forward(p.x, p.gamma, p.beta)[1]

    def call_pass(name, **changed):
        function, taken = PASSES[name]
        return function(**{argument: good[argument] for argument in taken} | changed)

    return call_pass


@pytest.mark.parametrize(("name", "array"), ARRAYS)
@pytest.mark.parametrize("dtype", [np.int64, np.bool_, object, np.complex128], ids=str)
def test_dtype_that_is_not_floating__gets_a_clear_error(call, name, array, dtype):
    bad = np.ones((4, 3) if array in ("x", "dy") else 3, dtype)
    with pytest.raises(TypeError, match=rf"{array}: want a floating dtype, got {np.dtype(dtype)}"):
        call(name, **{array: bad})


@pytest.mark.parametrize(("name", "array"), [pair for pair in ARRAYS if pair[1] != "x"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (1, 3), (4,), (0,)], ids=str)
def test_wrong_shape__gets_a_clear_error(call, name, array, shape):
    want = (4, 3) if array == "dy" else (3,)
    with pytest.raises(ValueError, match="want shape") as caught:
        call(name, **{array: np.ones(shape)})
    assert str(caught.value) == f"{array}: want shape {want}, got {shape}"


@pytest.mark.parametrize("name", ["forward", "inference", "inference backward"])
@pytest.mark.parametrize("shape", [(), (1,), (3,)], ids=str)
def test_fewer_than_two_axes__get_a_clear_error(call, name, shape):
    with pytest.raises(ValueError, match=r"x: want at least two axes \(N, C, \.\.\.\)") as caught:
        call(name, x=np.ones(shape))
    assert str(caught.value).endswith(f"got shape {shape}")
    with pytest.raises(ValueError, match="x: want at least two axes"):
        to_rows(np.ones(shape))


@pytest.mark.parametrize(("name", "array"), ARRAYS)
def test_lists__are_taken_for_arrays(call, problem, name, array):
    p = problem((4, 3))
    given = (p.arrays() | {"mean": p.running_mean, "var": p.running_var})[array].tolist()
    result, expected = call(name, **{array: given}), call(name)
    for one, other in zip(leaves(result), leaves(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def leaves(result):
    """Return the arrays in what a pass returned."""
    if isinstance(result, np.ndarray):
        return [result]
    parts = result.values() if isinstance(result, dict) else result
    return [part for part in parts if isinstance(part, np.ndarray)]


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 3, 1, 1), (1, 0)], ids=str)
def test_one_value_a_channel__gets_a_clear_error_in_training(shape):
    one = np.ones(shape[1])
    with pytest.raises(ValueError, match="x: want more than 1 value per channel") as caught:
        batch_norm_forward(np.ones(shape), one, one)
    assert str(caught.value).endswith(f"got shape {shape}")
    assert batch_norm_inference(np.ones(shape), one, one, one, one).shape == shape


@pytest.mark.parametrize("eps", [0.0, -1e-5, np.nan])
def test_eps_that_is_not_positive__gets_a_clear_error_in_training(eps):
    one = np.ones(3)
    for shape in ((4, 3), (0, 3), (0,)):
        with pytest.raises(ValueError, match=f"eps: want a positive number .*, got {eps}"):
            batch_norm_forward(np.ones(shape), one, one, eps=eps)


@pytest.mark.parametrize("eps", [-1e-5, np.nan])
def test_negative_eps__gets_a_clear_error_in_inference(eps):
    one, x = np.ones(3), np.ones((4, 3))
    with pytest.raises(ValueError, match=f"eps: want zero or a positive number, got {eps}"):
        batch_norm_inference(x, one, one, one, one, eps=eps)
    with pytest.raises(ValueError, match=f"eps: want zero or a positive number, got {eps}"):
        batch_norm_inference_backward(x, x, one, one, one, eps=eps)


def test_inputs__are_never_modified_and_may_be_read_only(problem, shape, dtype):
    p = problem(shape, dtype)
    before = {name: array.copy() for name, array in p.arrays().items()}
    results = run_both(p)
    for name, array in p.arrays().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
        array.flags.writeable = False
    for name, array in run_both(p).items():
        np.testing.assert_array_equal(array, results[name], err_msg=name)


def test_results__do_not_share_memory_with_inputs_or_with_each_other(problem):
    p = problem((4, 3))
    results = run_both(p)
    for one, other in itertools.combinations([*p.arrays().values(), *results.values()], 2):
        assert not np.shares_memory(one, other)
    assert all(array.flags.writeable for array in results.values())


def spread_out(array):
    """Return the same values, not contiguous, with steps of both signs."""
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)][::-1]
    view[...] = array
    return view


@pytest.mark.parametrize(
    "rearranged",
    [
        np.asfortranarray,
        spread_out,
        lambda array: array.astype(array.dtype.newbyteorder(">")),
    ],
    ids=["Fortran order", "not contiguous", "big-endian"],
)
def test_layout_in_memory__does_not_matter(problem, close, shape, rearranged):
    p = problem(shape)
    results = run_both(p)
    odd = p.changed(**{name: rearranged(array) for name, array in p.arrays().items()})
    for name, array in run_both(odd).items():
        if not name.endswith("dx") and name != "closed":
            close(array.astype(np.float64), results[name])
        # dx is near zero at m = 2; its terms are of the size of 1.
        np.testing.assert_allclose(array, results[name], rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "shape", [(0, 3), (0, 3, 4), (2, 3, 0), (0, 3, 0, 2), (0, 0), (4, 0)], ids=str
)
def test_empty_batch__gives_an_empty_result_and_zero_gradients(shape, dtype):
    x, one = np.empty(shape, dtype), np.ones(shape[1], dtype)
    results = run_training(x, one, one, x)
    results |= {f"inference {k}": v for k, v in run_inference(x, *[one] * 4, x).items()}
    for name, array in results.items():
        assert array.dtype == dtype
        whole = name.split()[-1] in ("y", "dx", "dx_hat", "closed")
        assert array.shape == (shape if whole else shape[1:2])
        np.testing.assert_array_equal(array, np.zeros(array.shape))


def test_empty_array_of_one_axis__passes_through_as_in_torch(dtype):
    x, one = np.empty(0, dtype), np.ones(3)
    results = run_training(x, one, one, x)
    results |= {f"inference {k}": v for k, v in run_inference(x, *[one] * 4, x).items()}
    for name, array in results.items():
        assert array.dtype == dtype
        whole = name.split()[-1] in ("y", "dx", "dx_hat", "closed")
        np.testing.assert_array_equal(array, np.zeros((0,) if whole else (3,)), err_msg=name)
        assert array is not x


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["x", "dy", "gamma", "beta", "running_mean", "running_var"])
def test_nan_and_infinity__poison_their_own_channel_only(problem, where, poison):
    p = problem((4, 3, 2))
    array = p.arrays()[where].copy()
    array[(2, 1, 0) if array.ndim == 3 else 1] = poison
    sick, sound = run_both(p.changed(**{where: array})), run_both(p)
    healthy = [0, 2]
    for name in sound:
        one, other = sick[name], sound[name]
        one, other = (v[:, healthy] if v.ndim == 3 else v[healthy] for v in (one, other))
        np.testing.assert_array_equal(one, other, err_msg=name)
    if where == "x":
        assert np.isnan(sick["y"][:, 1]).all()
        assert np.isnan(sick["closed"][:, 1]).all()
        # Given statistics know nothing of the other examples.
        assert np.isfinite(sick["inference y"][:, 1]).sum() == 7


def test_nan__poisons_the_running_statistics_of_its_own_channel_only(problem):
    p = problem((4, 3))
    p.x[1, 1] = np.nan
    mean, var = np.zeros(3), np.ones(3)
    batch_norm(p.x, mean, var, training=True)
    np.testing.assert_array_equal(np.isnan(mean), [False, True, False])
    np.testing.assert_array_equal(np.isnan(var), [False, True, False])


def work_on_extremes():
    """Run all that the package offers on infinities, overflows and underflows."""
    x = np.array([[np.inf, 1e300, 1e-300, 1.0], [2.0, -1e300, 2e-300, np.nan], [3.0, 4.0, 0, 0]])
    one = np.ones(4)
    results = [*run_training(x, one, one, x).values(), *run_inference(x, *[one] * 4, x).values()]
    narrow = np.array([[6e4, 6e-5, 1.0, 0.0], [-6e4, 0.0, 2.0, 1.0]], np.float16)
    results += run_training(narrow, 1e3 * one, one, narrow).values()
    running = np.zeros(4, np.float16), np.ones(4, np.float16)
    results += [batch_norm(1e5 * x, *running, training=True), *running]
    moments = population_moments([x, x[:2]])
    results += [moments.mean, moments.var, moments.unbiased_var]
    layer = BatchNorm(4)
    results += [layer.forward(x), layer.backward(x), layer.running_var]
    results += [layer.eval().forward(x), layer.backward(x)]
    rng = np.random.default_rng(0)
    images = np.array([x, 1e5 * x]).reshape(2, 1, 3, 4)
    for one, batch in (
        (Linear(4, 4, rng=rng), x),
        (Conv2d(1, 1, 2, rng=rng), images),
        (Sigmoid(), x),
        (ReLU(), x),
    ):
        for kind in (np.float64, np.float16):
            with np.errstate(over="ignore", under="ignore"):
                narrow = batch.astype(kind)
            y = one.forward(narrow)
            results += [y, one.backward(np.full(y.shape, 1e300))]
            for value, grad in one.parameters():
                results.append(grad)
                value *= 1e5
    linear = Linear(4, 4, rng=rng)
    optimizer = SGD(linear, lr=1e300, momentum=1e-300)
    for _ in range(2):
        linear.dweight = linear.dbias = 1e200
        optimizer.step()
    results += [linear.weight, linear.bias]
    loss = SoftmaxCrossEntropy()
    results += [loss.forward(1e3 * x, np.array([0, 1, 2])), loss.backward()]
    return results


def assert_equal_results(results, expected):
    for one, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_a_user_set_in_numpy__neither_changes_results_nor_is_changed():
    expected = work_on_extremes()
    with np.errstate(all="raise"):
        before = np.geterr()
        assert_equal_results(work_on_extremes(), expected)
        assert np.geterr() == before
        with pytest.raises(FloatingPointError):
            np.float64(1.0) / np.zeros(1)


def test_threads__do_not_disturb_each_other():
    expected = work_on_extremes()

    def one_thread(index):
        # Half of the threads have their own setting, which must survive the nested calls.
        with np.errstate(all="raise" if index % 2 else "ignore"):
            before = np.geterr()
            for _ in range(5):
                assert_equal_results(work_on_extremes(), expected)
                assert np.geterr() == before

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one_thread, range(16)))
