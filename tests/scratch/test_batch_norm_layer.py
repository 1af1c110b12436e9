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


def test_state__goes_to_torchs_float32_module_and_back(twins, problem, close):
    ours, _ = twins((4, 3))
    ours.forward(problem((4, 3)).x)
    theirs = torch.nn.BatchNorm1d(3)
    theirs.load_state_dict(torch_state(ours))
    for name, tensor in theirs.state_dict().items():
        close(ours.state_dict()[name].astype(np.float64), tensor, 1e-7)
    assert theirs.num_batches_tracked == 1

    x = problem((4, 3), np.float32, mean=5.0).x
    theirs(torch.tensor(x))
    back = BatchNorm(3)
    # torch's tensors are taken as they are, and so are arrays in their place.
    numpy_state = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    for state in (theirs.state_dict(), numpy_state):
        back.load_state_dict(state)
        assert back.num_batches_tracked == 2
        assert isinstance(back.num_batches_tracked, int)
        assert back.running_var.dtype == np.float64
        np.testing.assert_array_equal(back.gamma, theirs.weight.detach())
        np.testing.assert_array_equal(back.beta, theirs.bias.detach())
        np.testing.assert_array_equal(back.running_mean, theirs.running_mean)
        np.testing.assert_array_equal(back.running_var, theirs.running_var)
    theirs.eval()
    with torch.no_grad():
        close(back.eval().forward(x).astype(np.float64), theirs(torch.tensor(x)), 1e-6)


def test_state_dict__is_a_copy_in_both_directions(problem):
    layer = BatchNorm(3)
    state = layer.state_dict()
    layer.forward(problem((4, 3)).x)
    layer.gamma += 1
    np.testing.assert_array_equal(state["running_mean"], np.zeros(3))
    np.testing.assert_array_equal(state["weight"], np.ones(3))
    assert state["num_batches_tracked"] == 0
    assert isinstance(state["num_batches_tracked"], np.ndarray)

    own = layer.gamma
    layer.load_state_dict(state)
    assert layer.gamma is own
    for array in state.values():
        array += 5
    np.testing.assert_array_equal(layer.running_mean, np.zeros(3))
    np.testing.assert_array_equal(layer.gamma, np.ones(3))
    assert layer.num_batches_tracked == 0


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_state__restores_another_layer(problem, settings):
    layer, other = BatchNorm(3, **settings), BatchNorm(3, **settings)
    for seed in range(3):
        layer.forward(problem((4, 3), seed=seed).x)
    other.load_state_dict(layer.state_dict())
    x = problem((4, 3), seed=7).x
    np.testing.assert_array_equal(layer.forward(x), other.forward(x))
    np.testing.assert_array_equal(layer.eval().forward(x), other.eval().forward(x))


BAD_STATES = {
    "weight's shape": (
        {"weight": np.ones(2)},
        ValueError,
        r"weight: want shape \(3,\), got \(2,\)",
    ),
    "bias's shape": ({"bias": np.ones((3, 1))}, ValueError, r"bias: want shape \(3,\)"),
    "running_mean's shape": ({"running_mean": np.ones(1)}, ValueError, "running_mean: want shape"),
    "running_var's shape": ({"running_var": np.ones(())}, ValueError, "running_var: want shape"),
    "a dtype": ({"running_var": np.ones(3, int)}, TypeError, "running_var: want a floating dtype"),
    "unknown name": ({"gamma": np.ones(3)}, ValueError, r"state: want the names .*, got .*gamma"),
    "negative count": (
        {"num_batches_tracked": np.array(-1)},
        ValueError,
        r"want a count, got .*-1",
    ),
    "count of an axis": ({"num_batches_tracked": np.ones(1, int)}, ValueError, "want a count"),
    "count with a fraction": ({"num_batches_tracked": np.array(2.5)}, ValueError, "want a count"),
}


@pytest.mark.parametrize(("wrong", "error", "match"), BAD_STATES.values(), ids=BAD_STATES)
def test_bad_state__gets_a_clear_error_and_changes_nothing(problem, wrong, error, match):
    layer = BatchNorm(3)
    layer.forward(problem((4, 3)).x)
    before = layer.state_dict()
    good = {name: array + 1 for name, array in before.items()}
    with pytest.raises(error, match=match):
        layer.load_state_dict(good | wrong)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("name", ["weight", "bias", "running_var", "num_batches_tracked"])
def test_state_that_lacks_a_name__gets_a_clear_error(name):
    layer = BatchNorm(3)
    state = layer.state_dict()
    del state[name]
    with pytest.raises(ValueError, match="state: want the names"):
        layer.load_state_dict(state)
    with pytest.raises(ValueError, match="state: want the names"):
        BatchNorm(3, affine=False, track_running_stats=False).load_state_dict(state)


BAD_BATCHES = {
    "channels": (np.ones((4, 2)), ValueError, r"x: want shape \(N, 3, \.\.\.\), got \(4, 2\)"),
    "one axis": (np.ones(3), ValueError, r"x: want at least two axes .*, got shape \(3,\)"),
    "empty, one axis": (np.ones(0), ValueError, r"x: want at least two axes .*, got shape \(0,\)"),
    "one value": (np.ones((1, 3)), ValueError, "want more than 1 value per channel"),
    "integers": (np.ones((4, 3), int), TypeError, "x: want a floating dtype, got int64"),
}


@pytest.mark.parametrize(("x", "error", "match"), BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_bad_batch__gets_a_clear_error_and_changes_nothing(problem, x, error, match):
    p = problem((4, 3))
    layer = BatchNorm(3, momentum=None)
    layer.forward(p.x)
    before, dx = layer.state_dict(), layer.backward(p.dy)
    with pytest.raises(error, match=match):
        layer.forward(x)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(layer.backward(p.dy), dx)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["gamma", "beta", "running_mean", "running_var"])
def test_array_of_another_shape__gets_a_clear_error_and_changes_nothing(problem, name, training):
    p = problem((4, 3))
    layer = BatchNorm(3)
    layer.forward(p.x)
    dx = layer.backward(p.dy)
    layer.train() if training else layer.eval()
    setattr(layer, name, np.ones(1))
    before = layer.state_dict()
    with pytest.raises(ValueError, match=r"want shape \(3,\), got \(1,\)"):
        layer.forward(p.x + 1.0)
    for key, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    np.testing.assert_array_equal(layer.backward(p.dy), dx)


@pytest.mark.parametrize(
    ("training", "eps", "match"), [(True, 0.0, "a positive"), (False, -1.0, "zero or a positive")]
)
def test_bad_eps__gets_a_clear_error_and_changes_nothing(problem, training, eps, match):
    p = problem((4, 3))
    layer = BatchNorm(3)
    layer.forward(p.x)
    layer.eps = eps
    dx, before = layer.backward(p.dy), layer.state_dict()
    layer.train() if training else layer.eval()
    with pytest.raises(ValueError, match=f"eps: want {match}"):
        layer.forward(p.x + 1.0)
    np.testing.assert_array_equal(layer.backward(p.dy), dx)
    assert layer.state_dict().keys() == before.keys()
    np.testing.assert_array_equal(layer.running_mean, before["running_mean"])


def test_one_value_a_channel__is_enough_in_evaluation_with_statistics_only():
    x = np.ones((1, 3))
    assert BatchNorm(3).eval().forward(x).shape == (1, 3)
    with pytest.raises(ValueError, match="want more than 1 value per channel"):
        BatchNorm(3, track_running_stats=False).eval().forward(x)


@pytest.mark.parametrize("training", [True, False])
def test_bad_dy__gets_a_clear_error_and_changes_nothing(problem, training):
    p = problem((4, 3))
    layer = BatchNorm(3)
    with pytest.raises(RuntimeError, match="backward: want a call of forward before it"):
        layer.backward(p.dy)
    layer.train() if training else layer.eval()
    layer.forward(p.x)
    layer.backward(p.dy)
    before = layer.dgamma.copy(), layer.dbeta.copy()
    with pytest.raises(ValueError, match=r"dy: want shape \(4, 3\), got \(3, 4\)"):
        layer.backward(p.dy.T)
    with pytest.raises(ValueError, match=r"dy: want shape \(4, 3\), got \(1, 3\)"):
        layer.backward(p.dy[:1])
    with pytest.raises(TypeError, match="dy: want a floating dtype, got int64"):
        layer.backward(np.ones((4, 3), int))
    np.testing.assert_array_equal((layer.dgamma, layer.dbeta), before)


@pytest.mark.parametrize("num_features", [0, -1])
def test_layer__wants_a_channel(num_features):
    with pytest.raises(ValueError, match=f"num_features: want at least 1, got {num_features}"):
        BatchNorm(num_features)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=str
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
