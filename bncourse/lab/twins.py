"""The networks of the course as PyTorch builds them: same numbers, another backward pass."""

from collections.abc import Iterator

import numpy as np

from bncourse._extras import need
from bncourse.lab.training import batches
from bncourse.scratch import BatchNorm, Flatten, Floats, Layer, Linear, ReLU, Sequential, Sigmoid

with need("torch"):
    import torch

_WITHOUT_NUMBERS: dict[type[Layer], type[torch.nn.Module]] = {
    Flatten: torch.nn.Flatten,
    ReLU: torch.nn.ReLU,
    Sigmoid: torch.nn.Sigmoid,
}


def torch_twin(network: Sequential) -> torch.nn.Sequential:
    """Return a network of PyTorch's own layers in float64, with copies of the same parameters.

    Parameters
    ----------
    network : Sequential
        Of Flatten, Linear, BatchNorm, Sigmoid and ReLU.

    Returns
    -------
    torch.nn.Sequential
        In the network's mode, each layer in its own; the gradients are autograd's.

    Raises
    ------
    TypeError
        If a layer is of another kind; a subclass is one, since it may compute something else.

    Examples
    --------
    >>> torch_twin(Sequential(Linear(2, 3), Sigmoid()))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Sigmoid()
    )
    """
    twin = torch.nn.Sequential(*(_twin(layer).train(layer.training) for layer in network.layers))
    twin.training = network.training
    return twin


def _twin(layer: Layer) -> torch.nn.Module:
    """Return one layer's twin, in training mode."""
    if type(layer) is Linear:
        linear = torch.nn.Linear(
            layer.weight.shape[1], layer.weight.shape[0], layer.bias is not None
        ).double()
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(layer.weight))
            if layer.bias is not None:
                linear.bias.copy_(torch.tensor(layer.bias))
        return linear
    if type(layer) is BatchNorm:
        norm = torch.nn.BatchNorm1d(
            layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
        ).double()
        norm.load_state_dict({name: torch.tensor(a) for name, a in layer.state_dict().items()})
        return norm
    if type(layer) in _WITHOUT_NUMBERS:
        return _WITHOUT_NUMBERS[type(layer)]()
    raise TypeError(f"network: want layers that torch_twin knows, got {type(layer).__name__}")


def train_twin(
    network: torch.nn.Module,
    images: Floats,
    labels: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    lr: float,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Train as `bncourse.lab.training.train` does, on the same batches, by PyTorch alone.

    Parameters
    ----------
    network : torch.nn.Module
        In float64; changed in place.
    images, labels : arrays
        The training set, of length N.
    steps, batch_size, lr
        As those of `bncourse.lab.training.train`.
    rng : numpy Generator
        In the same state as the one given to train, it makes the same batches.

    Yields
    ------
    float
        The loss of the step's batch, before the step.

    Examples
    --------
    >>> network = torch.nn.Linear(2, 2).double()
    >>> options = {"steps": 20, "batch_size": 2, "lr": 1.0, "rng": np.random.default_rng(0)}
    >>> losses = list(train_twin(network, np.eye(2), np.array([0, 1]), **options))
    >>> losses[-1] < losses[0]
    True
    """
    x, target = torch.tensor(images, dtype=torch.float64), torch.tensor(labels)
    sgd = torch.optim.SGD(network.parameters(), lr)
    for rows in batches(len(images), batch_size, steps, rng):
        loss = torch.nn.functional.cross_entropy(network.train()(x[rows]), target[rows])
        sgd.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        sgd.step()
        yield loss.item()
