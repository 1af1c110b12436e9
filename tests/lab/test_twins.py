"""The twins of PyTorch: the same numbers, and errors that are small for another reason."""

import numpy as np
import pytest
import torch

from bncourse.lab.mistakes import DetachedBatchNorm
from bncourse.lab.training import train
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


def subclass(layer):
    """Return a layer after it was given a subclass of its class."""
    layer.__class__ = type("Special" + type(layer).__name__, (type(layer),), {})
    return layer


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (DetachedBatchNorm(3), "DetachedBatchNorm"),
        (subclass(Linear(2, 3)), "SpecialLinear"),
        (subclass(Sigmoid()), "SpecialSigmoid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_twin__of_a_subclass_is_an_error(layer, name):
    with pytest.raises(TypeError, match=f"want layers that torch_twin knows, got {name}"):
        torch_twin(Sequential(layer))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_twin__is_in_the_networks_mode(network, mode):
    x, _ = batch()
    getattr(network, mode)()
    twin = torch_twin(network)
    assert {module.training for module in twin.modules()} == {mode == "train"}
    theirs = twin(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(network.forward(x), theirs, rtol=1e-12)


def test_twin__keeps_the_mode_of_each_layer(network):
    network.layers[2].eval()
    modes = [layer.training for layer in network.layers]
    twin = torch_twin(network)
    assert [module.training for module in twin] == modes
    assert twin.training


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.3},
        {"momentum": None},
        {"eps": 0.5, "affine": False},
        {"track_running_stats": False},
        {"affine": False, "track_running_stats": False},
    ],
    ids=str,
)
def test_twin__has_the_settings_of_batch_norm(settings):
    rng = np.random.default_rng(3)
    norm = BatchNorm(4, **settings)
    (theirs,) = torch_twin(Sequential(norm))
    assert (theirs.num_features, theirs.eps) == (4, norm.eps)
    assert theirs.momentum == norm.momentum
    assert (theirs.affine, theirs.track_running_stats) == (norm.affine, norm.track_running_stats)
    for _ in range(3):
        x = rng.normal(1, 2, size=(6, 4))
        np.testing.assert_allclose(norm.forward(x), theirs(torch.tensor(x)).detach(), rtol=1e-12)
    state = norm.state_dict()
    assert state.keys() == theirs.state_dict().keys()
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(state[name], value, rtol=1e-12)
    x = rng.normal(size=(1 if norm.track_running_stats else 6, 4))
    ours = norm.eval().forward(x)
    np.testing.assert_allclose(ours, theirs.eval()(torch.tensor(x)).detach(), rtol=1e-12)


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
