import copy

import numpy as np
import pytest
import torch

from bncourse.lab.noisy import NoisyBatchNorm

SHAPES = [(40, 3), (10, 3, 4, 4)]


@pytest.fixture(params=SHAPES, ids=str)
def x(request):
    return np.random.default_rng(0).normal(2, 3, size=request.param)


def layer(**settings):
    made = NoisyBatchNorm(3, np.random.default_rng(1), **settings)
    rng = np.random.default_rng(2)
    made.gamma[:], made.beta[:] = rng.normal(1, 0.5, 3), rng.normal(size=3)
    return made


def torchs(x, made):
    """Return torch's batch norm with the same parameters, and its input."""
    leaf = torch.tensor(x, requires_grad=True)
    weight, bias = (torch.tensor(a, requires_grad=True) for a in (made.gamma, made.beta))
    y = torch.nn.functional.batch_norm(leaf, None, None, weight, bias, training=True)
    return y, (leaf, weight, bias)


def channels(x):
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


@pytest.mark.equation("eq-moving-noise")
@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_noise__scales_and_shifts_each_channel_within_its_ranges(jitter):
    x = np.random.default_rng(0).normal(size=(2000, 3))
    made = NoisyBatchNorm(3, np.random.default_rng(1), shift=0.7, scale=1.4, jitter=jitter)
    y, _ = torchs(x, made)
    y = y.detach().numpy()
    slopes, shifts, rests = [], [], []
    for _ in range(40):
        got = made.forward(x)
        for channel in range(3):
            slope, shift = np.polyfit(y[:, channel], got[:, channel], 1)
            slopes.append(slope)
            shifts.append(shift)
            rest = got[:, channel] - slope * y[:, channel] - shift
            # Both the scale and the shift of a value are drawn about those of its channel.
            wanted = jitter * np.sqrt(1 + y[:, channel] ** 2)
            rests.append(rest.std() / np.sqrt(np.mean(wanted**2)) if jitter else rest.std())
    noise = 6 * jitter / np.sqrt(2000)
    assert 1 - noise <= min(slopes) < 1.05 + noise
    assert 1.35 - noise < max(slopes) <= 1.4 + noise
    assert -0.7 - noise <= min(shifts) < -0.6 + noise
    assert 0.6 - noise < max(shifts) <= 0.7 + noise
    assert np.allclose(rests, 1.0, atol=0.1) if jitter else np.allclose(rests, 0.0, atol=1e-9)
    # Channels draw their own.
    assert abs(np.corrcoef(slopes[::3], slopes[1::3])[0, 1]) < 0.6


@pytest.mark.equation("eq-moving-noise")
def test_gradient__is_torchs_with_the_noise_as_a_constant(x, close):
    made = layer()
    got = made.forward(x)
    made.hold()
    assert np.array_equal(made.forward(x), got)
    # Solve for the noise: y enters linearly, so two layers tell a and b apart.
    other = copy.deepcopy(made)
    other.gamma[:] = 0
    other.beta[:] = 0
    b = other.forward(x)
    y, leaves = torchs(x, made)
    a = (got - b) / y.detach().numpy()
    dy = np.random.default_rng(3).normal(size=x.shape)
    (y * torch.tensor(a)).backward(torch.tensor(dy))
    dx = made.backward(dy)
    for ours, leaf in zip((dx, made.dgamma, made.dbeta), leaves, strict=True):
        close(ours, leaf.grad.numpy())


def test_noise__is_new_for_each_batch_until_it_is_held(x):
    made = layer()
    first, second = made.forward(x), made.forward(x)
    assert not np.allclose(first, second)
    made.hold()
    assert np.array_equal(made.forward(x), second)


def test_evaluation__does_what_the_noise_does_on_average(x, close):
    made = layer(scale=1.5)
    made.forward(x)
    made.eval()
    y = torch.nn.functional.batch_norm(
        torch.tensor(x), *map(torch.tensor, (made.running_mean, made.running_var)),
        *map(torch.tensor, (made.gamma, made.beta)),
    )  # fmt: skip
    close(made.forward(x), 1.25 * y.numpy())
    dy = np.random.default_rng(3).normal(size=x.shape)
    dx = made.backward(dy)
    column = (3, *[1] * (x.ndim - 2))
    slope = (1.25 * made.gamma / np.sqrt(made.running_var + made.eps)).reshape(column)
    close(dx, slope * dy)


def test_dtype__is_that_of_the_input(x):
    made = layer()
    y = made.forward(x.astype(np.float32))
    assert y.dtype == np.float32
    assert made.backward(y).dtype == np.float32


def test_backward_before_forward__is_an_error():
    with pytest.raises(RuntimeError, match="want a call of forward before it"):
        layer().backward(np.ones((2, 3)))
