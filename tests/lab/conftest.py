import numpy as np
import pytest
import torch

from bncourse.scratch import BatchNorm, Flatten, Linear, Sigmoid


@pytest.fixture
def to_torch():
    """Return a function that makes torch's network of the same layers and numbers."""

    def twin(network):
        return torch.nn.Sequential(*map(_twin, network.layers)).double().train(network.training)

    return twin


def _twin(layer):
    if isinstance(layer, Flatten):
        return torch.nn.Flatten()
    if isinstance(layer, Sigmoid):
        return torch.nn.Sigmoid()
    if isinstance(layer, Linear):
        made = torch.nn.Linear(*layer.weight.shape[::-1])
        state = {"weight": layer.weight, "bias": layer.bias}
    else:
        assert isinstance(layer, BatchNorm)
        made = torch.nn.BatchNorm1d(layer.num_features, eps=layer.eps)
        state = layer.state_dict()
    made = made.double()
    made.load_state_dict({name: torch.tensor(np.asarray(value)) for name, value in state.items()})
    return made
