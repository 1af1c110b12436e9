import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bncourse.kernels import cpu, openmp, task

LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
# One for each way to walk: a run in a strip, in several pieces, several runs in a strip; one
# column for each channel, neighbors, joined rows, several strips, values left over; one channel.
SHAPES = [
    (3, 5, 40, 40),
    (2, 3, 5000),
    (5, 7, 13, 13),
    (40, 33),
    (9, 20, 2, 3),
    (12, 1500),
    (1003, 3),
    (4, 1, 6, 6),
    (2, 3, 3, 4, 2),
]


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return request.param


@pytest.fixture(params=[np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_passes__agree_with_the_oracle(problem, passes, as_the_oracle, shape, dtype, mean, threads):
    one = problem(shape, dtype, mean=mean)
    as_the_oracle(one, passes(one))


@pytest.mark.parametrize("where", ["first", "last"])
def test_channels_last__is_only_another_order_in_memory(
    problem, passes, as_the_oracle, dtype, threads, where
):
    for shape in [(4, 3, 9, 11), (2, 70, 5, 5), (1, 3, 2, 30, 30), (3, 600, 2, 2)]:
        one = problem(shape, dtype)
        kind = LAST[len(shape)] if where == "last" else torch.contiguous_format
        as_the_oracle(one, passes(one, kind))


@pytest.mark.parametrize("ratio", [1e2, 1e4, 1e6])
def test_float32__is_as_exact_with_a_large_mean(problem, passes, as_the_oracle, shape, ratio):
    one = problem(shape, np.float32, mean=ratio, std=1.0, eps=1e-5)
    errors = as_the_oracle(one, passes(one))
    # y and dx are rounded once: half a unit in the last place.
    assert max(error.error for error in errors if error.quantity in ("y", "dx")) < 1e-7


@pytest.mark.parametrize("ratio", [1e2, 1e4])
def test_float64__grows_no_worse_than_its_mean_is_rounded(
    problem, passes, as_the_oracle, shape, ratio
):
    one = problem(shape, np.float64, mean=ratio, std=1.0)
    as_the_oracle(one, passes(one))


def test_results__do_not_depend_on_the_number_of_threads(
    problem, passes, shape, dtype, monkeypatch
):
    monkeypatch.setattr(openmp, "GRAIN", 1)
    one = problem(shape, dtype)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            results.append(passes(one))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for name, value in results[0].training.items():
            assert np.array_equal(other.training[name], value), name
        for name, value in results[0].evaluation.items():
            assert np.array_equal(other.evaluation[name], value), name


def test_past_the_caches__goes_the_same_result(problem, passes, dtype, monkeypatch):
    for shape in [(3, 5, 40, 41), (40, 33), (3, 700), (2, 3, 5003), (5, 7, 13, 13)]:
        one = problem(shape, dtype)
        plain = passes(one)
        monkeypatch.setattr(cpu, "STREAM", 0)
        monkeypatch.setattr(cpu, "CHUNK", 0)
        streamed = passes(one)
        monkeypatch.undo()
        for name in ("y", "dx"):
            assert np.array_equal(streamed.training[name], plain.training[name])
            assert np.array_equal(streamed.evaluation[name], plain.evaluation[name])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["first", "last"])
def test_nan_and_infinity__poison_their_own_channel_only(problem, passes, dtype, bad, kind):
    for shape in [(6, 5, 8, 8), (6, 5, 13, 13), (40, 33)]:
        for place in (0, 3, shape[0] - 1):
            one = problem(shape, dtype)
            x = one.x.copy()
            x[(place, 2, *[-1] * (len(shape) - 2))] = bad
            memory = LAST.get(len(shape) if kind == "last" else 0, torch.contiguous_format)
            clean, dirty = passes(one, memory), passes(one.changed(x=x), memory)
            for name in ("y", "dx"):
                result = np.moveaxis(dirty.training[name], 1, 0)
                assert np.isnan(result[2]).all()
                others = [c for c in range(shape[1]) if c != 2]
                whole = np.moveaxis(clean.training[name], 1, 0)
                assert np.array_equal(result[others], whole[others])
            # As in torch: an infinite mean, and no variance.
            assert np.array_equal(dirty.training["running_mean"][2], dtype(bad), equal_nan=True)
            assert np.isnan(dirty.training["running_var"][2])
            # In evaluation a value is on its own.
            y = np.moveaxis(dirty.evaluation["y"], 1, 0)
            assert (~np.isfinite(y)).sum() == 1


def test_infinities_of_both_signs__have_no_mean(problem, passes):
    one = problem((40, 33), np.float32)
    x = one.x.copy()
    x[3, 2], x[7, 2] = np.inf, -np.inf
    assert np.isnan(passes(one.changed(x=x)).training["running_mean"][2])


def test_what_is_not_wanted__is_not_computed():
    x, dy = torch.randn(2, 4, 3)
    _, saved = cpu.forward(x, None, None, None, None, 0.1, 1e-5)
    assert cpu.backward(dy, x, None, saved, True, (False, False, False)) == (None, None, None)
    dx, dweight, dbias = cpu.backward(dy, x, None, saved, True, (True, False, True))
    assert dweight is None
    assert torch.allclose(dbias, dy.sum(0))
    assert dx.shape == x.shape


@pytest.mark.parametrize(("shape", "rows"), [((3, 1, 4096), 1), ((24, 512), 8)])
def test_sums_of_pieces__keep_what_rounding_takes_off_them(shape, rows):
    dy = torch.zeros(shape, dtype=torch.float64)
    # A piece has `rows` rows. 1e16 + 1 is rounded to 1e16.
    dy[0], dy[rows], dy[2 * rows] = 1e16, 1.0, -1e16
    x = torch.randn(shape, dtype=torch.float64)
    _, saved = cpu.forward(x, None, None, None, None, 0.1, 1e-5)
    _, _, dbias = cpu.backward(dy, x, None, saved, True, (False, False, True))
    assert torch.equal(dbias, dy[rows].reshape(shape[1], -1).sum(1))


def test_team_that_looks_twice__waits_for_all_before_it_sums_anew(monkeypatch):
    monkeypatch.setattr(openmp, "GRAIN", 1)
    x = torch.randn(400, 2500, dtype=torch.float64)
    # The values that choose a center are far from the mean, in one of three strips.
    x[::50, :9] += 100.0
    before, arguments = torch.get_num_threads(), (None, None, None, None, 0.1, 1e-5)
    try:
        torch.set_num_threads(1)
        alone, _ = cpu.forward(x, *arguments)
        torch.set_num_threads(2)
        for _ in range(200):
            assert torch.equal(cpu.forward(x, *arguments)[0], alone)
    finally:
        torch.set_num_threads(before)


def test_infinite_weight__gives_infinities_on_either_side_of_the_mean():
    x = torch.tensor([[0.1], [0.7], [0.3], [0.2]], dtype=torch.float64) + 1 / 3
    y, saved = cpu.forward(x, torch.tensor([torch.inf]).double(), None, None, None, 0.1, 1e-5)
    assert saved[1] != 0  # what rounding took off the mean
    assert torch.equal(y, torch.where(x > x.mean(), torch.inf, -torch.inf))


def test_input__is_not_changed(problem, passes):
    one = problem((40, 33))
    before = {name: value.copy() for name, value in one.arrays().items()}
    passes(one)
    assert all(np.array_equal(value, before[name]) for name, value in one.arrays().items())


HALF = [torch.bfloat16, torch.float16]


@pytest.mark.parametrize("half", HALF, ids=str)
def test_half_precision__every_number_comes_through_and_products_are_rounded(half):
    bits = torch.arange(-(2**15), 2**15).to(torch.int16)
    x = bits.view(half).view(-1, 2)
    zeros, ones = torch.zeros(2), torch.ones(2)
    y, _ = cpu.inference(x, None, None, zeros, ones, 0.0)
    assert torch.equal(y.isnan(), x.isnan())
    number = ~x.isnan()
    assert torch.equal(y[number], x[number])
    # Products that lie between two numbers, and half way.
    for factor in (1 + 2**-9, 1 + 2**-12, 1.5, 3e-5, -7.3):
        weight = torch.full((2,), factor)
        y, _ = cpu.inference(x, weight, None, zeros, ones, 0.0)
        expected = (x.double() * weight).float().to(half)
        assert torch.equal(y[number], expected[number]), factor
    # A NaN of ones alone, which rounding would carry over into the sign.
    weight = torch.full((2,), 0x7FFFFFFF, dtype=torch.int32).view(torch.float32)
    assert cpu.inference(x, weight, None, zeros, ones, 0.0)[0].isnan().all()


@pytest.mark.parametrize("half", HALF, ids=str)
def test_half_precision__is_as_good_as_its_rounding(half):
    x = (torch.randn(40, 33) * 3 + 50).to(half).requires_grad_()
    weight, bias = torch.rand(33) + 0.5, torch.randn(33)
    y, saved = cpu.forward(x.detach(), weight, bias, None, None, 0.1, 1e-5)
    exact = torch.nn.functional.batch_norm(
        x.double(), None, None, weight.double(), bias.double(), training=True
    )
    dy = torch.randn(40, 33).to(half)
    (exact_dx,) = torch.autograd.grad(exact, x, dy.double())
    dx, _, dbias = cpu.backward(dy, x.detach(), weight, saved, True, (True, False, True))
    for result, wanted in ((y, exact), (dx, exact_dx)):
        unit = torch.finfo(half).eps * wanted.double().abs()
        assert ((result.double() - wanted.double()).abs() <= unit / 2 * 1.01 + 1e-7).all()
    assert dbias.dtype == torch.float32
    torch.testing.assert_close(dbias, dy.float().sum(0))


@pytest.mark.parametrize("shape", [(2, 500_000), (2, 200_000, 5), (3_000_000, 2), (2, 3, 500_000)])
def test_memory_beside_the_results__is_the_same_for_any_shape(shape):
    x, zeros, ones = torch.randn(shape), torch.zeros(shape[1]), torch.ones(shape[1])
    tracemalloc.start()  # NumPy has the kernels' memory, torch that of results
    _, saved = cpu.forward(x, ones, zeros, zeros, ones, 0.1, 1e-5)
    cpu.backward(x, x, ones, saved, True, (True, True, True))
    cpu.inference(x, ones, zeros, zeros, ones, 1e-5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5e6


@pytest.mark.parametrize(
    "shape", [(1, 20_000_000), (2, 1_100_000_000, 1), (10**9, 3), (2, 9, 10**8)]
)
@pytest.mark.parametrize("sums", [True, False])
def test_plan_for_any_shape__wants_a_few_megabytes_per_thread(shape, sums):
    channels, locations = shape[1], int(np.prod(shape[2:]))
    for threads in (1, 2, 16):
        plan = task.plan(channels, shape[0] * locations, locations, threads, sums)
        assert 8 * plan.room <= 12e6 * threads


@pytest.fixture
def apart(monkeypatch):
    """Let each thread of the inference pass have strips of its own."""
    monkeypatch.setattr(task, "SHARED_TABLE", 0)
    task.plan.cache_clear()
    yield
    task.plan.cache_clear()


def test_strips_of_its_own__each_thread_evaluates_as_the_team_does(
    problem, passes, shape, dtype, threads, request
):
    one = problem(shape, dtype)
    team = passes(one)
    request.getfixturevalue("apart")
    for name, value in passes(one).evaluation.items():
        assert np.array_equal(team.evaluation[name], value), name


@st.composite
def batches(draw):
    """Dense batches of all shapes, dtypes and orders in memory."""
    locations = draw(st.lists(st.integers(1, 40), max_size=3))
    shape = draw(st.integers(1, 60)), draw(st.integers(1, 90)), *locations
    size = int(np.prod(shape))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]))
    if size > 200_000 or size == shape[1]:
        shape, locations = (60, shape[1], 3), [3]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    scales = [1e-2, 1.0, 50.0] if dtype == torch.float16 else [1e-3, 1.0, 1e4]
    x = (x * draw(st.sampled_from(scales)) + draw(st.sampled_from([0.0, 7.0]))).to(dtype)
    if len(locations) > 1 and draw(st.booleans()):
        x = x.to(memory_format=LAST[len(shape)])
    return x


@settings(max_examples=200)
@given(batches(), st.integers(1, 4), st.booleans())
def test_any_batch__is_normalized_by_any_team_through_and_past_the_caches(x, threads, streams):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openmp, "GRAIN", 1)
        if streams:
            patch.setattr(cpu, "STREAM", 0)
            patch.setattr(cpu, "CHUNK", 0)
        parameter = torch.float64 if x.dtype == torch.float64 else torch.float32
        weight = torch.linspace(-1, 2, x.shape[1], dtype=parameter)
        mean, var = torch.zeros_like(weight), torch.ones_like(weight)
        y, saved = cpu.forward(x, weight, weight, mean, var, 0.25, 1e-5)
        dx, dweight, dbias = cpu.backward(y, x, weight, saved, True, (True, True, True))
        torch.set_num_threads(1)
    torch.set_num_threads(before)
    wide, gamma, beta = (t.double().requires_grad_() for t in (x, weight, weight.clone()))
    exact_mean, exact_var = torch.zeros_like(mean.double()), torch.ones_like(mean.double())
    exact = torch.nn.functional.batch_norm(
        wide, exact_mean, exact_var, gamma, beta, True, 0.25, 1e-5
    )
    grads = torch.autograd.grad(exact, (wide, gamma, beta), y.double())
    results = (y, dx, dweight, dbias, mean, var)
    for result, wanted in zip(results, (exact, *grads, exact_mean, exact_var), strict=True):
        error = (result.double() - wanted).abs()
        # Half a unit in the last place, and little more; what is taken off from larger numbers.
        rounded = torch.finfo(result.dtype).eps / 2 * wanted.abs() * 1.001
        slack = 1e-9 if x.dtype == torch.float64 else 1e-7
        assert (error <= rounded + slack * (1 + wanted.abs().max())).all()
