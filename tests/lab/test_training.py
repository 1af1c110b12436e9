import numpy as np
import pytest
import torch

from bncourse.lab.training import accuracy, backpropagate, train
from bncourse.lab.twins import torch_twin
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


@pytest.mark.parametrize("batch_size", [0, 13])
def test_train__wants_batches_that_the_data_can_fill(batch_size):
    network = Sequential(Linear(1, 2))
    x, labels = np.arange(12.0)[:, None], np.zeros(12, dtype=np.int64)
    with pytest.raises(ValueError, match=f"batch_size: want 1 to 12, got {batch_size}"):
        next(train(network, x, labels, steps=1, batch_size=batch_size, lr=0.1, rng=None))


def test_backpropagate__sets_the_gradients_that_torch_finds(close):
    rng = np.random.default_rng(0)
    layers = Linear(4, 6, rng=rng), BatchNorm(6), Sigmoid(), Linear(6, 3, rng=rng)
    network = Sequential(*layers)
    x, labels = rng.normal(size=(10, 4)), rng.integers(3, size=10)
    twin = torch_twin(network)
    loss = torch.nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(labels))
    loss.backward()
    assert backpropagate(network, x, labels) == pytest.approx(loss.item(), rel=1e-12)
    for (_, grad), value in zip(network.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(grad, value.grad.numpy(), rtol=0, atol=1e-14)


def test_accuracy__is_that_of_the_networks_own_mode():
    network = Sequential(BatchNorm(2))
    network.layers[0].running_mean[:] = 0, 10
    x, labels = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 3.0]]), np.array([0, 0, 0])
    assert accuracy(network.eval(), x, labels) == 1
    assert accuracy(network.train(), x, labels) == pytest.approx(1 / 3)
