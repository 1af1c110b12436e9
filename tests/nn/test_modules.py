"""The layers beside torch's: construction, state, modes, and conversion there and back."""

import copy
import inspect
import io
import pickle

import pytest
import torch
from torch import nn

import bncourse.nn

PAIRS = [(getattr(bncourse.nn, name), getattr(nn, name)) for name in
         ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")]  # fmt: skip
SHAPES = {nn.BatchNorm1d: [(5, 3), (4, 3, 2)], nn.BatchNorm2d: [(3, 3, 2, 2)],
          nn.BatchNorm3d: [(3, 3, 2, 1, 2)]}  # fmt: skip
SETTINGS = [
    {},
    {"momentum": 0.3, "eps": 0.05},
    {"momentum": None},
    {"affine": False, "momentum": 0.7},
    {"bias": False},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False, "eps": 0.5},
    {"affine": False, "momentum": None},
]
CASES = [(*pair, shape) for pair in PAIRS for shape in SHAPES[pair[1]]]


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0].__name__)
def pair(request):
    """Our class and torch's."""
    return request.param


def assert_same_state(ours, theirs):
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, tensor in ours.state_dict().items():
        assert tensor.dtype == state[name].dtype
        torch.testing.assert_close(tensor, state[name], rtol=1e-12, atol=1e-12)


def twins(ours, theirs, channels=3, **settings):
    """Return our layer and torch's, in the same state, with no parameter 0 or 1."""
    theirs = theirs(channels, dtype=torch.float64, **settings)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.linspace(-2, 1.5, channels))
    ours = ours(channels, dtype=torch.float64, **settings)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def step(ours, theirs, x):
    """Take both forward and backward, and hold everything of the one against the other."""
    results = []
    for layer in (ours, theirs):
        leaf = x.clone().requires_grad_()
        y = layer(leaf)
        layer.zero_grad()
        y.backward(x.sin())
        gradients = [parameter.grad for parameter in layer.parameters()]
        results.append((y.detach(), leaf.grad, *gradients))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)
    assert_same_state(ours, theirs)


def batch(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return (1 + seed / 3) * torch.randn(shape, generator=generator, dtype=torch.float64) + seed


def test_constructors__have_torchs_signatures(pair):
    ours, theirs = pair
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert issubclass(ours, theirs)


def test_layers__look_like_torchs_with_our_name_before(pair):
    ours, theirs = pair
    for settings in SETTINGS:
        assert repr(ours(3, **settings)) == f"bncourse.nn.{theirs(3, **settings)!r}"
    own = type("Own", (ours,), {})
    assert repr(own(3)) == repr(theirs(3)).replace(theirs.__name__, "Own")


def test_layers__start_as_torchs(pair):
    for settings in SETTINGS:
        ours, theirs = (kind(3, dtype=torch.float64, **settings) for kind in pair)
        assert_same_state(ours, theirs)
        assert ours.training
        for name in ("num_features", "eps", "momentum", "affine", "track_running_stats"):
            assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(("ours", "theirs", "shape"), CASES)
def test_layers__follow_torchs_through_training_and_evaluation(
    engine, ours, theirs, shape, settings
):
    ours, theirs = twins(ours, theirs, **settings)
    for t in range(6):
        for layer in (ours, theirs):
            layer.train(t not in (0, 3))  # evaluation first, before any training
        step(ours, theirs, batch((shape[0] + t % 3, *shape[1:]), t))


@pytest.mark.parametrize("training", [True, False])
def test_wrong_number_of_axes__is_refused_with_torchs_words(pair, training):
    for axes in range(7):
        outcomes = []
        for kind in pair:
            layer = kind(3).train(training)
            try:
                layer(torch.ones((3,) * axes))
                outcomes.append("taken")
            except ValueError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_what_is_refused__is_counted_as_in_torch(engine, pair, momentum):
    ours, theirs = twins(*pair, momentum=momentum)
    shape = SHAPES[pair[1]][0]
    for wrong in ((1, 3, *[1] * (len(shape) - 2)), (4, 2, *shape[2:])):
        messages = []
        for layer in (ours, theirs):
            with pytest.raises((ValueError, RuntimeError)) as error:
                layer(torch.ones(wrong, dtype=torch.float64))
            messages.append((error.type, str(error.value)))
        assert messages[0] == messages[1]
        assert_same_state(ours, theirs)


def test_empty_batch__is_counted_and_changes_no_statistics(engine, pair):
    ours, theirs = twins(*pair)
    shape = SHAPES[pair[1]][0]
    step(ours, theirs, batch(shape, 1))
    mean = ours.running_mean.clone()
    step(ours, theirs, batch((0, *shape[1:]), 2))
    assert ours.num_batches_tracked == 2
    assert torch.equal(ours.running_mean, mean)


def test_momentum_none__gives_the_cumulative_average(engine):
    layer = bncourse.nn.BatchNorm1d(3, momentum=None, dtype=torch.float64)
    batches = [batch((n, 3), n) for n in (2, 5, 9, 4)]
    for x in batches:
        layer(x)
    means = torch.stack([x.mean(0) for x in batches])
    variances = torch.stack([x.var(0, correction=1) for x in batches])
    torch.testing.assert_close(layer.running_mean, means.mean(0))
    torch.testing.assert_close(layer.running_var, variances.mean(0))


def test_statistics__are_frozen_by_the_attribute_as_in_torch(engine, pair):
    ours, theirs = twins(*pair)
    shape = SHAPES[pair[1]][0]
    step(ours, theirs, batch(shape, 1))
    ours.track_running_stats = theirs.track_running_stats = False
    step(ours, theirs, batch(shape, 2))
    assert ours.num_batches_tracked == 1
    ours.eval(), theirs.eval()
    step(ours, theirs, batch(shape, 3))


def test_statistics_taken_away__are_done_without_as_in_torch(engine, pair):
    ours, theirs = twins(*pair)
    for layer in (ours, theirs):
        layer.running_mean = layer.running_var = layer.num_batches_tracked = None
    for training in (True, False):
        ours.train(training), theirs.train(training)
        step(ours, theirs, batch(SHAPES[pair[1]][0], 3))


def test_frozen_weight__gets_no_gradient(engine, pair):
    ours, theirs = twins(*pair)
    ours.weight.requires_grad_(False), theirs.weight.requires_grad_(False)
    step(ours, theirs, batch(SHAPES[pair[1]][0], 2))
    assert ours.weight.grad is None


def test_state__is_loaded_from_torch_and_by_torch(engine, pair):
    shape = SHAPES[pair[1]][0]
    for source, target in (pair, pair[::-1]):
        layer = source(3, dtype=torch.float64)
        layer(batch(shape, 2))
        other = target(3, dtype=torch.float64)
        assert str(other.load_state_dict(layer.state_dict())) == "<All keys matched successfully>"
        assert_same_state(layer, other)


def test_state_of_version_one__lacks_the_count_and_loads(pair):
    for kind in pair:
        state = kind(3).state_dict()
        del state["num_batches_tracked"]
        layer = kind(3)
        with pytest.raises(RuntimeError, match="Missing key"):
            layer.load_state_dict(state)
        state._metadata[""]["version"] = 1
        layer.load_state_dict(state)
        assert layer.num_batches_tracked == 0
        assert kind(3).state_dict()._metadata[""]["version"] == 2


DUPLICATES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
    "save and load": lambda layer: saved_and_loaded(layer),
}


def saved_and_loaded(layer):
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=list(DUPLICATES))
def test_layers__can_be_duplicated(pair, duplicate):
    layer, theirs = twins(*pair)
    layer(batch(SHAPES[pair[1]][0], 1))
    other = duplicate(layer)
    assert type(other) is pair[0]
    assert_same_state(other, layer)
    assert other.weight is not layer.weight
    theirs.load_state_dict(other.state_dict())
    step(other, theirs, batch(SHAPES[pair[1]][0], 2))


@pytest.mark.parametrize("change", [
    lambda layer: layer.half(), lambda layer: layer.double(), lambda layer: layer.bfloat16(),
    lambda layer: layer.to(torch.float64), lambda layer: layer.to("meta"),
    lambda layer: layer.to_empty(device="cpu"), lambda layer: layer.requires_grad_(False),
])  # fmt: skip
def test_layers_moved_to_another_dtype_or_device__are_as_torchs(pair, change):
    descriptions = []
    for kind in pair:
        layer = change(kind(3))
        y = layer(
            torch.ones(SHAPES[pair[1]][0], dtype=layer.weight.dtype, device=layer.weight.device)
        )
        state = layer.state_dict(keep_vars=True)
        described = {k: (t.dtype, t.device, t.requires_grad) for k, t in state.items()}
        descriptions.append((described, y.dtype, y.device, y.shape, y.requires_grad))
    assert descriptions[0] == descriptions[1]
    assert descriptions[0][0]["num_batches_tracked"][0] == torch.int64


def test_parameters_shared_by_two_layers__collect_both_gradients(engine):
    results = []
    for kind in PAIRS[0]:
        first, second = (kind(3, dtype=torch.float64) for _ in range(2))
        second.weight, second.bias = first.weight, first.bias
        second(first(batch((5, 3), 2)).relu()).backward(batch((5, 3), 3))
        results.append((first.weight.grad, first.bias.grad))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)
