"""The layer, step by step beside torch's modules in float64."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch

from bncourse.scratch import BatchNorm

MODULES = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}
MODULES[5] = torch.nn.BatchNorm3d
SETTINGS = [
    {},
    {"momentum": 0.3, "eps": 0.05},
    {"momentum": None},
    {"affine": False, "momentum": 0.7},
    {"track_running_stats": False},
    {"affine": False, "track_running_stats": False, "eps": 0.5},
]


@pytest.fixture
def twins(problem):
    """`twins(shape, **settings)` returns our layer and torch's, in the same state."""

    def make(shape, **settings):
        theirs = MODULES[len(shape)](shape[1], dtype=torch.float64, **settings)
        ours = BatchNorm(shape[1], **settings)
        if ours.affine:
            p = problem(shape)
            ours.gamma[...], ours.beta[...] = p.gamma, p.beta
            theirs.load_state_dict(torch_state(ours))
        return ours, theirs

    return make


def torch_state(layer):
    return {name: torch.from_numpy(array) for name, array in layer.state_dict().items()}


def assert_same_state(ours, theirs, close):
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, array in ours.state_dict().items():
        close(array.astype(np.float64), state[name])


def step(ours, theirs, p, close):
    """Take both forward and backward, and hold everything of the one against the other."""
    x = torch.tensor(p.x, dtype=torch.float64, requires_grad=True)
    y = theirs(x)
    close(ours.forward(p.x), y.detach())
    theirs.zero_grad()
    y.backward(torch.tensor(p.dy))
    dx = ours.backward(p.dy)
    # dx may be zero by theory: its terms are of the size of dy, gamma and inv_std, about 1.
    np.testing.assert_allclose(dx, x.grad, rtol=1e-12, atol=1e-12)
    if ours.affine:
        close(ours.dgamma, theirs.weight.grad)
        close(ours.dbeta, theirs.bias.grad)
    assert_same_state(ours, theirs, close)


@pytest.mark.statement("S1")
@pytest.mark.statement("S9")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(
    "shape", [(5, 3), (2, 3), (4, 3, 2), (2, 1, 3, 2), (2, 3, 2, 1, 2)], ids=str
)
def test_layer__follows_torchs_module_through_training_and_evaluation(
    twins, problem, close, shape, settings
):
    ours, theirs = twins(shape, **settings)
    rng = np.random.default_rng(0)
    for t in range(12):
        # Batches of several sizes, and an evaluation in between.
        p = problem((shape[0] + t % 3, *shape[1:]), mean=float(t), std=1.0 + t / 4, seed=t)
        training = t not in (4, 9)
        ours.train() if training else ours.eval()
        theirs.train(training)
        step(ours, theirs, p, close)
        if ours.affine:
            change = rng.standard_normal((2, shape[1])) / 10
            for ours_one, theirs_one, by in zip(
                (ours.gamma, ours.beta), (theirs.weight, theirs.bias), change, strict=True
            ):
                ours_one += by
                with torch.no_grad():
                    theirs_one += torch.tensor(by)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_empty_batch__is_counted_and_changes_no_statistics_as_in_torch(
    twins, problem, close, momentum
):
    ours, theirs = twins((4, 3), momentum=momentum)
    step(ours, theirs, problem((4, 3)), close)
    step(ours, theirs, problem((0, 3)), close)
    assert ours.num_batches_tracked == 2
    np.testing.assert_array_equal(ours.dgamma, np.zeros(3))
    step(ours, theirs, problem((4, 3), mean=7.0), close)
    ours.eval(), theirs.eval()
    step(ours, theirs, problem((0, 3)), close)
    assert ours.num_batches_tracked == 3


@pytest.mark.statement("S9")
def test_momentum_none__gives_the_cumulative_average(problem, close):
    layer = BatchNorm(3, momentum=None)
    batches = [problem((n, 3), mean=n, seed=n).x for n in (2, 5, 9, 4)]
    for x in batches:
        layer.forward(x)
    close(layer.running_mean, np.mean([x.mean(axis=0) for x in batches], axis=0))
    close(layer.running_var, np.mean([x.var(axis=0, ddof=1) for x in batches], axis=0))


def test_layer__starts_as_torchs(close):
    ours, theirs = BatchNorm(3), torch.nn.BatchNorm1d(3)
    assert_same_state(ours, theirs, close)
    assert (ours.num_features, ours.eps, ours.momentum) == (3, theirs.eps, theirs.momentum)
    assert ours.training
    assert (ours.dgamma, ours.dbeta) == (None, None)


def test_layer__has_torchs_constructor():
    names = ("num_features", "eps", "momentum", "affine", "track_running_stats")
    theirs = inspect.signature(torch.nn.BatchNorm2d).parameters
    ours = inspect.signature(BatchNorm).parameters
    assert tuple(ours) == names
    assert [ours[name].default for name in names] == [theirs[name].default for name in names]


def test_layer_without_affine_or_statistics__has_no_such_arrays():
    layer = BatchNorm(3, affine=False, track_running_stats=False)
    arrays = (layer.gamma, layer.beta, layer.running_mean, layer.running_var)
    assert (*arrays, layer.num_batches_tracked) == (None,) * 5
    assert layer.state_dict() == {}
    assert layer.parameters() == []
    layer.backward(layer.forward(np.eye(3)))
    assert (layer.dgamma, layer.dbeta) == (None, None)
    layer.load_state_dict({})
    assert layer.num_batches_tracked is None


def test_statistics__can_be_frozen_by_the_attribute_as_in_torch(twins, problem, close):
    ours, theirs = twins((4, 3))
    step(ours, theirs, problem((4, 3)), close)
    ours.track_running_stats = theirs.track_running_stats = False
    step(ours, theirs, problem((4, 3), mean=9.0), close)
    assert ours.num_batches_tracked == 1
    ours.eval(), theirs.eval()
    step(ours, theirs, problem((4, 3), seed=5), close)


def test_evaluation__changes_nothing(problem):
    layer = BatchNorm(3)
    layer.forward(problem((4, 3)).x)
    before = layer.state_dict()
    assert layer.eval() is layer
    assert not layer.training
    layer.forward(problem((4, 3), mean=9.0).x)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert layer.train() is layer
    assert layer.training


@pytest.mark.parametrize("training", [True, False])
def test_layer__keeps_the_dtype_of_x_and_its_own_float64(problem, dtype, training):
    p = problem((4, 3, 2), dtype)
    layer = BatchNorm(3)
    layer.train() if training else layer.eval()
    assert layer.forward(p.x).dtype == dtype
    assert layer.backward(p.dy).dtype == dtype
    arrays = (layer.gamma, layer.dgamma, layer.dbeta, layer.running_mean, layer.running_var)
    assert {array.dtype for array in arrays} == {np.dtype(np.float64)}


@pytest.mark.parametrize("training", [True, False])
def test_backward__is_that_of_the_last_forward_whatever_changed_since(problem, training):
    p = problem((4, 3, 2))
    results = []
    for disturbed in (False, True):
        layer = BatchNorm(3)
        layer.gamma[...], layer.running_var[...] = p.gamma, p.running_var
        layer.train() if training else layer.eval()
        x = p.x.copy()
        y = layer.forward(x)
        if disturbed:
            for array in (x, y, layer.gamma, layer.beta, layer.running_mean, layer.running_var):
                array += 1.0
            layer.eps = 7.0
            layer.eval() if training else layer.train()
        results.append((layer.backward(p.dy), layer.dgamma, layer.dbeta))
    for calm, disturbed in zip(*results, strict=True):
        np.testing.assert_array_equal(calm, disturbed)


def test_parameters__are_the_layers_own_arrays_with_their_gradients(problem):
    p = problem((4, 3))
    layer = BatchNorm(3)
    (gamma, dgamma), (beta, dbeta) = layer.parameters()
    assert gamma is layer.gamma
    assert beta is layer.beta
    assert (dgamma, dbeta) == (None, None)
    layer.forward(p.x)
    layer.backward(p.dy)
    (_, dgamma), (_, dbeta) = layer.parameters()
    assert dgamma is layer.dgamma
    assert dbeta is layer.dbeta


def test_gradients__are_those_of_the_last_backward_and_do_not_add_up(problem):
    p = problem((4, 3))
    layer = BatchNorm(3)
    layer.forward(p.x)
    layer.backward(p.dy)
    first = layer.dgamma.copy(), layer.dbeta.copy()
    layer.backward(p.dy)
    np.testing.assert_array_equal((layer.dgamma, layer.dbeta), first)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))],
    ids=["deepcopy", "pickle"],
)
def test_layer__can_be_copied_with_what_it_keeps(problem, duplicate, training):
    p = problem((4, 3))
    layer = BatchNorm(3)
    layer.train() if training else layer.eval()
    layer.forward(p.x)
    dx = layer.backward(p.dy)
    other = duplicate(layer)
    layer.forward(3 * p.x)
    layer.gamma += 1.0
    np.testing.assert_array_equal(other.gamma, np.ones(3))
    np.testing.assert_array_equal(other.backward(p.dy), dx)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_state__restores_another_layer(problem, settings):
    layer, other = BatchNorm(3, **settings), BatchNorm(3, **settings)
    for seed in range(3):
        layer.forward(problem((4, 3), seed=seed).x)
    other.load_state_dict(layer.state_dict())
    x = problem((4, 3), seed=7).x
    np.testing.assert_array_equal(layer.forward(x), other.forward(x))
    np.testing.assert_array_equal(layer.eval().forward(x), other.eval().forward(x))


@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_float16_batches__are_summed_and_kept_wide(training):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4096, 3)).astype(np.float16)
    dy = np.full((4096, 3), 40.0, dtype=np.float16)
    layer = BatchNorm(3)
    layer.training = training
    layer.forward(x)
    assert layer.backward(dy).dtype == np.float16
    assert layer.dbeta.tolist() == [163840.0] * 3
    assert np.isfinite(layer.dgamma).all()


@pytest.mark.parametrize("missing", ["running_mean", "running_var"])
@pytest.mark.parametrize("training", [True, False])
def test_layer_with_one_running_array__is_refused(missing, training):
    layer = BatchNorm(3)
    layer.training = training
    setattr(layer, missing, None)
    with pytest.raises(ValueError, match=f"{missing}: want both running arrays or neither"):
        layer.forward(np.random.default_rng(0).normal(size=(5, 3)))
    assert layer.num_batches_tracked == 0
