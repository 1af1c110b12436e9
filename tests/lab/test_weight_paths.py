"""The record of moving weights, against a second computation with torch."""

import numpy as np
import pytest
import torch

from bncourse.lab.training import batches
from bncourse.lab.twins import torch_twin
from bncourse.lab.weight_norm import next_square
from bncourse.lab.weight_paths import follow, random_walk
from bncourse.scratch import BatchNorm, Linear, Sequential, Sigmoid

STEPS, LR, MOMENTUM, DECAY = 6, 0.3, 0.7, 0.2


def network():
    rng = np.random.default_rng(0)
    layers = [Linear(4, 3, rng=rng), BatchNorm(3, eps=0.1), Sigmoid()]
    layers += [Linear(3, 5, rng=rng), BatchNorm(5, eps=0.2), Sigmoid(), Linear(5, 2, rng=rng)]
    return Sequential(*layers)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    return rng.normal(size=(20, 4)), rng.integers(0, 2, 20)


@pytest.fixture(scope="module")
def recorded(data):
    settings = {"steps": STEPS, "batch_size": 8, "lr": LR, "rng": np.random.default_rng(2)}
    return follow(network(), *data, momentum=MOMENTUM, weight_decay=DECAY, **settings)


def rows(arrays):
    """Return the rows of both layers' arrays, filled up with zeros."""
    return np.concatenate([np.pad(a, ((0, 0), (0, 4 - a.shape[1]))) for a in arrays])


@pytest.fixture(scope="module")
def by_torch(data):
    """Return weights, gradients and velocities of each step, and losses, from torch alone."""
    twin = torch_twin(network())
    hidden = [twin[0].weight, twin[0].bias, twin[3].weight, twin[3].bias]
    others = [p for p in twin.parameters() if all(p is not h for h in hidden)]
    sgd = torch.optim.SGD(
        [{"params": hidden, "weight_decay": DECAY}, {"params": others}], LR, MOMENTUM
    )
    x, labels = (torch.tensor(a) for a in data)
    weights, grads, losses = [], [], []
    for batch in batches(20, 8, STEPS, np.random.default_rng(2)):
        loss = torch.nn.functional.cross_entropy(twin(x[batch]), labels[batch])
        sgd.zero_grad()
        loss.backward()
        losses.append(loss.item())
        weights.append(rows([twin[i].weight.detach().numpy().copy() for i in (0, 3)]))
        grads.append(rows([twin[i].weight.grad.numpy().copy() for i in (0, 3)]))
        sgd.step()
    weights.append(rows([twin[i].weight.detach().numpy() for i in (0, 3)]))
    weights = np.array(weights)
    return weights, np.array(grads), (weights[:-1] - weights[1:]) / LR, losses


def test_follow__records_lengths_and_inner_products(recorded, by_torch):
    weights, grads, velocities, losses = by_torch
    before = weights[:-1]
    for name, wanted in (
        ("loss", losses),
        ("square", (before**2).sum(axis=2)),
        ("grad_square", (grads**2).sum(axis=2)),
        ("velocity_square", (velocities**2).sum(axis=2)),
        ("grad_dot", (before * grads).sum(axis=2)),
        ("velocity_dot", (before * velocities).sum(axis=2)),
        ("last_square", (weights[-1] ** 2).sum(axis=1)),
    ):
        np.testing.assert_allclose(getattr(recorded, name), wanted, atol=1e-12, err_msg=name)


def test_follow__records_angles(recorded, by_torch):
    weights, *_ = by_torch
    units = weights / np.linalg.norm(weights, axis=2, keepdims=True)
    wanted = np.arccos((units[1:] * units[:-1]).sum(axis=2))
    # The cosine of a small angle has lost half of its digits.
    np.testing.assert_allclose(recorded.angle, wanted, atol=1e-10)


@pytest.mark.statement("S14")
def test_follow__finds_the_inner_product_that_gamma_and_eps_imply(recorded):
    np.testing.assert_allclose(recorded.eps_dot, recorded.grad_dot, atol=1e-14)
    assert np.abs(recorded.grad_dot).max() > 1e-4


def test_random_walk__follows_the_recurrence_of_a_gradient_of_length_one():
    settings = {"lr": 0.5, "weight_decay": 0.1, "rng": np.random.default_rng(3)}
    squares, angles = random_walk(4.0, size=10, steps=30, **settings)
    wanted = [4.0]
    for _ in range(30):
        wanted.append(next_square(wanted[-1], 0.5, 0.1, 1.0))
    np.testing.assert_allclose(squares, wanted, rtol=1e-12)
    np.testing.assert_allclose(np.tan(angles), 0.5 / (0.95 * squares[:-1]), rtol=1e-10)


def test_random_walk__of_a_single_weight_is_an_error():
    with pytest.raises(ValueError, match="size: want at least 2 weights, got 1"):
        random_walk(1.0, size=1, steps=1, lr=1.0, weight_decay=0.0, rng=np.random.default_rng(0))
