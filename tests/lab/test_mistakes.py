import copy

import numpy as np
import pytest

from bncourse.lab.mistakes import DetachedBatchNorm, with_detached_statistics, wrong_gradients
from bncourse.scratch import (
    BatchNorm,
    Linear,
    Sequential,
    batch_norm_backward,
    batch_norm_forward,
)


def gradients(p):
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    return batch_norm_backward(p.dy, cache)[0], wrong_gradients(p.dy, cache)


def test_wrong_gradients__are_wrong_and_differ_from_each_other(problem):
    right, wrong = gradients(problem((5, 3, 2), eps=0.1))
    every = [right, *wrong.values()]
    for i, one in enumerate(every):
        assert one.shape == right.shape
        for other in every[:i]:
            assert np.abs(one - other).max() > 1e-3 * np.abs(right).max()


def test_wrong_gradients__detached_lack_what_they_are_named_for(problem):
    # As torch has them where the statistic is detached from the graph.
    torch = pytest.importorskip("torch")
    p = problem((5, 3), eps=0.1)
    _, wrong = gradients(p)
    for name, detached in (
        ("mean detached", {"mean"}),
        ("variance detached", {"var"}),
        ("statistics detached", {"mean", "var"}),
    ):
        x = torch.tensor(p.x, requires_grad=True)
        mean = x.mean(0)
        mean = mean.detach() if "mean" in detached else mean
        var = ((x - mean) ** 2).mean(0)
        var = var.detach() if "var" in detached else var
        y = torch.tensor(p.gamma) * (x - mean) / torch.sqrt(var + p.eps)
        y.backward(torch.tensor(p.dy))
        np.testing.assert_allclose(wrong[name], x.grad.numpy(), rtol=0, atol=1e-12)


def test_wrong_gradients__are_wrong_as_their_names_say(problem):
    p = problem((5, 3, 2), eps=0.1)
    every, m = {"axis": (0, 2), "keepdims": True}, 10
    gamma, var = p.gamma[:, None], p.x.var(**every)
    s = np.sqrt(var + p.eps)
    x_hat = (p.x - p.x.mean(**every)) / s
    centered = p.dy - p.dy.mean(**every)
    last = x_hat * (p.dy * x_hat).mean(**every)
    wanted = {
        "zero": np.zeros((5, 3, 2)),
        "sign of the last term": gamma / s * (centered + last),
        "gamma forgotten": (centered - last) / s,
        "unbiased variance": gamma / np.sqrt(m / (m - 1) * var + p.eps) * (centered - last),
        "eps outside the root": gamma / (np.sqrt(var) + p.eps) * (centered - last),
    }
    _, wrong = gradients(p)
    for name, dx in wanted.items():
        np.testing.assert_allclose(wrong[name], dx, rtol=0, atol=1e-13, err_msg=name)


def test_wrong_gradients__want_a_gradient_that_fits(problem):
    p = problem((5, 3, 2))
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    # As many rows, and as many channels.
    with pytest.raises(ValueError, match=r"dy: want shape \(5, 3, 2\), got \(10, 3\)"):
        wrong_gradients(p.dy.reshape(10, 3), cache)
    with pytest.raises(TypeError, match="dy: want a floating dtype, got int64"):
        wrong_gradients(np.ones((5, 3, 2), dtype=np.int64), cache)


def filled(layer, p):
    """Return a layer of 3 channels after it was given the problem's numbers."""
    if layer.affine:
        layer.gamma[...], layer.beta[...] = p.gamma, p.beta
    if layer.track_running_stats:
        layer.running_mean[...], layer.running_var[...] = p.running_mean, p.running_var
        layer.num_batches_tracked = 7
    return layer


def test_detached_layer__goes_forward_as_batch_norm_and_backward_without_the_statistics(problem):
    p = problem((5, 3, 2))
    ours, right = DetachedBatchNorm(3), BatchNorm(3)
    for layer in (ours, right):
        layer.gamma[...], layer.beta[...] = p.gamma, p.beta
    np.testing.assert_array_equal(ours.forward(p.x), right.forward(p.x))
    np.testing.assert_array_equal(ours.running_var, right.running_var)
    dx = ours.backward(p.dy)
    s = np.sqrt(p.x.var(axis=(0, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(dx, p.gamma[:, None] / s * p.dy, rtol=1e-12)
    right.backward(p.dy)
    np.testing.assert_allclose(ours.dgamma, right.dgamma, rtol=1e-12)
    np.testing.assert_allclose(ours.dbeta, right.dbeta, rtol=1e-12)


def test_detached_layer__is_batch_norm_where_running_statistics_normalize(problem):
    p = problem((5, 3, 2))
    ours, right = (filled(kind(3), p).eval() for kind in (DetachedBatchNorm, BatchNorm))
    # What the batch before would have left.
    ours.train().forward(p.x + 1)
    filled(ours, p).eval()
    np.testing.assert_array_equal(ours.forward(p.x), right.forward(p.x))
    dx = ours.backward(p.dy)
    s = np.sqrt(p.running_var + 1e-5)
    np.testing.assert_allclose(dx, (p.gamma / s)[:, None] * p.dy, rtol=1e-12)
    np.testing.assert_array_equal(dx, right.backward(p.dy))
    np.testing.assert_array_equal(ours.dgamma, right.dgamma)
    np.testing.assert_array_equal(ours.dbeta, right.dbeta)


def test_detached_layer__detaches_the_batchs_statistics_in_evaluation_too(problem):
    p = problem((5, 3, 2))
    layer = filled(DetachedBatchNorm(3, track_running_stats=False), p).eval()
    layer.forward(p.x)
    s = np.sqrt(p.x.var(axis=(0, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(layer.backward(p.dy), p.gamma[:, None] / s * p.dy, rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (4, 3, 0)])
def test_detached_layer__treats_an_empty_batch_as_batch_norm_does(problem, shape):
    ours, right = (filled(kind(3), problem((5, 3))) for kind in (DetachedBatchNorm, BatchNorm))
    for layer in ours, right:
        assert layer.forward(np.zeros(shape)).shape == shape
        assert layer.backward(np.zeros(shape)).shape == shape
    np.testing.assert_array_equal(ours.dgamma, right.dgamma)
    np.testing.assert_array_equal(ours.dgamma, np.zeros(3))
    for name, value in right.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name], value)
    for layer in ours, right:
        with pytest.raises(ValueError, match="dy: want shape"):
            layer.backward(np.zeros((1, *shape)))


def test_detached_layer__takes_infinities_without_a_warning():
    x = np.array([[np.inf], [1.0], [2.0]])
    layer = DetachedBatchNorm(1)
    np.testing.assert_array_equal(layer.forward(x), BatchNorm(1).forward(x))


SETTINGS = [
    {},
    {"eps": 0.5, "momentum": None},
    {"momentum": 0.3, "affine": False},
    {"track_running_stats": False},
]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_with_detached_statistics__replaces_batch_norm_alone(problem, settings, mode):
    linear, old = Linear(2, 3), filled(BatchNorm(3, **settings), problem((5, 3)))
    before = getattr(Sequential(linear, old), mode)()
    state = old.state_dict()
    network = with_detached_statistics(before)
    assert network.layers[0] is linear
    new = network.layers[1]
    assert isinstance(new, DetachedBatchNorm)
    for name in ("num_features", "eps", "momentum", "affine", "track_running_stats", "training"):
        assert getattr(new, name) == getattr(old, name), name
    assert network.training == before.training == (mode == "train")
    assert new.state_dict().keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(new.state_dict()[name], value)
    np.testing.assert_array_equal(
        new.eval().forward(np.eye(3)), copy.deepcopy(old).eval().forward(np.eye(3))
    )


def test_with_detached_statistics__copies_what_it_replaces(problem):
    p = problem((5, 3))
    old = filled(BatchNorm(3), p)
    state = old.state_dict()
    new = with_detached_statistics(Sequential(old)).layers[0]
    for value in new.gamma, new.beta, new.running_mean, new.running_var:
        value += 1.0
    for name, value in state.items():
        np.testing.assert_array_equal(old.state_dict()[name], value)


def test_with_detached_statistics__keeps_the_mode_of_each_layer():
    frozen = BatchNorm(3).eval()
    network = with_detached_statistics(Sequential(frozen, BatchNorm(3)))
    assert [layer.training for layer in network.layers] == [False, True]
    assert network.training


def test_detached_layer__lets_infinities_pass_backward_without_a_warning():
    layer = DetachedBatchNorm(1)
    layer.forward(np.array([[1.0], [2.0], [6.0]]))
    dx = layer.backward(np.array([[np.inf], [0.0], [np.inf]]))
    assert np.isinf(dx[[0, 2]]).all()
    assert np.isnan(layer.dgamma).all()
