import copy

import numpy as np
import pytest
import torch

from bncourse.lab.landscape import along_gradient
from bncourse.lab.twins import torch_twin
from bncourse.scratch import BatchNorm, Linear, Sequential, Sigmoid

LRS = np.array([5.0, 0.1, 1.0])


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    return Sequential(Linear(4, 6, rng=rng), BatchNorm(6), Sigmoid(), Linear(6, 3, rng=rng))


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(10, 4)), rng.integers(3, size=10)


@pytest.fixture
def torchs(network, batch):
    """Return torch's losses and flat gradients at the start and after each step."""

    def gradient(model):
        loss = torch.nn.functional.cross_entropy(
            model.train()(torch.tensor(batch[0])), torch.tensor(batch[1])
        )
        grads = torch.autograd.grad(loss, list(model.parameters()))
        return loss.item(), grads

    start = torch_twin(network)
    places = [gradient(start)]
    for lr in LRS:
        moved = copy.deepcopy(start)
        with torch.no_grad():
            for value, grad in zip(moved.parameters(), places[0][1], strict=True):
                value -= lr * grad
        places.append(gradient(moved))
    losses = np.array([loss for loss, _ in places])
    flat = [torch.cat([grad.ravel() for grad in grads]).numpy() for _, grads in places]
    return losses, flat


@pytest.mark.equation("eq-along")
def test_losses__are_those_that_torch_finds_along_its_own_gradient(network, batch, torchs, close):
    seen = along_gradient(network.eval(), *batch, LRS)  # a copy is taken to training mode
    losses, flat = torchs
    assert seen.start == pytest.approx(losses[0], rel=1e-12)
    close(seen.loss, losses[1:])
    assert seen.norm == pytest.approx(np.linalg.norm(flat[0]), rel=1e-12)


@pytest.mark.equation("eq-kept")
def test_kept__is_the_fall_over_the_one_that_the_slope_promises(network, batch, torchs, close):
    losses, flat = torchs
    wanted = (losses[0] - losses[1:]) / (LRS * np.sum(flat[0] ** 2))
    close(along_gradient(network, *batch, LRS).kept(), wanted)


@pytest.mark.equation("eq-predictiveness")
def test_predictiveness__is_the_gradients_change_over_its_norm(network, batch, torchs, close):
    _, flat = torchs
    change = np.linalg.norm(np.array(flat[1:]) - flat[0], axis=1)
    close(along_gradient(network, *batch, LRS).predictiveness(), change / np.linalg.norm(flat[0]))


@pytest.mark.equation("eq-effective-smoothness")
def test_smoothness__is_the_largest_change_of_the_gradient_per_distance(network, batch, torchs):
    _, flat = torchs
    norm = np.linalg.norm(flat[0])
    ratios = [
        np.linalg.norm(g - flat[0]) / (lr * norm) for g, lr in zip(flat[1:], LRS, strict=True)
    ]
    smoothness = along_gradient(network, *batch, LRS).smoothness()
    assert smoothness == pytest.approx(max(ratios), rel=1e-10)
    assert max(ratios) > 1.01 * min(ratios)


def test_network__stays_as_it_is(network, batch):
    before = [value.copy() for value, _ in network.parameters()]
    statistics = network.layers[1].state_dict()
    along_gradient(network.eval(), *batch, LRS)
    for (value, grad), old in zip(network.parameters(), before, strict=True):
        assert np.array_equal(value, old)
        assert grad is None
    for name, old in network.layers[1].state_dict().items():
        assert np.array_equal(statistics[name], old)
    assert not network.training


@pytest.mark.parametrize("lrs", [[], [0.1, 0.0], [-1.0]])
def test_lengths_that_are_not_positive__are_an_error(network, batch, lrs):
    with pytest.raises(ValueError, match="lrs: want positive numbers, got"):
        along_gradient(network, *batch, np.array(lrs))
