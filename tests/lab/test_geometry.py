"""The geometry of the backward pass, against torch's autograd."""

import numpy as np
import pytest
import torch

from bncourse.lab.geometry import grad_x_square, jacobian, project, removed_shares, split
from bncourse.lab.twins import torch_twin
from bncourse.scratch import BatchNorm, Linear, Sequential, Sigmoid, batch_norm_forward


@pytest.fixture(params=[(7, 3, 1e-5), (7, 3, 0.7), (2, 3, 0.7), (64, 1, 1e-5)], ids=str)
def case(request, problem):
    """Return a problem of rows, its cache, rho, and torch's dx."""
    m, channels, eps = request.param
    p = problem((m, channels), eps=eps)
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=eps)
    rho = p.x.var(axis=0) / (p.x.var(axis=0) + eps)
    return p, cache, rho, p.reference().values["dx"]


@pytest.mark.equation("eq-jacobian")
@pytest.mark.statement("S10")
def test_jacobian__is_that_of_torchs_forward_pass(case):
    p, cache, *_ = case
    for c in range(p.x.shape[1]):
        gamma = torch.tensor(p.gamma[c : c + 1])

        def forward(column, gamma=gamma):
            y = torch.nn.functional.batch_norm(
                column[:, None], None, None, gamma, None, True, eps=p.eps
            )
            return y[:, 0]

        wanted = torch.autograd.functional.jacobian(forward, torch.tensor(p.x[:, c])).numpy()
        ours = jacobian(cache.x_hat[:, c], p.gamma[c], cache.inv_std[c])
        scale = np.abs(p.gamma[c] * cache.inv_std[c])
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-12 * scale)


@pytest.mark.statement("S10")
def test_jacobian__has_three_eigenvalues(problem):
    p = problem((9, 1), std=0.5, eps=0.1)
    _, cache = batch_norm_forward(p.x, np.ones(1), np.zeros(1), eps=0.1)
    s = np.sqrt(p.x.var() + 0.1)
    values = np.linalg.eigvalsh(jacobian(cache.x_hat[:, 0], 1.0, 1 / s))
    np.testing.assert_allclose(np.sort(values), [0, 0.1 / s**3, *[1 / s] * 7], atol=1e-13)


@pytest.mark.equation("eq-parts")
def test_split__gives_orthogonal_parts_with_the_directions_that_they_are_named_for(case):
    p, cache, *_ = case
    parts = split(p.dy, cache.x_hat)
    one, stretched, rest = parts.along_one, parts.along_x_hat, parts.rest
    np.testing.assert_allclose(one + stretched + rest, p.dy, atol=1e-13)
    np.testing.assert_allclose(one, np.ones_like(p.dy) * one[0], rtol=1e-15)
    crossed = stretched * np.roll(cache.x_hat, 1, axis=0)
    np.testing.assert_allclose(crossed, cache.x_hat * np.roll(stretched, 1, axis=0), atol=1e-13)
    for a, b in ((np.ones_like(rest), rest), (cache.x_hat, rest), (one, stretched)):
        assert np.abs((a * b).sum(axis=0)).max() < 1e-12


def test_split__of_a_constant_channel_has_nothing_along_x_hat():
    dy = np.array([[1.0], [4.0]])
    parts = split(dy, np.zeros((2, 1)))
    assert parts.along_x_hat.tolist() == [[0.0], [0.0]]
    assert parts.rest.tolist() == [[-1.5], [1.5]]


@pytest.mark.equation("eq-projection")
@pytest.mark.statement("S10")
def test_project__is_torchs_gradient_with_any_eps(case):
    p, cache, rho, dx = case
    ours = project(split(p.dy, cache.x_hat), rho, p.gamma, cache.inv_std)
    scale = np.abs(p.gamma * cache.inv_std).max() * np.abs(p.dy).max()
    np.testing.assert_allclose(ours, dx, rtol=0, atol=1e-12 * scale)


@pytest.mark.equation("eq-dx-square")
def test_grad_x_square__is_the_squared_length_of_torchs_gradient(case):
    p, cache, rho, dx = case
    ours = grad_x_square(p.dy, cache.x_hat, rho, p.gamma, cache.inv_std)
    scale = ((p.gamma * cache.inv_std) ** 2 * (p.dy**2).sum(axis=0)).max()
    np.testing.assert_allclose(ours, (dx**2).sum(axis=0), rtol=0, atol=1e-12 * scale)


def test_removed_shares__are_those_of_torchs_gradients():
    rng = np.random.default_rng(0)
    network = Sequential(
        Linear(4, 3, rng=rng), BatchNorm(3), Sigmoid(), Linear(3, 2, rng=rng), BatchNorm(2)
    )
    network.layers[1].gamma[...] = rng.normal(size=3)
    x, labels = rng.normal(size=(6, 4)), rng.integers(0, 2, 6)
    before = network.layers[1].running_mean.copy()
    ours = removed_shares(network, x, labels)
    np.testing.assert_array_equal(network.layers[1].running_mean, before)

    nodes = [torch.tensor(x)]
    for layer in torch_twin(network):
        nodes.append(layer(nodes[-1]))
        nodes[-1].retain_grad()
    torch.nn.functional.cross_entropy(nodes[-1], torch.tensor(labels)).backward()
    for shares, at in zip(ours, (1, 4), strict=True):
        given, dy = nodes[at].detach().numpy(), nodes[at + 1].grad.numpy()
        centered = given - given.mean(axis=0)
        along = [
            (dy.mean(axis=0) ** 2 * 6).sum(),
            ((dy * centered).sum(axis=0) ** 2 / (centered**2).sum(axis=0)).sum(),
        ]
        np.testing.assert_allclose(shares, along / (dy**2).sum(), rtol=1e-10)


@pytest.mark.equation("eq-dx-square")
def test_grad_x_square__is_never_below_zero(problem):
    for seed in range(50):
        p = problem((2, 3), eps=1e-12, seed=seed)
        _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=1e-12)
        rho = p.x.var(axis=0) / (p.x.var(axis=0) + 1e-12)
        assert (grad_x_square(p.dy, cache.x_hat, rho, p.gamma, cache.inv_std) >= 0).all()
