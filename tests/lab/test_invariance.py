"""The scale of the weights before a batch normalization, against torch's autograd."""

import numpy as np
import pytest
import torch

from bncourse.lab.adaptation import equivalent_eps
from bncourse.lab.geometry import jacobian
from bncourse.lab.invariance import (
    input_jacobian,
    normalized_layers,
    scale_factor,
    weight_dot,
    weight_jacobian,
    with_scaled_weights,
)
from bncourse.lab.twins import torch_twin
from bncourse.scratch import (
    BatchNorm,
    Conv2d,
    Linear,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    batch_norm_forward,
)

ALPHAS = (0.05, 3.0, -0.4)
# torch wants eps above zero; this one is nothing beside a variance.
NO_EPS = 1e-30
GAMMA = -1.7


def unit(u, w, eps):
    """Return torch's y of one unit."""
    gamma = torch.tensor([GAMMA], dtype=torch.float64)
    x = (u @ w)[:, None]
    return torch.nn.functional.batch_norm(x, None, None, gamma, None, True, eps=eps)[:, 0]


@pytest.fixture
def one_unit():
    """Return the input and the weights of one unit."""
    rng = np.random.default_rng(1)
    return rng.normal(1, 2, (6, 4)), rng.normal(0, 0.5, 4)


def jacobians(u, w, eps):
    """Return torch's derivatives of y by the input and by the weights."""
    arguments = torch.tensor(u), torch.tensor(w)
    both = torch.autograd.functional.jacobian(lambda u, w: unit(u, w, eps), arguments)
    return [derivatives.numpy() for derivatives in both]


def own_jacobian(u, w, eps):
    """Return the N x N matrix of the batch normalization behind a unit."""
    _, cache = batch_norm_forward((u @ w)[:, None], np.array([GAMMA]), np.zeros(1), eps=eps)
    return jacobian(cache.x_hat[:, 0], GAMMA, cache.inv_std[0])


@pytest.mark.equation("eq-scale-factor")
@pytest.mark.statement("S12")
@pytest.mark.parametrize("alpha", ALPHAS)
def test_scale_factor__is_what_torchs_x_hat_is_multiplied_by(alpha):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(2, [0.3, 1.5, 4.0], (7, 3)))

    def x_hat(x, eps):
        return torch.nn.functional.batch_norm(x, None, None, None, None, True, eps=eps).numpy()

    factor = scale_factor(x.numpy().var(axis=0), 0.2, alpha)
    np.testing.assert_allclose(x_hat(alpha * x, 0.2), factor * x_hat(x, NO_EPS), rtol=1e-12)


@pytest.mark.statement("S12")
@pytest.mark.parametrize("alpha", ALPHAS)
def test_scaling_weights__is_dividing_eps_by_the_square(one_unit, alpha):
    u, w = (torch.tensor(a) for a in one_unit)
    wanted = np.sign(alpha) * unit(u, w, equivalent_eps(0.2, alpha))
    np.testing.assert_allclose(unit(u, alpha * w, 0.2), wanted, rtol=1e-12)


@pytest.mark.statement("S12")
def test_scaling_weights__of_each_unit_by_its_own_number_leaves_the_network_without_eps():
    rng = np.random.default_rng(2)
    network = small_network(rng, eps=NO_EPS)
    x = rng.normal(size=(9, 5))
    scaled = with_scaled_weights(network, 0.03, rng.uniform(0.1, 10, 3))
    ours, theirs = (torch_twin(n)(torch.tensor(x)).detach().numpy() for n in (network, scaled))
    np.testing.assert_allclose(theirs, ours, rtol=1e-11)


@pytest.mark.statement("S12")
def test_scaling_weights__changes_the_output_in_evaluation_mode():
    rng = np.random.default_rng(2)
    network = small_network(rng, eps=NO_EPS)
    x = rng.normal(size=(9, 5))
    network.forward(x)
    scaled = with_scaled_weights(network, 2.0)
    difference = scaled.eval().forward(x) - network.eval().forward(x)
    assert np.abs(difference).max() > 0.05


@pytest.mark.equation("eq-input-jacobian")
@pytest.mark.statement("S13")
def test_input_jacobian__is_torchs(one_unit):
    u, w = one_unit
    wanted, _ = jacobians(u, w, 0.2)
    np.testing.assert_allclose(input_jacobian(own_jacobian(u, w, 0.2), w), wanted, atol=1e-14)


@pytest.mark.equation("eq-weight-jacobian")
@pytest.mark.statement("S14")
def test_weight_jacobian__is_torchs(one_unit):
    u, w = one_unit
    _, wanted = jacobians(u, w, 0.2)
    np.testing.assert_allclose(weight_jacobian(own_jacobian(u, w, 0.2), u), wanted, atol=1e-14)


@pytest.mark.statement("S13")
@pytest.mark.statement("S14")
@pytest.mark.parametrize("alpha", ALPHAS)
def test_jacobians__at_scaled_weights_are_those_with_another_eps(one_unit, alpha):
    u, w = one_unit
    by_input, by_weight = jacobians(u, alpha * w, 0.2)
    wanted_input, wanted_weight = jacobians(u, w, equivalent_eps(0.2, alpha))
    np.testing.assert_allclose(by_input, np.sign(alpha) * wanted_input, atol=1e-13)
    np.testing.assert_allclose(by_weight, wanted_weight / abs(alpha), atol=1e-12)


def small_network(rng, *, eps):
    """Return a network with two batch normalizations whose parameters are drawn at random."""
    norms = [BatchNorm(units, eps=eps) for units in (4, 3)]
    for norm in norms:
        norm.gamma[...] = rng.normal(size=norm.num_features)
        norm.beta[...] = rng.normal(size=norm.num_features)
    first, second = Linear(5, 4, rng=rng), Linear(4, 3, rng=rng)
    return Sequential(
        first, norms[0], Sigmoid(), second, norms[1], Sigmoid(), Linear(3, 2, rng=rng)
    )


@pytest.mark.equation("eq-weight-dot")
@pytest.mark.statement("S14")
@pytest.mark.parametrize("eps", [NO_EPS, 1e-5, 0.1])
def test_weight_dot__is_what_torchs_gradients_have_in_common_with_the_weights(eps):
    rng = np.random.default_rng(3)
    twin = torch_twin(small_network(rng, eps=eps))
    inputs = [torch.tensor(rng.normal(size=(9, 5)))]
    for layer in twin:
        inputs.append(layer(inputs[-1]))
    labels = torch.tensor(rng.integers(0, 2, 9))
    torch.nn.functional.cross_entropy(inputs[-1], labels).backward()
    for at in (0, 3):
        linear, norm = twin[at], twin[at + 1]
        var = inputs[at + 1].detach().numpy().var(axis=0)
        weight, dweight = linear.weight.detach().numpy(), linear.weight.grad.numpy()
        ours = weight_dot(norm.weight.detach().numpy(), norm.weight.grad.numpy(), var / (var + eps))
        scale = np.linalg.norm(weight) * np.linalg.norm(dweight)
        np.testing.assert_allclose(ours, (weight * dweight).sum(axis=1), rtol=0, atol=1e-13 * scale)


@pytest.mark.statement("S14")
def test_weight_dot__is_that_of_a_convolutions_kernels_too():
    rng = np.random.default_rng(4)
    conv, norm = Conv2d(2, 3, 3, padding=1, rng=rng), BatchNorm(3, eps=0.3)
    norm.gamma[...] = rng.normal(size=3)
    x = conv.forward(rng.normal(size=(4, 2, 6, 6)))
    norm.forward(x)
    conv.backward(norm.backward(rng.normal(size=x.shape)))
    var = x.var(axis=(0, 2, 3))
    ours = weight_dot(norm.gamma, norm.dgamma, var / (var + 0.3))
    np.testing.assert_allclose((conv.weight * conv.dweight).sum(axis=(1, 2, 3)), ours, rtol=1e-10)


@pytest.mark.statement("S14")
def test_weights_gradient__of_larger_weights_is_smaller_by_the_same_factor():
    rng = np.random.default_rng(5)
    network = small_network(rng, eps=NO_EPS)
    x, labels = rng.normal(size=(9, 5)), rng.integers(0, 2, 9)
    gradients = []
    for one in (network, with_scaled_weights(network, 4.0, 0.5)):
        loss = SoftmaxCrossEntropy()
        loss.forward(one.forward(x), labels)
        one.backward(loss.backward())
        gradients.append([linear.dweight for linear, _ in normalized_layers(one)])
    for plain, scaled, alpha in zip(*gradients, (4.0, 0.5), strict=True):
        np.testing.assert_allclose(scaled, plain / alpha, rtol=1e-8)


def test_normalized_layers__are_those_right_before_a_batch_normalization():
    first, norm, last = Linear(2, 3), BatchNorm(3), Linear(3, 2)
    network = Sequential(Linear(2, 2), Sigmoid(), first, norm, last, Sigmoid(), BatchNorm(2))
    ((linear, behind),) = normalized_layers(network)
    assert linear is first
    assert behind is norm


def test_with_scaled_weights__leaves_the_network_and_all_other_parameters():
    rng = np.random.default_rng(6)
    network = small_network(rng, eps=0.1)
    before = [value.copy() for value, _ in network.parameters()]
    scaled = with_scaled_weights(network, 2.0, np.array([1.0, 3.0, -5.0]))
    for value, old in zip(network.parameters(), before, strict=True):
        np.testing.assert_array_equal(value[0], old)
    factors = [2.0, 1, 1, 1, np.array([[1.0], [3.0], [-5.0]]), 1, 1, 1, 1, 1]
    for (value, _), old, factor in zip(scaled.parameters(), before, factors, strict=True):
        np.testing.assert_array_equal(value, factor * old)


def test_with_scaled_weights__of_two_layers_by_three_numbers_is_an_error():
    network = small_network(np.random.default_rng(0), eps=0.1)
    with pytest.raises(ValueError, match="alphas: want 1 or 2 of them, got 3"):
        with_scaled_weights(network, 1.0, 2.0, 3.0)
