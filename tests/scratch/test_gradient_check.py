"""Central differences: what they give, and what they find in a wrong backward pass."""

import numpy as np
import pytest

from bncourse.lab.mistakes import wrong_gradients
from bncourse.scratch import (
    batch_norm_backward,
    batch_norm_backward_staged,
    batch_norm_forward,
    batch_norm_inference,
    batch_norm_inference_backward,
    central_difference,
)
from bncourse.tolerances import CENTRAL_DIFFERENCE, relative_error

# The inputs change on a scale of 1, so truncation (h**2) and rounding (1e-16 / h) are both
# about 1e-11 here.
H = 1e-5


@pytest.fixture
def p(problem):
    """Return a well-conditioned problem."""
    return problem((4, 3, 2), std=1.0, eps=1e-3)


def error(grad, numeric):
    return relative_error(grad, numeric, np.abs(numeric).max())


def numeric_gradients(p):
    """Return the gradients of x, gamma and beta by central differences."""

    def at(**changed):
        q = p.changed(**changed)
        return batch_norm_forward(q.x, q.gamma, q.beta, eps=q.eps)[0]

    return (
        central_difference(lambda x: at(x=x), p.x, p.dy, h=H),
        central_difference(lambda gamma: at(gamma=gamma), p.gamma, p.dy, h=H),
        central_difference(lambda beta: at(beta=beta), p.beta, p.dy, h=H),
    )


@pytest.mark.equation("eq-central")
def test_central_difference__is_central():
    # For x**3 it gives 3 x**2 + h**2 exactly; a one-sided one gives 3 x**2 + 3 x h + h**2.
    x = np.array([1.0, -2.0])
    got = central_difference(lambda x: x**3, x, np.ones(2), h=0.25)
    np.testing.assert_allclose(got, 3 * x**2 + 0.0625, rtol=1e-14)


@pytest.mark.equation("eq-central")
def test_central_difference__weighs_the_outputs_with_dy():
    rng = np.random.default_rng(0)
    matrix, dy, at = rng.standard_normal((3, 4)), rng.standard_normal((3, 2)), np.ones((4, 2))
    got = central_difference(lambda x: matrix @ x, at, dy, h=0.5)
    np.testing.assert_allclose(got, matrix.T @ dy, rtol=1e-13)


@pytest.mark.equation("eq-central")
def test_central_difference__divides_by_the_distance_that_rounding_left():
    at = np.array([1e6])
    assert central_difference(lambda x: 4 * x, at, np.ones(1), h=1e-5) == [4.0]


def test_central_difference__works_in_float64_and_leaves_its_input():
    at = np.array([[1.0, 2.0]], np.float32)
    at.flags.writeable = False
    seen = []

    def function(x):
        seen.append(x.copy())
        x *= x
        return x

    got = central_difference(function, at, np.ones((1, 2), np.float32), h=1e-5)
    assert got.dtype == np.float64
    assert all(x.dtype == np.float64 for x in seen)
    np.testing.assert_array_equal(at, [[1.0, 2.0]])


def test_central_difference__sums_narrow_outputs_in_float64():
    def function(x):
        return np.full(5001, x[0], np.float16)

    # 5001 is no float16.
    assert central_difference(function, np.ones(1), np.ones(5001, np.float16), h=0.5) == 5001


@pytest.mark.parametrize("h", [0.0, -1e-5, np.nan])
def test_central_difference__wants_a_positive_h(h):
    with pytest.raises(ValueError, match=rf"h: want a positive number, got {h}"):
        central_difference(np.sin, np.ones(2), np.ones(2), h=h)


def test_central_difference__wants_what_fits():
    with pytest.raises(ValueError, match=r"function: want shape \(3,\), got \(2,\)"):
        central_difference(np.sin, np.ones(2), np.ones(3), h=1e-5)
    with pytest.raises(TypeError, match="at: want a floating dtype, got int64"):
        central_difference(np.sin, np.array([1]), np.ones(1), h=1e-5)
    with pytest.raises(TypeError, match="dy: want a floating dtype, got int64"):
        central_difference(np.sin, np.ones(1), np.array([1]), h=1e-5)
    with pytest.raises(TypeError, match="function: want a floating dtype, got bool"):
        central_difference(lambda x: x > 0, np.ones(1), np.ones(1), h=1e-5)


@pytest.mark.statement("S10")
def test_closed_form__agrees_with_central_differences(p):
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    grads = batch_norm_backward(p.dy, cache)
    for grad, numeric in zip(grads, numeric_gradients(p), strict=True):
        assert error(grad, numeric) <= CENTRAL_DIFFERENCE


@pytest.mark.statement("S10")
def test_staged_pass__agrees_with_central_differences(p):
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    grads = batch_norm_backward_staged(p.dy, cache)
    for name, numeric in zip(("dx", "dgamma", "dbeta"), numeric_gradients(p), strict=True):
        assert error(grads[name], numeric) <= CENTRAL_DIFFERENCE


def test_inference_backward__agrees_with_central_differences(p):
    def y(x):
        return batch_norm_inference(x, p.running_mean, p.running_var, p.gamma, p.beta, eps=p.eps)

    given = p.dy, p.x, p.running_mean, p.running_var, p.gamma
    dx, _, _ = batch_norm_inference_backward(*given, eps=p.eps)
    assert error(dx, central_difference(y, p.x, p.dy, h=H)) <= CENTRAL_DIFFERENCE


def subtly_wrong_gradients(p, right):
    """Return wrong dx that the usual mistakes do not cover, by what is wrong with each."""
    gamma = p.gamma.reshape(1, 3, 1)
    centered = p.x - p.x.mean(axis=(0, 2), keepdims=True)
    var = p.x.var(axis=(0, 2), keepdims=True)
    inv_std = 1 / np.sqrt(var + p.eps)
    x_hat = centered * inv_std
    sums = p.dy.sum(axis=0, keepdims=True), (p.dy * x_hat).sum(axis=0, keepdims=True)
    m = p.x.size / 3
    return {
        "eps forgotten": right / inv_std / np.sqrt(var),
        "wrong in the seventh digit": right * (1 + 1e-7),
        "sums over the examples alone": gamma
        * inv_std
        / m
        * (m * p.dy - sums[0] - x_hat * sums[1]),
    }


def test_central_difference__rejects_every_planted_wrong_gradient(p):
    numeric = numeric_gradients(p)[0]
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    right = batch_norm_backward(p.dy, cache)[0]
    wrong = wrong_gradients(p.dy, cache) | subtly_wrong_gradients(p, right)
    errors = {name: error(dx, numeric) for name, dx in ({"nothing": right} | wrong).items()}
    accepted = [name for name, value in errors.items() if value <= CENTRAL_DIFFERENCE]
    assert accepted == ["nothing"], errors


def test_central_difference__of_the_sum_cannot_tell_a_backward_pass_that_gives_zero(p):
    # Why dy must be random: with ones, the true gradient of x is zero.
    numeric = numeric_gradients(p.changed(dy=np.ones_like(p.dy)))[0]
    assert np.abs(numeric).max() < 1e-9


def test_central_difference__stands_a_function_that_reuses_its_result():
    result = np.empty(3)

    def double(x):
        return np.multiply(x, 2, out=result)

    grad = central_difference(double, np.ones(3), np.array([1.0, 2.0, 3.0]), h=1e-3)
    np.testing.assert_allclose(grad, [2.0, 4.0, 6.0], rtol=1e-10)
