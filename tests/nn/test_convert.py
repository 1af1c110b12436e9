"""Networks whose layers are exchanged, and trained beside torch's own."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from bncourse.nn import BatchNorm1d, BatchNorm2d, BatchNorm3d, convert, revert


class Block(nn.Module):
    """A residual block: convolutions and batch norms beside a shortcut."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(True),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out),
        )  # fmt: skip
        self.shortcut = nn.Sequential(
            nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
        )

    def forward(self, x):
        return torch.relu(self.path(x) + self.shortcut(x))


def resnet(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True),
        Block(6, 6, 1), Block(6, 10, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(10, 8), nn.BatchNorm1d(8, momentum=None), nn.ReLU(), nn.Linear(8, 4),
    ).to(dtype)  # fmt: skip


def train(network, steps=10, memory_format=torch.contiguous_format):
    """Return the losses of some steps on the same batches each time."""
    generator = torch.Generator().manual_seed(1)
    dtype = next(network.parameters()).dtype
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)
    losses = []
    for _ in range(steps):
        x = torch.randn(8, 3, 10, 10, generator=generator, dtype=torch.float64).to(dtype)
        labels = torch.randint(4, (8,), generator=generator)
        loss = nn.functional.cross_entropy(network(x.to(memory_format=memory_format)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def batch_norms(network):
    return [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_resnet__trains_as_torchs_own_and_comes_back(engine, memory_format):
    theirs, ours = resnet(), convert(resnet())
    layers = batch_norms(ours)
    assert len(layers) == 8
    assert all(type(layer).__module__.startswith("bncourse") for layer in layers)
    expected = train(theirs, memory_format=memory_format)
    losses = train(ours, memory_format=memory_format)
    assert losses[-1] < losses[0]
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(expected), rtol=1e-9, atol=0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-8, atol=1e-10)

    assert revert(ours) is ours
    assert [type(a) for a in ours.modules()] == [type(a) for a in theirs.modules()]
    x = torch.randn(4, 3, 10, 10, dtype=torch.float64)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-8, atol=1e-9)


def test_resnet_in_float32__stays_within_rounding_of_float64(engine):
    exact = train(resnet())
    losses = train(convert(resnet()).float())
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(exact), rtol=2e-4, atol=1e-5)


def test_converted_resnet__can_be_copied_and_loads_torchs_state():
    theirs = resnet()
    train(theirs, 2)
    ours = copy.deepcopy(convert(resnet()))
    assert all(type(layer).__module__.startswith("bncourse") for layer in batch_norms(ours))
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(train(ours, 2), train(theirs, 2), rtol=1e-9, atol=0)


def test_conversion__keeps_every_object():
    network = resnet().eval()
    network[1].weight.requires_grad_(False)
    network[1].note = "kept"
    before = (
        list(network.modules()),
        list(network.named_parameters()),
        list(network.named_buffers()),
    )
    for exchange in (convert, revert):
        assert exchange(network) is network
        after = (
            list(network.modules()),
            list(network.named_parameters()),
            list(network.named_buffers()),
        )
        for kind_before, kind_after in zip(before, after, strict=True):
            for one, other in zip(kind_before, kind_after, strict=True):
                assert one is other or (one[0] == other[0] and one[1] is other[1])
        assert not network[1].training
        assert not network[1].weight.requires_grad
        assert network[1].note == "kept"


def test_conversion__keeps_hooks():
    network = nn.Sequential(nn.BatchNorm1d(3))
    called = []
    layer = network[0]
    layer.register_forward_hook(lambda *_: called.append("forward"))
    layer.register_forward_pre_hook(lambda *_: called.append("before"))
    layer.register_full_backward_hook(lambda *_: called.append("backward"))
    layer.register_state_dict_pre_hook(lambda *_: called.append("state"))
    x = torch.eye(3).requires_grad_()
    for exchange in (convert, revert):
        called.clear()
        exchange(network)(x).sum().backward()
        network.state_dict()
        assert called == ["before", "forward", "backward", "state"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(nn.BatchNorm1d, BatchNorm1d), (nn.BatchNorm2d, BatchNorm2d), (nn.BatchNorm3d, BatchNorm3d)],
)
def test_conversion__takes_a_layer_alone_and_twice(theirs, ours):
    layer = theirs(3)
    for _ in range(2):
        assert convert(layer) is layer
        assert type(layer) is ours
    for _ in range(2):
        assert revert(layer) is layer
        assert type(layer) is theirs


class MyBatchNorm(nn.BatchNorm2d):
    pass


class MyOwn(BatchNorm2d):
    pass


@pytest.mark.parametrize(
    "layer",
    [
        nn.SyncBatchNorm(3), nn.LazyBatchNorm1d(), nn.LazyBatchNorm2d(), nn.LazyBatchNorm3d(),
        nn.InstanceNorm1d(3), nn.InstanceNorm2d(3), nn.InstanceNorm3d(3), nn.GroupNorm(1, 3),
        nn.LayerNorm(3), MyBatchNorm(3), MyOwn(3), nn.Linear(3, 3), nn.Identity(),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_conversion__leaves_other_layers_alone(layer):
    kind = type(layer)
    for exchange in (convert, revert):
        assert exchange(nn.Sequential(layer))[0] is layer
        assert type(layer) is kind


def test_lazy_layer__is_converted_once_it_has_become_torchs():
    network = nn.Sequential(nn.LazyBatchNorm1d())
    convert(network)
    network(torch.eye(3))
    assert type(network[0]) is nn.BatchNorm1d
    assert type(convert(network)[0]) is BatchNorm1d


def test_layer_in_two_places__stays_one():
    layer = nn.BatchNorm1d(3)
    network = convert(nn.ModuleDict({"a": layer, "b": nn.Sequential(layer)}))
    assert network["a"] is network["b"][0]
    assert type(layer) is BatchNorm1d


def test_parametrized_layer__is_left_alone_and_works():
    layer = nn.BatchNorm1d(3)
    parametrize.register_parametrization(layer, "weight", nn.Softplus())
    kind = type(layer)
    assert type(convert(layer)) is kind
    ours = parametrize.register_parametrization(BatchNorm1d(3), "weight", nn.Softplus())
    x = torch.eye(3)
    torch.testing.assert_close(ours(x), layer(x))


def test_sync_batch_norm__takes_converted_layers_for_torchs():
    network = nn.SyncBatchNorm.convert_sync_batchnorm(convert(nn.Sequential(nn.BatchNorm2d(3))))
    assert type(network[0]) is nn.SyncBatchNorm


# torch deprecates scripts and tracing.
@pytest.mark.filterwarnings("ignore:`torch.jit.*is deprecated")
def test_conversion__passes_by_traced_and_compiled_networks():
    traced = torch.jit.trace(nn.Linear(3, 3), torch.eye(3))
    network = convert(nn.Sequential(traced, nn.BatchNorm1d(3)))
    assert network[0] is traced
    assert type(network[1]) is BatchNorm1d
    compiled = torch.compile(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    kind, inner = type(compiled), compiled._orig_mod
    convert(compiled)
    assert (type(compiled), compiled._orig_mod) == (kind, inner)
    assert (type(inner), type(inner[1])) == (nn.Sequential, BatchNorm1d)
