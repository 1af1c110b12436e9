"""Gradients in deep networks, against torch's autograd and against quadrature."""

import numpy as np
import pytest
import torch

from bncourse.lab.depth import (
    Residual,
    deep_network,
    gradient_growth,
    layer_gradients,
    residual_growth,
    residual_network,
)
from bncourse.lab.twins import torch_twin
from bncourse.scratch import BatchNorm, Linear, ReLU, Sequential, Sigmoid, central_difference


def test_layer_gradients__are_torchs_between_all_layers():
    rng = np.random.default_rng(0)
    network = deep_network(rng, width=5, depth=3, batch_norm=True)
    x, dy = rng.normal(size=(7, 5)), rng.normal(size=(7, 5))
    twin = torch_twin(network)
    nodes = [torch.tensor(x, requires_grad=True)]
    for layer in twin:
        nodes.append(layer(nodes[-1]))
        nodes[-1].retain_grad()
    nodes[-1].backward(torch.tensor(dy))
    ours = layer_gradients(network, x, dy)
    assert len(ours) == len(network.layers) + 1
    for got, node in zip(ours, nodes, strict=True):
        np.testing.assert_allclose(got, node.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.equation("eq-gradient-growth")
@pytest.mark.parametrize(
    ("layer", "activation"), [(Sigmoid(), torch.sigmoid), (Sequential(), lambda y: 3 * y)]
)
def test_gradient_growth__is_that_of_gauss_hermite_quadrature(layer, activation):
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights = weights / weights.sum()
    y = torch.tensor(nodes, requires_grad=True)
    z = activation(y)
    z.sum().backward()
    slope, z = y.grad.numpy(), z.detach().numpy()
    var = weights @ z**2 - (weights @ z) ** 2
    np.testing.assert_allclose(gradient_growth(layer), np.sqrt(weights @ slope**2 / var), rtol=1e-7)


@pytest.mark.equation("eq-gradient-growth")
def test_gradient_growth__of_relu_is_the_root_of_pi_over_pi_minus_one():
    np.testing.assert_allclose(gradient_growth(ReLU()), np.sqrt(np.pi / (np.pi - 1)), rtol=1e-7)


@pytest.mark.equation("eq-gradient-growth")
def test_gradient_growth__is_what_a_wide_network_in_torch_shows():
    width, m, depth = 256, 256, 12
    torch.manual_seed(0)
    x = torch.randn(m, width, dtype=torch.float64, requires_grad=True)
    nodes = [x]
    for _ in range(depth):
        weight = torch.randn(width, width, dtype=torch.float64)
        y = torch.nn.functional.batch_norm(nodes[-1] @ weight.T, None, None, training=True)
        nodes.append(torch.relu(y))
        nodes[-1].retain_grad()
    nodes[-1].backward(torch.randn(m, width, dtype=torch.float64))
    lengths = [float(node.grad.norm()) for node in nodes]
    growth = (lengths[2] / lengths[-2]) ** (1 / (depth - 3))
    assert abs(growth / gradient_growth(ReLU()) - 1) < 0.02


@pytest.mark.equation("eq-residual-growth")
def test_residual_growth__is_what_a_wide_residual_network_in_torch_shows():
    width, m, depth = 256, 256, 10
    growth = np.sqrt(np.pi / (np.pi - 1))
    measured = []
    for seed in range(3):
        torch.manual_seed(seed)
        x = torch.randn(m, width, dtype=torch.float64, requires_grad=True)
        z = x
        for _ in range(depth):
            weight = torch.randn(width, width, dtype=torch.float64)
            branch = torch.relu(z) @ weight.T
            z = z + torch.nn.functional.batch_norm(branch, None, None, training=True)
        dy = torch.randn(m, width, dtype=torch.float64)
        z.backward(dy)
        measured.append(float(x.grad.norm() / dy.norm()))
    assert abs(np.median(measured) / residual_growth(growth, depth) - 1) < 0.03


def test_residual__adds_its_branch_and_sends_the_gradient_both_ways():
    rng = np.random.default_rng(1)
    layer = Residual(Sequential(Linear(3, 3, rng=rng), BatchNorm(3)))
    x, dy = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    np.testing.assert_allclose(layer.forward(x), x + layer.branch.forward(x), rtol=1e-13)
    numeric = central_difference(layer.forward, x, dy, h=1e-5)
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy), numeric, atol=1e-7)
    assert len(layer.parameters()) == 4
    for mode in (layer.eval(), layer.train()):
        assert mode is layer
        assert layer.training == layer.branch.training == layer.branch.layers[1].training
    assert layer.training
    assert not layer.eval().training


def test_deep_network__has_the_activation_that_was_asked_for():
    options = {"width": 3, "depth": 1, "batch_norm": True, "activation": Sigmoid}
    network = deep_network(np.random.default_rng(0), **options)
    assert [type(layer) for layer in network.layers] == [Linear, BatchNorm, Sigmoid]


def test_deep_network__draws_the_same_weights_with_and_without_normalization():
    networks = [
        deep_network(np.random.default_rng(2), width=60, depth=2, batch_norm=batch_norm)
        for batch_norm in (True, False)
    ]
    normalized, plain = networks
    names = [type(layer).__name__ for layer in normalized.layers]
    assert names == ["Linear", "BatchNorm", "ReLU"] * 2
    np.testing.assert_array_equal(normalized.layers[3].weight, plain.layers[2].weight)
    assert plain.layers[0].bias is None
    assert abs(plain.layers[0].weight.std() - np.sqrt(2 / 60)) < 0.006


def test_residual_network__is_made_of_blocks_of_relu_linear_and_normalization():
    network = residual_network(np.random.default_rng(3), width=4, depth=2)
    for block in network.layers:
        names = [type(layer).__name__ for layer in block.branch.layers]
        assert names == ["ReLU", "Linear", "BatchNorm"]


def test_residual_network__draws_each_block_its_own_weights():
    network = residual_network(np.random.default_rng(3), width=60, depth=2)
    first, second = (
        next(layer for layer in block.branch.layers if isinstance(layer, Linear)).weight
        for block in network.layers
    )
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    assert first.std() == pytest.approx(second.std(), rel=0.1)
