"""The loss, the optimizer, and whole networks trained beside torch's."""

import numpy as np
import pytest
import torch

from bncourse.scratch import (
    SGD,
    BatchNorm,
    Conv2d,
    Flatten,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
)


@pytest.fixture
def logits():
    return 3 * np.random.default_rng(0).standard_normal((7, 4))


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 4, 7)


def torch_loss(logits, labels):
    logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()
    return loss.item(), logits.grad


def test_loss__agrees_with_torch(logits, labels, close):
    loss = SoftmaxCrossEntropy()
    value, grad = torch_loss(logits, labels)
    got = loss.forward(logits, labels)
    assert isinstance(got, float)
    assert got == pytest.approx(value, rel=1e-14)
    close(loss.backward(), grad)


def test_loss__is_right_for_logits_that_exp_cannot_take(labels, close):
    logits = np.random.default_rng(2).standard_normal((7, 4)) * 1e3 + 1e4
    loss = SoftmaxCrossEntropy()
    value, grad = torch_loss(logits, labels)
    assert loss.forward(logits, labels) == pytest.approx(value, rel=1e-14)
    close(loss.backward(), grad)
    assert SoftmaxCrossEntropy().forward(np.array([[0.0, -1e3]]), np.array([1])) == 1e3


def test_loss__is_summed_in_float64_and_keeps_the_dtype(dtype):
    logits = np.random.default_rng(0).standard_normal((5000, 4)).astype(dtype)
    labels = np.arange(5000) % 4
    loss = SoftmaxCrossEntropy()
    value, grad = torch_loss(logits, labels)
    assert loss.forward(logits, labels) == pytest.approx(value, rel=1e-12)
    assert loss.backward().dtype == dtype
    kind = np.finfo(dtype)
    np.testing.assert_allclose(
        loss.backward(), grad, rtol=10 * float(kind.eps), atol=float(kind.smallest_subnormal)
    )


def test_loss__takes_labels_of_any_integer_dtype_and_read_only_input(logits, labels):
    logits.flags.writeable = False
    values = {
        SoftmaxCrossEntropy().forward(logits, labels.astype(kind))
        for kind in (np.uint8, np.int8, np.int64)
    }
    assert len(values) == 1


def test_loss__keeps_its_gradient_to_itself(logits, labels):
    loss = SoftmaxCrossEntropy()
    loss.forward(logits, labels)
    grad = loss.backward()
    expected = grad.copy()
    grad *= 7
    np.testing.assert_array_equal(loss.backward(), expected)


@pytest.mark.parametrize(
    ("logits", "labels", "error", "match"),
    [
        (np.ones(3), [0], ValueError, r"logits: want shape \(N, classes\) .*, got \(3,\)"),
        (np.ones((0, 3)), np.ones(0, int), ValueError, r"N >= 1, got \(0, 3\)"),
        (np.ones((2, 3), int), [0, 1], TypeError, "logits: want a floating dtype, got int64"),
        (np.ones((2, 3)), [0.0, 1.0], TypeError, "labels: want an integer dtype, got float64"),
        (np.ones((2, 3)), [True, False], TypeError, "labels: want an integer dtype, got bool"),
        (np.ones((2, 3)), [0], ValueError, r"labels: want shape \(2,\), got \(1,\)"),
        (np.ones((2, 3)), [[0], [1]], ValueError, r"labels: want shape \(2,\), got \(2, 1\)"),
        (np.ones((2, 3)), [0, 3], ValueError, "labels: want 0 to 2, got 0 to 3"),
        (np.ones((2, 3)), [-1, 2], ValueError, "labels: want 0 to 2, got -1 to 2"),
    ],
)
def test_loss__wants_what_fits(logits, labels, error, match):
    with pytest.raises(error, match=match):
        SoftmaxCrossEntropy().forward(logits, labels)


def test_loss__wants_a_forward_before_a_backward():
    with pytest.raises(RuntimeError, match="backward: want a call of forward before it"):
        SoftmaxCrossEntropy().backward()


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.03, "weight_decay": 0.2},
        {"lr": 0.03, "momentum": 0.8, "weight_decay": 0.3},
    ],
    ids=str,
)
def test_sgd__steps_as_torchs(close, settings):
    layer = Linear(3, 2)
    parameters = [torch.nn.Parameter(torch.tensor(value)) for value, _ in layer.parameters()]
    ours, theirs = SGD(layer, **settings), torch.optim.SGD(parameters, **settings)
    rng = np.random.default_rng(0)
    for _ in range(8):
        layer.dweight, layer.dbias = rng.standard_normal((2, 3)), rng.standard_normal(2)
        before = layer.dweight.copy()
        for parameter, (_, grad) in zip(parameters, layer.parameters(), strict=True):
            parameter.grad = torch.tensor(grad)
        ours.step()
        theirs.step()
        np.testing.assert_array_equal(layer.dweight, before)
        for parameter, (value, _) in zip(parameters, layer.parameters(), strict=True):
            close(value, parameter.detach())


def test_sgd__moves_the_layers_own_arrays_and_leaves_those_without_a_gradient():
    layer = Linear(3, 2)
    weight, before = layer.weight, layer.weight.copy()
    bias = layer.bias.copy()
    step = SGD(layer, lr=0.5, momentum=0.9, weight_decay=0.1).step
    step()
    np.testing.assert_array_equal(layer.weight, before)
    layer.dweight = np.ones((2, 3))
    step()
    assert layer.weight is weight
    assert (layer.weight != before).all()
    np.testing.assert_array_equal(layer.bias, bias)
    SGD(ReLU(), lr=0.5).step()


def test_sgd__wants_the_parameters_that_it_began_with():
    layer = Linear(3, 2)
    optimizer = SGD(layer, lr=0.1)
    layer.bias = None
    with pytest.raises(ValueError, match="shorter"):
        optimizer.step()


def test_sgd__follows_a_learning_rate_that_changes():
    layer = Linear(1, 1, bias=False)
    layer.weight[...], layer.dweight = 1.0, np.ones((1, 1))
    optimizer = SGD(layer, lr=0.25)
    optimizer.step()
    optimizer.lr = 0.5
    optimizer.step()
    assert layer.weight == 0.25


def dense():
    rng = np.random.default_rng(0)
    ours = Sequential(
        Linear(6, 8, rng=rng),
        BatchNorm(8),
        Sigmoid(),
        Linear(8, 5, bias=False, rng=rng),
        BatchNorm(5, momentum=None),
        Sigmoid(),
        Linear(5, 3, rng=rng),
    )
    theirs = torch.nn.Sequential(
        torch.nn.Linear(6, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Sigmoid(),
        torch.nn.Linear(8, 5, bias=False),
        torch.nn.BatchNorm1d(5, momentum=None),
        torch.nn.Sigmoid(),
        torch.nn.Linear(5, 3),
    )
    return ours, theirs.double(), (6,)


def convolutional():
    rng = np.random.default_rng(0)
    ours = Sequential(
        Conv2d(2, 4, 3, stride=2, padding=1, rng=rng),
        BatchNorm(4, momentum=0.3),
        ReLU(),
        Flatten(),
        Linear(4 * 3 * 3, 3, rng=rng),
    )
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(4, momentum=0.3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 3 * 3, 3),
    )
    return ours, theirs.double(), (2, 6, 5)


@pytest.mark.statement("S1")
@pytest.mark.parametrize("make", [dense, convolutional])
def test_network__trains_along_the_same_curve_as_in_torch(make):
    ours, theirs, shape = make()
    with torch.no_grad():
        for (value, _), parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
            parameter.copy_(torch.tensor(value))
    settings = {"lr": 0.2, "momentum": 0.9, "weight_decay": 1e-2}
    our_optimizer = SGD(ours, **settings)
    their_optimizer = torch.optim.SGD(theirs.parameters(), **settings)
    loss, rng = SoftmaxCrossEntropy(), np.random.default_rng(1)
    x, labels = 2 + rng.standard_normal((16, *shape)), rng.integers(0, 3, 16)

    curves = []
    for _ in range(25):
        our_loss = loss.forward(ours.forward(x), labels)
        ours.backward(loss.backward())
        our_optimizer.step()
        their_loss = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(x)), torch.tensor(labels)
        )
        their_optimizer.zero_grad()
        their_loss.backward()
        their_optimizer.step()
        curves.append((our_loss, their_loss.item()))
    our_curve, their_curve = np.transpose(curves)
    np.testing.assert_allclose(our_curve, their_curve, rtol=1e-9)
    assert our_curve[-1] < 0.7 * our_curve[0]
    # And so do the parameters that it ends with, and what it says in evaluation.
    for (value, _), parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(value, parameter.detach(), rtol=1e-9, atol=1e-9)
    with torch.no_grad():
        y = theirs.eval()(torch.tensor(x))
    np.testing.assert_allclose(ours.eval().forward(x), y, rtol=1e-9, atol=1e-9)
