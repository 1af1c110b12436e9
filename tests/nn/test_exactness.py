"""Our results and torch's own, in the same dtype, against references that are more exact."""

import numpy as np
import pytest
import torch

from bncourse import nn, tolerances

LAST = torch.channels_last
SHAPES = [
    ((4096, 5), None),
    ((8, 4, 32, 32), None),
    ((8, 4, 32, 32), LAST),
    ((50, 33), None),
    ((20, 40, 7, 7), None),
    ((2, 6), None),
]


def _sorted(normal):
    channels = np.sort(np.moveaxis(normal, 1, 0).reshape(normal.shape[1], -1), axis=1)
    moved = (normal.shape[1], normal.shape[0], *normal.shape[2:])
    return np.moveaxis(channels.reshape(moved), 0, 1)


def _with(normal, place, value):
    changed = normal.copy()
    changed[(place, slice(None), *[place] * (normal.ndim - 2))] = value
    return changed


def _alternating(normal):
    signs = np.where(np.arange(normal.size).reshape(normal.shape) % 2 == 0, 1.0, -1.0)
    return signs * (1 + 1e-3 * normal)


# Batches that are hard to sum, from standard normal numbers.
HARD = {
    "normal": lambda normal: normal,
    "mean 1e2": lambda normal: normal + 1e2,
    "mean 1e4": lambda normal: normal + 1e4,
    "mean 1e6": lambda normal: normal + 1e6,
    "first value 10": lambda normal: _with(normal, 0, 10.0),
    "first value 1e3": lambda normal: _with(normal, 0, 1e3),
    "first value 1e6": lambda normal: _with(normal, 0, 1e6),
    "one value 1e3": lambda normal: _with(normal, 1, 1e3),
    "one value 1e6": lambda normal: _with(normal, 1, -1e6),
    "three values apart": lambda normal: _with(_with(_with(normal, 0, 1e4), -1, 1e4), 1, 1e4),
    "alternating": _alternating,
    "alternating about 1e4": lambda normal: _alternating(normal) + 1e4,
    "sorted": _sorted,
    "sorted about 1e4": lambda normal: _sorted(normal) + 1e4,
    "constant": lambda normal: np.full(normal.shape, 0.1),
    "constant 1e6": lambda normal: np.full(normal.shape, 1e6 / 3),
    "small about 1": lambda normal: 1 + 1e-6 * normal,
    "huge": lambda normal: 1e15 * normal,
    "tiny": lambda normal: 1e-15 * normal,
}


def make(problem, shape, dtype, kind):
    one = problem(shape, dtype, eps=1e-5)
    normal = np.random.default_rng(len(kind)).standard_normal(shape)
    return one.changed(x=HARD[kind](normal).astype(dtype))


def results(batch_norm, problem, memory_format):
    """Return y and the gradients that a batch norm computes."""
    x, gamma, beta, dy = (torch.from_numpy(a.copy()) for a in list(problem.arrays().values())[:4])
    if memory_format:
        x, dy = (t.to(memory_format=memory_format) for t in (x, dy))
    inputs = [t.requires_grad_() for t in (x, gamma, beta)]
    y = batch_norm(x, None, None, gamma, beta, True, 0.1, problem.eps)
    grads = torch.autograd.grad(y, inputs, dy)
    names = ("y", "dx", "dgamma", "dbeta")
    return {n: t.detach().numpy() for n, t in zip(names, (y, *grads), strict=True)}


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize(("shape", "memory_format"), SHAPES)
def test_float32__is_never_worse_than_torch_on_any_batch(
    problem, engine, kind, shape, memory_format
):
    one = make(problem, shape, np.float32, kind)
    reference = one.reference()
    ours = results(nn.functional.batch_norm, one, memory_format)
    tolerances.compare(reference, **ours)
    theirs = results(torch.nn.functional.batch_norm, one, memory_format)
    for name, expected in reference.values.items():
        if name in ours:
            scale = reference.scales[name]
            error, bound = (
                tolerances.relative_error(a[name], expected, scale) for a in (ours, theirs)
            )
            # The reference itself is rounded.
            assert error <= bound + 1e-11, (name, error, bound)


WIDER = np.finfo(np.longdouble).eps < 1e-18


@pytest.mark.skipif(not WIDER, reason="NumPy has no dtype here that is wider than float64")
@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize(("shape", "memory_format"), SHAPES)
def test_float64__is_never_worse_than_torch_but_for_rounding(
    problem, engine, kind, shape, memory_format
):
    one = make(problem, shape, np.float64, kind)
    values, scales = in_long_double(one)
    ours = results(nn.functional.batch_norm, one, memory_format)
    theirs = results(torch.nn.functional.batch_norm, one, memory_format)
    for name, expected in values.items():
        error, bound = (
            float(np.max(_over(np.abs(a[name] - expected), scales[name]))) for a in (ours, theirs)
        )
        assert error <= max(bound, 5e-15), (name, error, bound)


@pytest.mark.skipif(not WIDER, reason="NumPy has no dtype here that is wider than float64")
@pytest.mark.parametrize("kind", ["mean 1e2", "mean 1e4", "mean 1e6", "alternating about 1e4"])
@pytest.mark.parametrize(("shape", "memory_format"), SHAPES)
def test_float64__of_the_kernels_is_as_exact_with_a_large_mean(problem, kind, shape, memory_format):
    one = make(problem, shape, np.float64, kind)
    values, scales = in_long_double(one)
    ours = results(nn.functional.batch_norm, one, memory_format)
    for name, expected in values.items():
        assert np.max(_over(np.abs(ours[name] - expected), scales[name])) < 5e-15, name


def _over(error, scale):
    return np.divide(error, scale, out=np.where(error > 0, np.inf, 0 * error), where=scale > 0)


def in_long_double(one):
    """Return y and the gradients by the equations in 80 bits or more, and their scales."""
    x, gamma, beta, dy = (a.astype(np.longdouble) for a in list(one.arrays().values())[:4])
    axes = (0, *range(2, x.ndim))
    column = (-1, *[1] * (x.ndim - 2))
    gamma, beta = gamma.reshape(column), beta.reshape(column)
    m = x.size // x.shape[1]
    centered = x - x.mean(axes, keepdims=True)
    centered = centered - centered.mean(axes, keepdims=True)
    inv_std = 1 / np.sqrt((centered**2).mean(axes, keepdims=True) + np.longdouble(one.eps))
    x_hat = centered * inv_std
    dbeta, dgamma = dy.sum(axes), (dy * x_hat).sum(axes)
    dx = gamma * inv_std * (dy - dbeta.reshape(column) / m - x_hat * dgamma.reshape(column) / m)
    values = {"y": gamma * x_hat + beta, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}
    largest = np.abs(gamma * inv_std) * np.abs(dy).max(axes, keepdims=True)
    scales = {
        "y": np.abs(values["y"]).max(axes, keepdims=True),
        "dx": np.maximum(np.abs(dx).max(axes, keepdims=True), largest),
        "dgamma": np.abs(dy * x_hat).sum(axes),
        "dbeta": np.abs(dy).sum(axes),
    }
    return values, scales


def test_reference_in_long_double__is_torchs_where_that_is_well_conditioned(problem):
    one = problem((20, 7, 5), mean=0.3)
    values, _ = in_long_double(one)
    tolerances.compare(one.reference(), **{k: v.astype(np.float64) for k, v in values.items()})
