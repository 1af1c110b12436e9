"""How weights before a batch normalization move, against torch's optimizer and autograd."""

import numpy as np
import pytest
import torch

from bncourse.lab.weight_norm import (
    direction_step,
    effective_rate,
    equilibrium_angle,
    equilibrium_square,
    equivalent_training,
    grown_square,
    momentum_dots,
    next_square,
    step_angle,
)

UNITS, FAN_IN, N = 3, 4, 7
LR = 0.3
# torch wants eps above zero; this one is nothing beside a variance.
NO_EPS = 1e-30


class Layer:
    """A linear layer, torch's batch normalization and a fixed random loss, trained by torch."""

    def __init__(self, weight, *, eps, lr, momentum=0.0, weight_decay=0.0):
        rng = np.random.default_rng(7)
        self.u = torch.tensor(rng.normal(1, 2, (5, N, FAN_IN)))
        self.dy = torch.tensor(rng.normal(size=(N, UNITS)))
        self.gamma = torch.tensor(rng.normal(1.5, 0.3, UNITS))
        self.eps = eps
        self.weight = torch.tensor(weight, requires_grad=True)
        self.sgd = torch.optim.SGD([self.weight], lr, momentum, weight_decay=weight_decay)

    def loss(self, weight, step, eps):
        """Return the loss on the batch of a step."""
        x = self.u[step % 5] @ weight.T
        y = torch.nn.functional.batch_norm(x, None, None, self.gamma, None, True, eps=eps)
        return (torch.sin(2 * y) * self.dy).sum()

    def gradient(self, weight, step, eps):
        """Return torch's gradient at other weights."""
        leaf = torch.tensor(weight, requires_grad=True)
        return torch.autograd.grad(self.loss(leaf, step, eps), leaf)[0].numpy()

    def run(self, steps):
        """Take steps; return the weights before each and after all, and the velocities."""
        weights, velocities = [], []
        lr = self.sgd.param_groups[0]["lr"]
        for step in range(steps):
            weights.append(self.weight.detach().numpy().copy())
            self.sgd.zero_grad()
            self.loss(self.weight, step, self.eps).backward()
            self.sgd.step()
            velocities.append((weights[-1] - self.weight.detach().numpy()) / lr)
        weights.append(self.weight.detach().numpy().copy())
        return np.array(weights), np.array(velocities)


@pytest.fixture
def start():
    return np.random.default_rng(8).normal(size=(UNITS, FAN_IN)) * [[0.5], [1.0], [2.0]]


def squares(a):
    return (a**2).sum(axis=-1)


def angles(a, b):
    cos = (a * b).sum(axis=-1) / np.sqrt(squares(a) * squares(b))
    return np.arccos(cos)


@pytest.mark.equation("eq-equivalent-training")
@pytest.mark.statement("S14")
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_equivalent_training__keeps_the_weights_multiples_of_each_other(start, momentum):
    alpha, decay = 3.0, 0.2
    lr, other_decay = equivalent_training(alpha, LR, decay)
    settings = {"momentum": momentum, "eps": 0.1}
    plain, _ = Layer(start, lr=LR, weight_decay=decay, **settings).run(8)
    settings["eps"] *= alpha**2
    scaled, _ = Layer(alpha * start, lr=lr, weight_decay=other_decay, **settings).run(8)
    np.testing.assert_allclose(scaled, alpha * plain, rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, -1.0])
def test_equivalent_training__wants_alpha_above_zero(alpha):
    with pytest.raises(ValueError, match="alpha: want a number above zero"):
        equivalent_training(alpha, LR, 0.0)


@pytest.mark.equation("eq-direction-step")
@pytest.mark.equation("eq-effective-rate")
@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_direction_step__is_where_a_step_of_torch_points(start, decay):
    layer = Layer(start, eps=0.1, lr=LR, weight_decay=decay)
    square = squares(start)
    v = start / np.sqrt(square)[:, None]
    # One eps a unit: each gradient is taken from a layer with that eps.
    rows = [layer.gradient(v, 0, 0.1 / n)[i] for i, n in enumerate(square)]
    ours = direction_step(v, np.array(rows), effective_rate(LR, square, decay))
    weights, _ = layer.run(1)
    wanted = weights[1] / np.sqrt(squares(weights[1]))[:, None]
    np.testing.assert_allclose(ours, wanted, rtol=1e-11)


@pytest.mark.equation("eq-step-angle")
@pytest.mark.equation("eq-effective-rate")
@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_step_angle__is_that_between_torchs_weights(start, decay):
    layer = Layer(start, eps=NO_EPS, lr=LR, weight_decay=decay)
    square = squares(start)
    unit_grad = layer.gradient(start / np.sqrt(square)[:, None], 0, NO_EPS)
    ours = step_angle(effective_rate(LR, square, decay), np.sqrt(squares(unit_grad)))
    weights, _ = layer.run(1)
    np.testing.assert_allclose(ours, angles(weights[0], weights[1]), rtol=1e-9)


@pytest.mark.equation("eq-norm-growth")
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_grown_square__is_that_of_torchs_weights(start, momentum):
    weights, velocities = Layer(start, eps=0.1, lr=LR, momentum=momentum).run(9)
    dots = (weights[:-1] * velocities).sum(axis=-1)
    ours = grown_square(squares(start), LR, dots, squares(velocities))
    np.testing.assert_allclose(ours, squares(weights[1:]), rtol=1e-11)


@pytest.mark.equation("eq-norm-growth")
@pytest.mark.statement("S14")
def test_grown_square__without_eps_and_momentum_needs_no_inner_product(start):
    weights, gradients = Layer(start, eps=NO_EPS, lr=LR).run(9)
    ours = grown_square(squares(start), LR, np.zeros((9, UNITS)), squares(gradients))
    np.testing.assert_allclose(ours, squares(weights[1:]), rtol=1e-11)


@pytest.mark.equation("eq-momentum-dot")
@pytest.mark.parametrize("eps", [NO_EPS, 0.1])
def test_momentum_dots__are_those_of_torchs_weights_and_velocities(start, eps):
    layer = Layer(start, eps=eps, lr=LR, momentum=0.8)
    weights, velocities = layer.run(9)
    grads = np.array([layer.gradient(weights[t], t, eps) for t in range(9)])
    given = (weights[:-1] * grads).sum(axis=-1)
    ours = momentum_dots(LR, 0.8, squares(velocities), given)
    wanted = (weights[:-1] * velocities).sum(axis=-1)
    np.testing.assert_allclose(ours, wanted, atol=1e-11)
    assert (wanted[1:] < 0).all()


def test_momentum_dots__leaves_what_it_is_given():
    given = np.ones((3, 1))
    momentum_dots(LR, 0.8, np.ones((3, 1)), given)
    assert given.tolist() == [[1.0]] * 3


@pytest.mark.equation("eq-decay-step")
def test_next_square__is_that_after_a_step_of_torch_with_decay(start):
    layer = Layer(start, eps=NO_EPS, lr=LR, weight_decay=0.4)
    unit_grad = layer.gradient(start / np.sqrt(squares(start))[:, None], 0, NO_EPS)
    weights, _ = layer.run(1)
    ours = next_square(squares(start), LR, 0.4, np.sqrt(squares(unit_grad)))
    np.testing.assert_allclose(ours, squares(weights[1]), rtol=1e-11)


def steps_of_a_vector(square, lr, decay, grad_norm, steps):
    """Move a vector in the plane by gradients orthogonal to it; return all its places."""
    w = np.sqrt(square) * np.array([0.6, 0.8])
    places = [w]
    for _ in range(steps):
        turned = np.array([-w[1], w[0]])
        w = w - lr * (grad_norm * turned / (w @ w) + decay * w)
        places.append(w)
    return np.array(places)


@pytest.mark.equation("eq-equilibrium")
@pytest.mark.parametrize(("lr", "decay", "grad_norm"), [(0.1, 5e-4, 1.0), (0.5, 0.6, 2.5)])
def test_equilibrium_square__is_kept_and_reached(lr, decay, grad_norm):
    square = equilibrium_square(lr, decay, grad_norm)
    (_, after) = squares(steps_of_a_vector(square, lr, decay, grad_norm, 1))
    assert after == pytest.approx(square, rel=1e-12)
    far = squares(steps_of_a_vector(3 * square, lr, decay, grad_norm, int(10 / (lr * decay))))
    assert far[-1] == pytest.approx(square, rel=1e-9)


@pytest.mark.equation("eq-equilibrium-angle")
@pytest.mark.parametrize(("lr", "decay", "grad_norm"), [(0.1, 5e-4, 1.0), (0.5, 0.6, 2.5)])
def test_equilibrium_angle__is_that_of_a_step_which_keeps_the_length(lr, decay, grad_norm):
    square = equilibrium_square(lr, decay, grad_norm)
    before, after = steps_of_a_vector(square, lr, decay, grad_norm, 1)
    wanted = np.arctan2(abs(before[0] * after[1] - before[1] * after[0]), before @ after)
    assert equilibrium_angle(lr, decay) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("weight_decay", [2.0, 3.0])
def test_decay_that_takes_all_of_the_weights__is_an_error(weight_decay):
    with pytest.raises(ValueError, match="want below 1, got"):
        effective_rate(0.5, np.ones(2), weight_decay)
    for function in (equilibrium_square, equilibrium_angle):
        with pytest.raises(ValueError, match="want above 0 and below 1, got"):
            function(0.5, weight_decay)


@pytest.mark.parametrize("function", [equilibrium_square, equilibrium_angle])
def test_equilibrium__wants_decay(function):
    with pytest.raises(ValueError, match="want above 0 and below 1, got 0"):
        function(0.5, 0.0)
