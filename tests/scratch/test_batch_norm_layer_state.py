"""The layer's state, out and in, and what it refuses without a change to its state."""

import numpy as np
import pytest
import torch

from bncourse.scratch import BatchNorm


def test_state__goes_to_torchs_float32_module_and_back(problem, close):
    p = problem((4, 3))
    ours = BatchNorm(3)
    ours.gamma[...], ours.beta[...] = p.gamma, p.beta
    ours.forward(p.x)
    theirs = torch.nn.BatchNorm1d(3)
    state = ours.state_dict()
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    for name, tensor in theirs.state_dict().items():
        close(ours.state_dict()[name].astype(np.float32), tensor)
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
        close(back.eval().forward(x), theirs(torch.tensor(x)))


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


def test_state__may_be_made_of_the_layers_own_arrays():
    layer = BatchNorm(3)
    exchanged = layer.state_dict() | {"weight": layer.beta, "bias": layer.gamma}
    layer.load_state_dict(exchanged)
    np.testing.assert_array_equal(layer.gamma, np.zeros(3))
    np.testing.assert_array_equal(layer.beta, np.ones(3))


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
