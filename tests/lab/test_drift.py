import copy

import numpy as np
import pytest
import torch

from bncourse.lab.drift import drift, follow, gradient_shift, jump, percentiles, typical_unit
from bncourse.lab.training import train
from bncourse.lab.twins import torch_twin
from bncourse.scratch import BatchNorm, Flatten, Linear, Sequential, Sigmoid


@pytest.fixture(params=[False, True], ids=["plain", "batch norm"])
def network(request):
    rng = np.random.default_rng(0)
    layers = [Flatten(), Linear(6, 8, rng=rng), Sigmoid(), Linear(8, 5, rng=rng), Sigmoid()]
    if request.param:
        layers.insert(4, BatchNorm(5))
        layers.insert(2, BatchNorm(8))
        for layer in layers[2], layers[5]:
            layer.gamma[:] = rng.normal(1, 0.5, len(layer.gamma))
            layer.beta[:] = rng.normal(size=len(layer.beta))
    return Sequential(*layers, Linear(5, 3, rng=rng))


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(20, 2, 3))


@pytest.fixture
def labels():
    return np.random.default_rng(2).integers(3, size=20)


def numbers(network):
    """Return all that a network stores, as one array."""
    state = [value for value, _ in network.parameters()]
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            state += layer.state_dict().values()
    return np.concatenate([np.ravel(value) for value in state])


@pytest.mark.statement("S4")
def test_percentiles__are_those_of_what_enters_torchs_last_sigmoid(network, images):
    network.eval()
    up_to_the_last_sigmoid = torch_twin(network).train()[:-2]
    u = up_to_the_last_sigmoid(torch.tensor(images)).detach()
    wanted = torch.quantile(u, torch.tensor([0.15, 0.5, 0.85], dtype=torch.float64), dim=0)
    before = numbers(network)
    assert percentiles(network, images) == pytest.approx(wanted.numpy(), rel=1e-10)
    assert np.array_equal(numbers(network), before)
    assert not network.training


def test_percentiles__want_a_sigmoid(images):
    with pytest.raises(ValueError, match="network: want one with a sigmoid, got none"):
        percentiles(Sequential(Flatten(), Linear(6, 2)), images)


@pytest.mark.equation("eq-jump")
@pytest.mark.statement("S4")
def test_jump__is_the_way_of_the_median_over_the_half_width_before():
    before = np.array([[-1.0, 0.0], [0.5, 3.0], [3.0, 4.0]])
    after = np.array([[-9.0, 7.0], [-2.5, 4.0], [0.0, 9.0]])
    assert jump(before, after) == pytest.approx([1.5, 0.5])


@pytest.mark.equation("eq-drift")
@pytest.mark.statement("S4")
def test_drift__is_the_way_of_the_median_over_the_mean_half_width():
    # Unit 0: medians 1, 4, 2; half-widths 1, 2, 6, whose mean, 3, is not their median. Unit 1
    # stands still.
    medians, halves = np.array([1.0, 4.0, 2.0]), np.array([1.0, 2.0, 6.0])
    moving = np.stack([medians - 0.5 * halves, medians, medians + 1.5 * halves], axis=1)
    still = np.tile([-1.0, 0.0, 3.0], (3, 1))
    assert drift(np.stack([moving, still], axis=2)) == pytest.approx([(4 - 1) / 3, 0.0])


@pytest.mark.equation("eq-drift")
def test_drift__does_not_see_units_of_measure():
    history = np.sort(np.random.default_rng(0).normal(size=(7, 3, 4)), axis=1)
    moved = history * (1.0, 0.1, 20.0, 3.0) + (0.0, 5.0, -1.0, 9.0)
    assert drift(moved) == pytest.approx(drift(history), rel=1e-12)


def test_typical_unit__has_as_many_units_below_as_above():
    values = np.random.default_rng(0).normal(size=101)
    assert (values < values[typical_unit(values)]).sum() == 50
    assert typical_unit(np.array([4.0, 2.0, 9.0, 3.0])) == 3


def torch_gradient(twin, images, labels, place):
    """Return torch's gradient for the weight of the linear layer at a place."""
    twin.zero_grad()
    loss = torch.nn.functional.cross_entropy(twin(torch.tensor(images)), torch.tensor(labels))
    loss.backward()
    return twin[place].weight.grad.numpy().copy()


@pytest.mark.equation("eq-gradient-shift")
@pytest.mark.statement("S4")
def test_gradient_shift__is_what_autograd_finds(network, images, labels):
    lr = 3.0
    shift = gradient_shift(network, images, labels, lr)
    places = [i for i, layer in enumerate(network.layers) if isinstance(layer, Linear)]
    for i, place in enumerate(places):
        twin = torch_twin(network).train()
        before = torch_gradient(twin, images, labels, place)
        with torch.no_grad():
            for parameter in twin[:place].parameters():
                parameter -= lr * parameter.grad
        after = torch_gradient(twin, images, labels, place)
        change = np.sqrt(np.sum((before - after) ** 2))
        size, size_after = np.sqrt(np.sum(before**2)), np.sqrt(np.sum(after**2))
        assert shift.distance[i] == pytest.approx(change, rel=1e-9)
        assert shift.relative[i] == pytest.approx(change / size, rel=1e-9)
        assert shift.cosine[i] == pytest.approx(np.sum(before * after) / size / size_after)
    assert shift.distance[0] == 0
    assert (shift.distance[1:] > 1e-5).all()


@pytest.mark.equation("eq-gradient-shift")
def test_gradient_shift__leaves_the_network_as_it_was(network, images, labels):
    network.eval()
    before, again = numbers(network), copy.deepcopy(network)
    gradient_shift(network, images, labels, lr=0.7)
    assert np.array_equal(numbers(network), before)
    assert not network.training
    assert np.array_equal(network.forward(images), again.forward(images))


def test_follow__sees_what_training_alone_would_give(network, images, labels):
    settings = {"batch_size": 5, "lr": 0.1}
    alone = copy.deepcopy(network)
    rng = np.random.default_rng(0)
    list(train(alone, images, labels, steps=4, rng=rng, **settings))
    losses = train(network, images, labels, steps=7, rng=np.random.default_rng(0), **settings)
    start = numbers(network)
    seen = follow(network, losses, numbers, every=2)
    assert list(seen) == [0, 2, 4, 6]
    assert np.array_equal(seen[0], start)
    assert np.array_equal(seen[4], numbers(alone))
    assert not np.array_equal(seen[6], numbers(network))  # the seventh step was taken too
