"""Identities that hold for every batch, looked for by hypothesis."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bncourse.scratch import (
    Conv2d,
    Linear,
    Moments,
    batch_norm_backward,
    batch_norm_backward_staged,
    batch_norm_forward,
    batch_norm_inference,
    identity_parameters,
    output_var,
    to_rows,
)

EPS = st.sampled_from([1e-5, 1e-2, 0.7])
FACTORS = st.sampled_from([-3.0, -0.5, 0.25, 1.75, 40.0])
SEEDS = st.integers(0, 2**16)


@st.composite
def shapes(draw, smallest_m=2):
    """Draw (N, C, *locations) with at least `smallest_m` values a channel."""
    locations = draw(st.lists(st.integers(1, 3), max_size=3))
    n, channels = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    assume(n * np.prod(locations, dtype=int) >= smallest_m)
    return (n, channels, *locations)


@st.composite
def problems(draw, smallest_m=2):
    """Draw x, gamma, beta, dy and eps."""
    shape = draw(shapes(smallest_m))
    rng = np.random.default_rng(draw(SEEDS))
    column = (shape[1], *[1] * (len(shape) - 2))
    spread = 10 ** rng.uniform(-2, 2, column)
    x = spread * (rng.standard_normal(shape) + rng.uniform(-3, 3, column))
    gamma = rng.choice([-1, 1], shape[1]) * rng.uniform(0.2, 3, shape[1])
    return x, gamma, rng.standard_normal(shape[1]), rng.standard_normal(shape), draw(EPS)


def forward(x, gamma, beta, eps):
    return batch_norm_forward(x, gamma, beta, eps=eps)


def x_hat_of(x, eps):
    """Return the normalized batch, as rows."""
    channels = x.shape[1]
    return forward(x, np.ones(channels), np.zeros(channels), eps)[1].x_hat


def assert_near(actual, expected, scale=1.0, rtol=1e-11):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * np.max(scale))


@pytest.mark.statement("S7")
@given(problems())
def test_output__has_mean_beta_and_variance_rho_gamma_squared(problem):
    x, gamma, beta, _, eps = problem
    y, cache = forward(x, gamma, beta, eps)
    rows = to_rows(y)
    assert_near(rows.mean(axis=0), beta, np.abs(rows).max())
    expected = cache.var / (cache.var + eps) * gamma**2
    assert_near(rows.var(axis=0), expected, np.abs(rows).max() ** 2)
    assert_near(output_var(cache.var, gamma, eps), expected, expected.max())


@pytest.mark.statement("S12")
@given(problems(), FACTORS)
def test_scaled_input__is_normalized_as_with_another_eps(problem, factor):
    x, *_, eps = problem
    scaled, other = x_hat_of(factor * x, eps), x_hat_of(x, eps / factor**2)
    assert_near(scaled, np.sign(factor) * other)


@pytest.mark.statement("S11")
@given(problems(), st.floats(-100, 100))
def test_shift__leaves_the_output_and_the_gradient_alone(problem, shift):
    x, gamma, beta, dy, eps = problem
    y, cache = forward(x, gamma, beta, eps)
    shifted, shifted_cache = forward(x + shift, gamma, beta, eps)
    # What rounding does to x + shift, in units of the smallest standard deviation.
    loss = np.abs(x + shift).max() * cache.inv_std.max()
    assert_near(shifted, y, 1 + np.abs(y).max() * loss)
    dx, dgamma, _ = batch_norm_backward(dy, cache)
    new_dx, new_dgamma, _ = batch_norm_backward(dy, shifted_cache)
    size = 10 * cache.inv_std.max() * (1 + loss)
    assert_near(new_dx, dx, size * np.abs(gamma).max() * np.abs(dy).sum())
    assert_near(new_dgamma, dgamma, (1 + loss) * np.abs(dy).sum())


@pytest.mark.statement("S8")
@pytest.mark.statement("S10")
@pytest.mark.statement("S11")
@given(problems())
def test_dx__sums_to_zero_and_keeps_of_x_hat_only_the_part_of_eps(problem):
    x, gamma, beta, dy, eps = problem
    _, cache = forward(x, gamma, beta, eps)
    for dx, dgamma in (
        batch_norm_backward(dy, cache)[:2],
        [batch_norm_backward_staged(dy, cache)[name] for name in ("dx", "dgamma")],
    ):
        rows = to_rows(dx)
        size = np.abs(gamma) * cache.inv_std * np.abs(to_rows(dy)).sum(axis=0)
        assert_near(rows.sum(axis=0) / size, 0)
        kept = gamma * cache.inv_std * dgamma * eps / (cache.var + eps)
        assert_near(((rows * cache.x_hat).sum(axis=0) - kept) / size, 0)


@pytest.mark.statement("S8")
@given(problems())
def test_constant_gradient__gives_no_dx(problem):
    x, gamma, beta, _, eps = problem
    _, cache = forward(x, gamma, beta, eps)
    dx, dgamma, dbeta = batch_norm_backward(np.ones(x.shape), cache)
    size = np.abs(gamma).max() * cache.inv_std.max()
    assert_near(dx, 0, size)
    assert_near(dgamma, 0, len(cache.x_hat))
    np.testing.assert_array_equal(dbeta, len(cache.x_hat))


@given(problems())
def test_two_values__give_no_dx_but_what_eps_leaves(problem):
    _, gamma, beta, dy, eps = problem
    rng = np.random.default_rng(dy.size)
    x, dy = rng.standard_normal((2, 2, len(gamma)))
    _, cache = forward(x, gamma, beta, eps)
    dx = batch_norm_backward(dy, cache)[0]
    left = eps / (cache.var + eps) * gamma * cache.inv_std * (dy - dy.mean(axis=0))
    assert_near(dx, left, (np.abs(gamma) * cache.inv_std).max() * np.abs(dy).max())


@pytest.mark.statement("S10")
@given(problems())
def test_staged_pass_and_closed_form__are_the_same_map(problem):
    x, gamma, beta, dy, eps = problem
    _, cache = forward(x, gamma, beta, eps)
    closed, staged = batch_norm_backward(dy, cache), batch_norm_backward_staged(dy, cache)
    size = np.abs(gamma).max() * cache.inv_std.max() * np.abs(dy).max()
    assert_near(staged["dx"], closed[0], size)
    np.testing.assert_array_equal(staged["dgamma"], closed[1])
    np.testing.assert_array_equal(staged["dbeta"], closed[2])


@given(problems(), SEEDS, FACTORS)
def test_backward__is_linear_in_dy(problem, seed, factor):
    x, gamma, beta, dy, eps = problem
    _, cache = forward(x, gamma, beta, eps)
    other = np.random.default_rng(seed).standard_normal(dy.shape)
    parts = zip(batch_norm_backward(dy, cache), batch_norm_backward(other, cache), strict=True)
    for whole, (one, two) in zip(
        batch_norm_backward(dy + factor * other, cache), parts, strict=True
    ):
        assert_near(whole, one + factor * two, np.abs(one).max() + np.abs(two).max() + 1, 1e-9)


@given(problems())
def test_backward__is_a_symmetric_map_but_for_gamma(problem):
    # The Jacobian of x_hat with respect to x is symmetric.
    x, gamma, beta, dy, eps = problem
    _, cache = forward(x, gamma, beta, eps)
    other = np.cos(7 * dy)
    one = (to_rows(batch_norm_backward(dy, cache)[0]) * to_rows(other)).sum(axis=0)
    two = (to_rows(batch_norm_backward(other, cache)[0]) * to_rows(dy)).sum(axis=0)
    size = np.abs(gamma) * cache.inv_std * np.abs(to_rows(dy)).sum(axis=0)
    assert_near((one - two) / size, 0)


@pytest.mark.statement("S8")
@given(problems())
def test_identity_parameters__restore_the_input(problem):
    x, *_, eps = problem
    rows = to_rows(x)
    gamma, beta = identity_parameters(rows.mean(axis=0), rows.var(axis=0), eps)
    assert_near(forward(x, gamma, beta, eps)[0], x, np.abs(x).max())


@given(problems(), SEEDS)
def test_order_of_the_examples__comes_through_unchanged(problem, seed):
    x, gamma, beta, dy, eps = problem
    order = np.random.default_rng(seed).permutation(len(x))
    y, cache = forward(x, gamma, beta, eps)
    permuted, permuted_cache = forward(x[order], gamma, beta, eps)
    assert_near(permuted, y[order], 1 + np.abs(y).max())
    dx = batch_norm_backward(dy, cache)[0]
    permuted_dx = batch_norm_backward(dy[order], permuted_cache)[0]
    size = np.abs(gamma).max() * cache.inv_std.max() * np.abs(dy).sum()
    assert_near(permuted_dx, dx[order], size)


@pytest.mark.statement("S7")
@given(problems())
def test_channels__do_not_know_of_each_other(problem):
    x, gamma, beta, dy, eps = problem
    y, cache = forward(x, gamma, beta, eps)
    dx = batch_norm_backward(dy, cache)[0]
    for c in range(x.shape[1]):
        alone, cache_alone = forward(x[:, [c]], gamma[[c]], beta[[c]], eps)
        assert_near(alone, y[:, [c]], np.abs(y).max())
        size = np.abs(gamma[c]) * cache.inv_std[c] * np.abs(dy[:, c]).sum()
        assert_near(batch_norm_backward(dy[:, [c]], cache_alone)[0], dx[:, [c]], size)


@pytest.mark.statement("S9")
@given(problems(smallest_m=1), SEEDS)
def test_inference__is_affine_and_treats_each_example_alone(problem, seed):
    x, gamma, beta, dy, eps = problem
    rng = np.random.default_rng(seed)
    mean, var = rng.standard_normal(len(gamma)), rng.uniform(0.1, 3, len(gamma))

    def inference(x):
        return batch_norm_inference(x, mean, var, gamma, beta, eps=eps)

    y = inference(x)
    for n in range(len(x)):
        np.testing.assert_array_equal(inference(x[n : n + 1]), y[n : n + 1])
    size = np.abs(y).max() + np.abs(inference(dy)).max() + np.abs(inference(0 * x)).max()
    assert_near(inference((x + dy) / 2), (y + inference(dy)) / 2, size)


@given(problems(smallest_m=1))
def test_convolution__is_a_linear_map_of_what_the_kernel_sees(problem):
    x = problem[0].reshape(len(problem[0]), -1, 1, 1).repeat(3, axis=2).repeat(4, axis=3)
    x = x * np.cos(np.arange(12.0)).reshape(3, 4)
    n, channels = x.shape[:2]
    rng = np.random.default_rng(n)
    convolution, linear = Conv2d(channels, 2, 2, rng=rng), Linear(channels * 4, 2, rng=rng)
    linear.weight[...] = convolution.weight.reshape(2, -1)
    linear.bias[...] = convolution.bias
    y = convolution.forward(x)
    for i in range(2):
        for j in range(3):
            seen = x[:, :, i : i + 2, j : j + 2].reshape(n, -1)
            assert_near(y[:, :, i, j], linear.forward(seen), 1 + np.abs(x).sum())


@st.composite
def three_moments(draw):
    """Draw three batches with the same channels, and their moments; some are empty."""
    rng = np.random.default_rng(draw(SEEDS))
    sizes = draw(st.tuples(*[st.integers(0, 6)] * 3).filter(any))
    batches = [
        10 * rng.standard_normal(3) + 10 ** rng.uniform(-2, 1) * rng.standard_normal((n, 3))
        for n in sizes
    ]
    return np.concatenate(batches), [Moments.of(x) for x in batches]


def assert_same_moments(one, other, scale):
    assert one.count == other.count
    assert_near(one.mean, other.mean, scale)
    assert_near(one.m2, other.m2, one.count * scale**2)


@given(three_moments())
def test_merge__is_commutative_and_associative_and_pools(drawn):
    x, (a, b, c) = drawn
    scale = np.abs(x).max()
    whole = Moments(len(x), x.mean(axis=0), ((x - x.mean(axis=0)) ** 2).sum(axis=0))
    for merged in (
        a.merge(b).merge(c),
        a.merge(b.merge(c)),
        c.merge(b).merge(a),
        b.merge(a).merge(c),
        Moments.of(x),
    ):
        assert_same_moments(merged, whole, scale)
