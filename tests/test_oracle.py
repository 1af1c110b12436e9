"""The oracle, against plain formulas and derivatives in 40 digits."""

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf

from bncourse import oracle
from bncourse.tolerances import compare

DIGITS = np.vectorize(mpf, otypes=[object])
SQRT = np.vectorize(mp.sqrt, otypes=[object])
# For derivatives by central differences in 40 digits: they are right to 20 of them.
H = mpf(10) ** -12


@pytest.fixture(autouse=True)
def forty_digits():
    with mp.workdps(40):
        yield


def forward(x, gamma, beta, eps):
    """Return x_hat's statistics and y, for rows of 40 digits."""
    mean = x.sum(axis=0) / len(x)
    var = ((x - mean) ** 2).sum(axis=0) / len(x)
    return mean, var, gamma * ((x - mean) / SQRT(var + mpf(eps))) + beta


def derivative(function, at, dy):
    """Return the gradient of sum(dy * function(at)), in 40 digits."""
    grad = np.empty_like(at)
    for i in np.ndindex(at.shape):
        step = np.full(at.shape, mpf(0))
        step[i] = H
        grad[i] = (dy * (function(at + step) - function(at - step))).sum() / (2 * H)
    return grad


def rows_of(p):
    """Return x, gamma, beta and dy in 40 digits, with the batch as rows."""
    x, dy = (np.moveaxis(a, 1, -1).reshape(-1, a.shape[1]) for a in (p.x, p.dy))
    return [DIGITS(a) for a in (x, p.gamma, p.beta, dy)]


def as_batch(rows, shape):
    return np.moveaxis(rows.astype(float).reshape(shape[0], *shape[2:], shape[1]), -1, 1)


@pytest.fixture(params=[(5, 2), (2, 3), (2, 2, 3), (1, 2, 2, 2)], ids=str)
def small(request):
    """Each shape that is small enough for 40 digits in turn."""
    return request.param


@pytest.mark.parametrize(
    "options", [{}, {"mean": 1e4, "std": 1.0}, {"std": 0.01, "eps": 0.3}], ids=str
)
def test_training__is_the_formula_and_its_derivative(problem, small, options):
    p = problem(small, **options)
    x, gamma, beta, dy = rows_of(p)
    mean, var, y = forward(x, gamma, beta, p.eps)
    dx = derivative(lambda x: forward(x, gamma, beta, p.eps)[2], x, dy)
    dgamma = derivative(lambda gamma: forward(x, gamma, beta, p.eps)[2], gamma, dy)
    dbeta = derivative(lambda beta: forward(x, gamma, beta, p.eps)[2], beta, dy)
    compare(
        p.reference(),
        y=as_batch(y, small),
        mean=mean.astype(float),
        var=var.astype(float),
        dx=as_batch(dx, small),
        dgamma=dgamma.astype(float),
        dbeta=dbeta.astype(float),
    )


def test_inference__is_the_formula_and_its_derivative(problem, small):
    p = problem(small)
    x, gamma, beta, dy = rows_of(p)
    std = SQRT(DIGITS(p.running_var) + mpf(p.eps))
    x_hat = (x - DIGITS(p.running_mean)) / std
    compare(
        p.inference_reference(),
        y=as_batch(gamma * x_hat + beta, small),
        mean=(x.sum(axis=0) / len(x)).astype(float),
        dx=as_batch(gamma / std * dy, small),
        dgamma=(dy * x_hat).sum(axis=0).astype(float),
        dbeta=dy.sum(axis=0).astype(float),
    )


def test_running_statistics__are_those_after_the_step(problem, small):
    p = problem(small)
    given = {"running_mean": p.running_mean, "running_var": p.running_var}
    before = {name: array.copy() for name, array in given.items()}
    reference = oracle.batch_norm(p.x, **given, momentum=0.3)
    x, *_ = rows_of(p)
    mean, var, _ = forward(x, 1, 0, 1e-5)
    unbiased = var * len(x) / (len(x) - 1)
    weight = mpf(0.3)
    running_mean = (1 - weight) * DIGITS(p.running_mean) + weight * mean
    running_var = (1 - weight) * DIGITS(p.running_var) + weight * unbiased
    compare(
        reference, running_mean=running_mean.astype(float), running_var=running_var.astype(float)
    )
    for name, array in given.items():
        np.testing.assert_array_equal(array, before[name])
    evaluated = oracle.batch_norm(p.x, **given, training=False)
    assert "running_mean" not in evaluated.values


def test_graph_gradients__are_the_derivatives_at_each_node(problem, small):
    p = problem(small)
    x, gamma, beta, dy = rows_of(p)
    mean, var, _ = forward(x, gamma, beta, p.eps)
    eps = mpf(p.eps)

    def from_mean(mean):
        var = ((x - mean) ** 2).sum(axis=0) / len(x)
        return gamma * (x - mean) / SQRT(var + eps)

    def from_var(var):
        return gamma * (x - mean) / SQRT(var + eps)

    def from_x(x):
        return forward(x, gamma, beta, p.eps)[2]

    x_hat = (x - mean) / SQRT(var + eps)
    reference = oracle.graph_gradients(p.x, p.gamma, p.beta, p.dy, eps=p.eps)
    compare(
        reference,
        dbeta=dy.sum(axis=0).astype(float),
        dgamma=(dy * x_hat).sum(axis=0).astype(float),
        dx_hat=as_batch(dy * gamma, small),
        dvar=derivative(from_var, var, dy).astype(float),
        dmean=derivative(from_mean, mean, dy).astype(float),
        dx=as_batch(derivative(from_x, x, dy), small),
    )
    assert set(reference.scales) == set(reference.values)


def test_graph_gradients__have_torchs_default_eps(problem):
    p = problem((4, 3), std=1e-2, eps=1e-5)
    given = p.x, p.gamma, p.beta, p.dy
    np.testing.assert_array_equal(
        oracle.graph_gradients(*given).values["dx"],
        oracle.graph_gradients(*given, eps=1e-5).values["dx"],
    )
    np.testing.assert_array_equal(
        oracle.batch_norm(*given).values["dx"], p.reference().values["dx"]
    )


def test_scales__are_those_that_no_luck_makes_small(problem):
    p = problem((4, 3, 2))
    # One channel has a gradient that is zero by theory, another one that is not.
    p.dy[:, 0] = 1.0
    reference = p.reference()
    rows = np.moveaxis(p.x, 1, -1).reshape(-1, 3)
    dy = np.moveaxis(p.dy, 1, -1).reshape(-1, 3)
    std = np.sqrt(rows.var(axis=0) + p.eps)
    x_hat = (rows - rows.mean(axis=0)) / std
    y = np.abs(reference.values["y"]).max(axis=(0, 2))
    dx = np.abs(reference.values["dx"]).max(axis=(0, 2))
    direct = np.abs(p.gamma) / std * np.abs(dy).max(axis=0)
    assert dx[0] < 1e-14 < 0.1 < direct[0]
    expected = {
        "y": y[:, None],
        "mean": std,
        "var": std**2,
        "dx": np.maximum(dx, direct)[:, None],
        "dgamma": (np.abs(dy) * np.abs(x_hat)).sum(axis=0),
        "dbeta": np.abs(dy).sum(axis=0),
    }
    assert set(reference.scales) == set(reference.values) == set(expected)
    graph = oracle.graph_gradients(p.x, p.gamma, p.beta, p.dy, eps=p.eps)
    for name, scale in expected.items():
        np.testing.assert_allclose(reference.scales[name], scale, rtol=1e-12)
        if name in graph.scales:
            np.testing.assert_allclose(graph.scales[name], scale, rtol=1e-12)

    terms = np.abs(dy * p.gamma)
    np.testing.assert_allclose(graph.scales["dx_hat"][:, 0], terms.max(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        graph.scales["dvar"], (terms * np.abs(x_hat)).sum(axis=0) / std**2 / 2, rtol=1e-12
    )
    np.testing.assert_allclose(graph.scales["dmean"], terms.sum(axis=0) / std, rtol=1e-12)


def test_scales_of_running_statistics__count_their_own_size_too(problem):
    p = problem((4, 3))
    for size in (1e-3, 1e3):
        given = {"running_mean": np.full(3, -size), "running_var": np.full(3, size)}
        reference = oracle.batch_norm(p.x, **given)
        var = p.x.var(axis=0) + 1e-5
        for name, own in (("running_mean", np.sqrt(var)), ("running_var", var)):
            expected = np.maximum(np.abs(reference.values[name]), own)
            np.testing.assert_allclose(reference.scales[name], expected, rtol=1e-12)


def test_conditioning__is_that_of_the_worst_channel_and_of_what_normalizes():
    x = np.array([[0.0, 9.0, 1.0], [2.0, 11.0, 3.0]])
    dy = np.ones((2, 3))
    assert oracle.batch_norm(x, eps=3.0).mean_over_std == 5.0
    assert oracle.graph_gradients(x, np.ones(3), np.ones(3), dy, eps=3.0).mean_over_std == 5.0
    given = {"running_mean": [-8.0, 1.0, 1.0], "running_var": [1.0, 1.0, 1.0]}
    assert oracle.batch_norm(x, **given, eps=3.0).mean_over_std == 5.0
    assert oracle.batch_norm(x, **given, training=False, eps=3.0).mean_over_std == 4.0

    assert oracle.batch_norm(x[:, :1], eps=3.0).mean_over_std == 0.5
    graph = oracle.graph_gradients(x[:, :1], np.ones(1), np.ones(1), dy[:, :1], eps=3.0)
    assert graph.mean_over_std == 0.5


def test_poisoned_channel__neither_counts_nor_warns():
    x = np.array([[np.nan, 9.0, np.inf], [2.0, 11.0, 3.0]])
    reference = oracle.batch_norm(x, dy=x, eps=3.0)
    assert reference.mean_over_std == 5.0
    np.testing.assert_array_equal(np.isnan(reference.values["dx"]), [[True, False, True]] * 2)


def test_reference__is_of_float64_whatever_came(problem, dtype):
    p = problem((4, 3), dtype)
    before = {name: array.copy() for name, array in p.arrays().items()}
    wide = p.changed(**{name: array.astype(np.float64) for name, array in p.arrays().items()})
    for narrow, reference in (
        (p.reference(), wide.reference()),
        (p.inference_reference(), wide.inference_reference()),
    ):
        for name, value in reference.values.items():
            assert narrow.values[name].dtype == np.float64
            np.testing.assert_array_equal(narrow.values[name], value)
    for name, array in p.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_missing_parameters__are_ones_and_zeros(problem):
    p = problem((4, 3))
    np.testing.assert_array_equal(
        oracle.batch_norm(p.x).values["y"],
        oracle.batch_norm(p.x, np.ones(3), np.zeros(3)).values["y"],
    )
    assert "dx" not in oracle.batch_norm(p.x).values


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)], ids=str)
def test_empty_batch__has_a_reference_too(shape):
    empty = np.empty(shape)
    reference = oracle.batch_norm(empty, dy=empty)
    compare(reference, y=empty, dx=empty, dgamma=np.zeros(3), dbeta=np.zeros(3))
    assert np.isnan(reference.values["mean"]).all()
    assert oracle.batch_norm(np.empty(0)).values["y"].shape == (0,)


def test_references__cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        oracle.batch_norm([[1.0], [3.0]]).mean_over_std = 0.0


def test_references__can_be_compared_and_hashed():
    x = np.array([[1.0], [3.0]])
    assert len({oracle.batch_norm(x), oracle.batch_norm(x)}) == 2


def test_oracle__imports_nothing_that_it_is_to_judge():
    source = Path(oracle.__file__).read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", source, re.MULTILINE)
    assert {name for name in imported if name.startswith("bncourse")} <= {"bncourse._extras"}
    assert "torch" in imported


def test_second_gradients__are_the_derivatives_of_the_gradient(problem, small):
    p = problem(small, eps=0.1)
    x, gamma, beta, dy = rows_of(p)
    v = DIGITS(np.random.default_rng(1).standard_normal(x.shape))

    def dx(x=x, gamma=gamma, dy=dy):
        return derivative(lambda x: forward(x, gamma, beta, p.eps)[2], x, dy)

    reference = oracle.second_gradients(p.x, p.gamma, p.dy, as_batch(v, small), eps=p.eps)
    compare(
        reference,
        dx=as_batch(derivative(lambda x: dx(x=x), x, v), small),
        dgamma=derivative(lambda gamma: dx(gamma=gamma), gamma, v).astype(float),
        ddy=as_batch(derivative(lambda dy: dx(dy=dy), dy, v), small),
    )
