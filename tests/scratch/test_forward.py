"""The forward pass: each equation alone, then the whole against the oracle."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp, mpf

from bncourse.scratch import (
    batch_mean,
    batch_norm_forward,
    batch_norm_inference,
    batch_var,
    identity_parameters,
    inverse_std,
    normalize,
    output_var,
    scale_shift,
    to_rows,
)
from bncourse.tolerances import compare

# Fractions in the place of floats: sums and products without rounding.
exact = np.vectorize(Fraction, otypes=[object])


@pytest.mark.equation("eq-batch-mean")
@pytest.mark.parametrize("mean", [0.0, 2.0, 1e8])
def test_batch_mean__is_the_exact_mean_rounded(problem, mean):
    x = problem((101, 3), mean=mean).x
    expected = exact(x).mean(axis=0).astype(float)
    np.testing.assert_allclose(batch_mean(x), expected, rtol=2.3e-16, atol=1e-16)


@pytest.mark.equation("eq-batch-mean")
def test_batch_mean__of_an_infinite_column_is_infinite_as_in_torch():
    x = np.array([[1.0, np.inf, -np.inf, np.nan], [4.0, 2.0, 3.0, 3.0]])
    with np.errstate(invalid="ignore"):
        mean = batch_mean(x)
    np.testing.assert_array_equal(mean, [2.5, np.inf, -np.inf, np.nan])


@pytest.mark.equation("eq-batch-var")
@pytest.mark.parametrize("mean", [0.0, 2.0, 1e4])
def test_batch_var__is_the_biased_variance(problem, mean):
    x = problem((23, 3), mean=mean).x
    columns = exact(x)
    expected = ((columns - columns.mean(axis=0)) ** 2).mean(axis=0).astype(float)
    np.testing.assert_allclose(batch_var(x, batch_mean(x)), expected, rtol=1e-14)


@pytest.mark.equation("eq-batch-var")
def test_batch_var__is_taken_about_the_mean_that_is_given():
    x = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]])
    np.testing.assert_array_equal(batch_var(x, np.array([1.0, 10.0])), [20 / 3, 500 / 3])


@pytest.mark.equation("eq-inv-std")
@pytest.mark.parametrize("eps", [1e-5, 0.5, 3.0])
def test_inverse_std__has_eps_inside_the_root(eps):
    var = np.array([1e-12, 1e-5, 0.7, 3.0, 1e12])
    with mp.workdps(40):
        expected = [float(1 / mp.sqrt(mpf(value) + mpf(eps))) for value in var]
    np.testing.assert_allclose(inverse_std(var, eps), expected, rtol=4e-16)


@pytest.mark.equation("eq-inv-std")
def test_inverse_std__of_a_channel_does_not_depend_on_another():
    assert inverse_std(np.array([np.nan, 4.0]), 0.0)[1] == 0.5


@pytest.mark.equation("eq-normalize")
def test_normalize__takes_the_mean_off_and_scales(problem):
    p = problem((4, 3))
    mean, inv_std = p.running_mean, p.running_var
    expected = ((exact(p.x) - exact(mean)) * exact(inv_std)).astype(float)
    np.testing.assert_allclose(normalize(p.x, mean, inv_std), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.equation("eq-scale-shift")
def test_scale_shift__is_gamma_times_x_hat_plus_beta(problem):
    p = problem((4, 3))
    expected = (exact(p.gamma) * exact(p.x) + exact(p.beta)).astype(float)
    np.testing.assert_allclose(scale_shift(p.x, p.gamma, p.beta), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.equation("eq-output-var")
@pytest.mark.parametrize("eps", [1e-5, 0.7])
def test_output_var__is_what_the_output_shows(problem, close, eps):
    p = problem((11, 5), eps=eps)
    y, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=eps)
    close(output_var(cache.var, p.gamma, eps), y.var(axis=0))


@pytest.mark.equation("eq-identity")
@pytest.mark.statement("S8")
@pytest.mark.parametrize("eps", [1e-5, 0.7])
def test_identity_parameters__give_the_input_back(problem, close, shape, eps):
    x = problem(shape).x
    rows = to_rows(x)
    gamma, beta = identity_parameters(rows.mean(axis=0), rows.var(axis=0), eps)
    close(batch_norm_forward(x, gamma, beta, eps=eps)[0], x)


@pytest.mark.equation("eq-identity")
def test_identity_parameters__do_not_alias_the_statistics():
    mean = np.array([7.0])
    _, beta = identity_parameters(mean, np.array([3.0]), 1.0)
    assert not np.shares_memory(beta, mean)


@pytest.mark.equation("eq-batch-mean")
@pytest.mark.equation("eq-batch-var")
@pytest.mark.equation("eq-inv-std")
@pytest.mark.equation("eq-normalize")
@pytest.mark.equation("eq-scale-shift")
@pytest.mark.statement("S7")
def test_forward__agrees_with_the_oracle(problem, shape, dtype):
    p = problem(shape, dtype)
    y, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    assert y.dtype == dtype
    assert y.flags.c_contiguous
    compare(p.reference(), y=y, mean=cache.mean, var=cache.var)


@pytest.mark.statement("S7")
def test_forward__agrees_with_the_oracle_on_hard_input(hard):
    y, cache = batch_norm_forward(hard.x, hard.gamma, hard.beta, eps=hard.eps)
    compare(hard.reference(), y=y, mean=cache.mean, var=cache.var)


def test_forward__sums_float32_and_float16_in_float64():
    # A sum in float32 is wrong by 0.8 here, and one in float16 overflows.
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((65536, 2))
    for dtype, mean in ((np.float32, 1e4), (np.float16, 30.0)):
        x = (mean + noise).astype(dtype)
        _, cache = batch_norm_forward(x, np.ones(2), np.zeros(2))
        wide = x.astype(np.float64)
        np.testing.assert_allclose(cache.mean, wide.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(cache.var, wide.var(axis=0), rtol=1e-10)


def test_forward__has_torchs_default_eps(problem):
    p = problem((5, 3), std=1e-2, eps=1e-5)
    y, cache = batch_norm_forward(p.x, p.gamma, p.beta)
    assert cache.eps == 1e-5
    compare(p.reference(), y=y)
    y = batch_norm_inference(p.x, p.running_mean, p.running_var, p.gamma, p.beta)
    compare(p.inference_reference(), y=y)


def test_forward__takes_parameters_of_another_dtype(problem):
    p = problem((5, 3), np.float32)
    p = p.changed(gamma=p.gamma.astype(np.float64) / 3, beta=p.beta.astype(np.float16))
    y, _ = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    assert y.dtype == np.float32
    compare(p.reference(), y=y)


def test_forward__takes_lists():
    y, _ = batch_norm_forward([[1.0, 4.0], [3.0, 4.0]], [2.0, 1.0], [0.5, 7.0], eps=3.0)
    np.testing.assert_allclose(y, [[-0.5, 7.0], [1.5, 7.0]], rtol=1e-15)


def test_forward__computes_wider_than_float64_where_the_input_is_wider():
    x = np.array([[1, 2], [1, 5], [4, 3]], np.longdouble) / 3
    one = np.ones(2, np.longdouble)
    y, cache = batch_norm_forward(x, one, one)
    assert y.dtype == cache.x_hat.dtype == cache.gamma.dtype == np.longdouble
    expected = one + (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)
    error = np.abs(y - expected).max()
    assert error <= 8 * np.finfo(np.longdouble).eps


def test_cache__is_what_the_backward_pass_needs(problem, close, shape, dtype):
    p = problem(shape, dtype)
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    rows = to_rows(p.x)
    inv_std = 1 / np.sqrt(rows.var(axis=0) + p.eps)
    close(cache.centered, rows - rows.mean(axis=0))
    close(cache.x_hat, (rows - rows.mean(axis=0)) * inv_std)
    close(cache.inv_std, inv_std)
    np.testing.assert_array_equal(cache.gamma, p.gamma)
    assert (cache.eps, cache.shape, cache.dtype) == (p.eps, shape, dtype)
    for array in (cache.centered, cache.x_hat, cache.inv_std, cache.gamma, cache.mean, cache.var):
        assert array.dtype == np.float64
        assert not any(np.shares_memory(array, given) for given in p.arrays().values())


def test_caches__cannot_be_changed():
    _, cache = batch_norm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1))
    with pytest.raises(FrozenInstanceError):
        cache.eps = 1.0


def test_caches__can_be_compared_and_hashed():
    x = np.array([[1.0], [3.0]])
    first, second = (batch_norm_forward(x, np.ones(1), np.zeros(1))[1] for _ in range(2))
    assert first != second
    assert len({first, second}) == 2


@pytest.mark.equation("eq-inference")
@pytest.mark.statement("S9")
def test_inference__agrees_with_the_oracle(problem, shape, dtype):
    p = problem(shape, dtype)
    y = batch_norm_inference(p.x, p.running_mean, p.running_var, p.gamma, p.beta, eps=p.eps)
    assert y.dtype == dtype
    assert y.flags.c_contiguous
    compare(p.inference_reference(), y=y)


def test_inference__agrees_with_the_oracle_on_hard_input(hard):
    p = hard
    y = batch_norm_inference(p.x, p.running_mean, p.running_var, p.gamma, p.beta, eps=p.eps)
    compare(p.inference_reference(), y=y)


def test_inference__takes_one_value_a_channel_and_eps_zero(problem):
    p = problem((1, 5), eps=0.0)
    y = batch_norm_inference(p.x, p.running_mean, p.running_var, p.gamma, p.beta, eps=0.0)
    compare(p.inference_reference(), y=y)
