import numpy as np
import pytest

from bncourse.lab.data import mnist
from bncourse.lab.networks import (
    gaussian_linear,
    layer_outputs,
    mlp,
    mnist_mlp,
    norm_inputs,
    sigmoid_inputs,
)
from bncourse.lab.training import accuracy, train
from bncourse.scratch import BatchNorm, Flatten, Linear, ReLU, Sigmoid


@pytest.mark.statement("S1")
@pytest.mark.parametrize("batch_norm", [False, True])
def test_mnist_mlp__is_the_network_of_the_paper(batch_norm):
    network = mnist_mlp(np.random.default_rng(0), batch_norm=batch_norm)
    linears = [layer for layer in network.layers if isinstance(layer, Linear)]
    assert [layer.weight.shape for layer in linears] == [
        (100, 784),
        (100, 100),
        (100, 100),
        (10, 100),
    ]
    assert all(layer.weight.std() == pytest.approx(0.1, rel=0.1) for layer in linears)
    assert all((layer.bias == 0).all() for layer in linears)
    norms = [isinstance(layer, BatchNorm) for layer in network.layers]
    after = [isinstance(layer, Sigmoid) for layer in network.layers[1:]]
    assert sum(norms) == (3 if batch_norm else 0)
    assert all(sigmoid for norm, sigmoid in zip(norms, after, strict=False) if norm)


def test_mnist_mlp__has_the_same_weights_with_and_without_batch_norm():
    networks = [mnist_mlp(np.random.default_rng(5), batch_norm=norm) for norm in (False, True)]
    first, second = (
        [layer.weight for layer in network.layers if isinstance(layer, Linear)]
        for network in networks
    )
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_sigmoid_inputs__are_what_the_sigmoids_are_given():
    network = mnist_mlp(np.random.default_rng(0), batch_norm=True).eval()
    x = np.random.default_rng(1).normal(size=(3, 28, 28))
    outputs = layer_outputs(network, x)
    assert (outputs[-1] == network.forward(x)).all()
    inputs = sigmoid_inputs(network, x)
    after = [outputs[i] for i, layer in enumerate(network.layers) if isinstance(layer, Sigmoid)]
    assert len(inputs) == 3
    assert all((Sigmoid().forward(u) == z).all() for u, z in zip(inputs, after, strict=True))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_norm_inputs__are_what_the_batch_norms_are_given(monkeypatch, mode):
    network = mnist_mlp(np.random.default_rng(0), batch_norm=True)
    x = np.random.default_rng(1).normal(size=(3, 28, 28))
    getattr(network, mode)()
    seen, forward = [], BatchNorm.forward

    def seeing(layer, x):
        seen.append(np.array(x))
        return forward(layer, x)

    monkeypatch.setattr(BatchNorm, "forward", seeing)
    inputs = norm_inputs(network, x)
    assert len(inputs) == len(seen) == 3
    assert all((u == given).all() for u, given in zip(inputs, seen, strict=True))
    first = network.layers[1]
    np.testing.assert_allclose(inputs[0], x.reshape(3, 784) @ first.weight.T, rtol=0, atol=1e-12)


def test_mlp__has_the_layers_that_it_is_given_and_he_weights_on_request():
    options = {"hidden": 2, "std": None, "activation": ReLU}
    network = mlp(np.random.default_rng(0), **options, norms=lambda units: [BatchNorm(units)])
    hidden = [Linear, BatchNorm, ReLU]
    assert [type(layer) for layer in network.layers] == [Flatten, *2 * hidden, Linear]
    for linear, fan_in in zip(network.layers[1::3], (784, 100, 100), strict=True):
        assert linear.weight.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.06)


@pytest.mark.parametrize("bias", [True, False])
def test_gaussian_linear__has_the_spread_and_the_bias_that_were_asked_for(bias):
    layer = gaussian_linear(300, 200, 0.7, np.random.default_rng(0), bias=bias)
    assert layer.weight.shape == (200, 300)
    assert layer.weight.std() == pytest.approx(0.7, rel=0.01)
    assert abs(layer.weight.mean()) < 0.01
    assert (layer.bias == 0).all() if bias else layer.bias is None


def test_mnist_mlp__learns_the_digits():
    digits = mnist()
    rng = np.random.default_rng(0)
    network = mnist_mlp(rng, batch_norm=True)
    options = {"steps": 100, "batch_size": 60, "lr": 0.5, "rng": rng}
    losses = list(train(network, digits.train_images, digits.train_labels, **options))
    assert len(losses) == 100
    assert accuracy(network.eval(), digits.test_images, digits.test_labels) > 0.75
