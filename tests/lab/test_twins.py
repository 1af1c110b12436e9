"""The twins of PyTorch: the same numbers, and errors that are small for another reason."""

import numpy as np
import pytest
import torch

from bncourse.lab.networks import train
from bncourse.lab.twins import torch_twin, train_twin
from bncourse.scratch import BatchNorm, Conv2d, Flatten, Linear, ReLU, Sequential, Sigmoid


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    norm = BatchNorm(5, eps=0.01, momentum=0.3)
    norm.gamma[...], norm.beta[...] = rng.normal(size=(2, 5))
    norm.running_var[...] = rng.uniform(1, 2, 5)
    return Sequential(
        Flatten(),
        Linear(6, 5, bias=False, rng=rng),
        norm,
        Sigmoid(),
        Linear(5, 4, rng=rng),
        ReLU(),
        Linear(4, 3, rng=rng),
    )


def batch(size=8):
    rng = np.random.default_rng(1)
    return rng.normal(size=(size, 2, 3)), rng.integers(0, 3, size)


def test_twin__computes_the_same_in_training_and_evaluation(network):
    x, _ = batch()
    twin = torch_twin(network)
    for mode in ("eval", "train"):
        getattr(network, mode)(), getattr(twin, mode)()
        theirs = twin(torch.tensor(x)).detach().numpy()
        np.testing.assert_allclose(network.forward(x), theirs, rtol=1e-12)


def test_twin__has_copies_of_the_parameters(network):
    twin = torch_twin(network)
    before = network.layers[1].weight.copy()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    np.testing.assert_array_equal(network.layers[1].weight, before)


def test_twin__of_an_unknown_layer_is_an_error():
    with pytest.raises(TypeError, match="want layers that torch_twin knows, got Conv2d"):
        torch_twin(Sequential(Conv2d(1, 2, 3)))


@pytest.mark.statement("S10")
def test_training__follows_torch_step_by_step(network):
    x, labels = batch(20)
    twin = torch_twin(network)
    options = {"steps": 50, "batch_size": 6, "lr": 0.3}
    ours = list(train(network, x, labels, rng=np.random.default_rng(2), **options))
    theirs = list(train_twin(twin, x, labels, rng=np.random.default_rng(2), **options))
    assert ours[-1] < ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(network.layers[2].gamma, twin[2].weight.detach(), rtol=1e-12)
