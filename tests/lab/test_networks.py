import numpy as np
import pytest

from bncourse.lab.data import mnist
from bncourse.lab.networks import layer_outputs, mnist_mlp, norm_inputs, sigmoid_inputs, train
from bncourse.scratch import BatchNorm, Layer, Linear, Sequential, Sigmoid


class Recorder(Layer):
    """Passes its input on, and keeps it."""

    def __init__(self):
        self.seen = []

    def forward(self, x):
        self.seen.append(np.array(x))
        return x

    def backward(self, dy):
        return dy


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


def test_train__shows_each_example_once_a_pass_in_another_order():
    recorder = Recorder()
    rng = np.random.default_rng(0)
    network = Sequential(recorder, Linear(1, 2, rng=rng))
    x, labels = np.arange(12.0)[:, None], np.zeros(12, dtype=np.int64)
    list(train(network, x, labels, steps=6, batch_size=4, lr=0.1, rng=rng))
    passes = np.concatenate(recorder.seen).reshape(2, 12)
    assert [sorted(one) for one in passes.tolist()] == [list(range(12))] * 2
    assert (passes[0] != passes[1]).any()
    assert (passes[0] != np.arange(12)).any()


def test_train__learns_the_digits():
    digits = mnist()
    rng = np.random.default_rng(0)
    network = mnist_mlp(rng, batch_norm=True)
    images, labels = digits.train_images, digits.train_labels
    losses = list(train(network, images, labels, steps=100, batch_size=60, lr=0.5, rng=rng))
    assert len(losses) == 100
    predicted = network.eval().forward(digits.test_images).argmax(axis=1)
    assert np.mean(predicted == digits.test_labels) > 0.75


@pytest.mark.parametrize("batch_size", [0, 13])
def test_train__wants_batches_that_the_data_can_fill(batch_size):
    network = Sequential(Linear(1, 2))
    x, labels = np.arange(12.0)[:, None], np.zeros(12, dtype=np.int64)
    with pytest.raises(ValueError, match=f"batch_size: want 1 to 12, got {batch_size}"):
        next(train(network, x, labels, steps=1, batch_size=batch_size, lr=0.1, rng=None))
