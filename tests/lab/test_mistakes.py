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


def test_with_detached_statistics__replaces_batch_norm_alone():
    linear = Linear(2, 3)
    network = with_detached_statistics(Sequential(linear, BatchNorm(3, eps=0.5, momentum=None)))
    assert network.layers[0] is linear
    norm = network.layers[1]
    assert isinstance(norm, DetachedBatchNorm)
    assert (norm.num_features, norm.eps, norm.momentum) == (3, 0.5, None)
