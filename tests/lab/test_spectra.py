"""Singular values of Jacobians, against torch's autograd and whatever else is independent."""

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian as torch_jacobian

from bncourse.lab.spectra import (
    batch_jacobian,
    jacobian_square,
    layer_jacobian,
    network_jacobians,
    norm_singular_values,
    population_var,
    rms_singular,
    singular_density,
    whitened_jacobian,
)
from bncourse.scratch import BatchNorm, Linear, ReLU, Sequential


def random_cov(rng, n):
    """Return a covariance matrix that is far from diagonal."""
    root = rng.normal(size=(n, n))
    return root @ root.T / n + 0.1 * np.eye(n)


@pytest.mark.equation("eq-norm-spectrum")
@pytest.mark.parametrize(("m", "eps", "gamma"), [(7, 0.6, -1.7), (2, 0.6, 0.4), (9, 1e-5, 2.5)])
def test_norm_singular_values__are_those_of_torchs_jacobian(m, eps, gamma):
    x = np.random.default_rng(m).normal(3, 0.7, size=m)

    def forward(column):
        weight = torch.tensor([gamma], dtype=torch.float64)
        y = torch.nn.functional.batch_norm(column[:, None], None, None, weight, None, True, eps=eps)
        return y[:, 0]

    theirs = np.linalg.svd(torch_jacobian(forward, torch.tensor(x)).numpy(), compute_uv=False)
    ours = norm_singular_values(m, x.var(), gamma, eps)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * abs(gamma) / x.std())


@pytest.mark.equation("eq-norm-spectrum")
def test_norm_singular_values__hold_for_a_constant_channel():
    def forward(column):
        y = torch.nn.functional.batch_norm(column[:, None], None, None, None, None, True, eps=0.25)
        return y[:, 0]

    theirs = torch_jacobian(forward, torch.ones(5, dtype=torch.float64)).numpy()
    ours = norm_singular_values(5, 0.0, 1.0, 0.25)
    np.testing.assert_allclose(ours, np.linalg.svd(theirs, compute_uv=False), atol=1e-14)


def test_norm_singular_values__of_one_value_or_no_scale_are_errors():
    with pytest.raises(ValueError, match=r"m: want at least 2 values, got 1"):
        norm_singular_values(1, 1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"eps: want var \+ eps above 0, got 0 \+ 0"):
        norm_singular_values(3, 0.0, 1.0, 0.0)


@pytest.mark.equation("eq-layer-jacobian")
@pytest.mark.statement("S15")
def test_layer_jacobian__is_torchs_with_fixed_statistics():
    rng = np.random.default_rng(0)
    weight, gamma = rng.normal(size=(3, 4)), rng.normal(size=3)
    var = rng.uniform(0.5, 4, 3)
    linear = torch.nn.Linear(4, 3, dtype=torch.float64)
    norm = torch.nn.BatchNorm1d(3, eps=0.3, dtype=torch.float64).eval()
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        norm.weight.copy_(torch.tensor(gamma))
        norm.running_var.copy_(torch.tensor(var))
    theirs = torch_jacobian(
        lambda u: norm(linear(u[None]))[0], torch.tensor(rng.normal(size=4))
    ).numpy()
    ours = layer_jacobian(weight, gamma, 1 / np.sqrt(var + 0.3))
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)


@pytest.mark.equation("eq-population-var")
@pytest.mark.statement("S15")
def test_population_var__is_that_of_the_outputs_over_a_population():
    rng = np.random.default_rng(1)
    u, weight = rng.normal(size=(500, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(3, 5))
    cov = torch.cov(torch.tensor(u.T), correction=0).numpy()
    np.testing.assert_allclose(population_var(weight, cov), (u @ weight.T).var(axis=0), rtol=1e-12)


@pytest.mark.equation("eq-rms-singular")
@pytest.mark.statement("S15")
@pytest.mark.parametrize("shape", [(12, 12), (5, 12), (12, 5)])
def test_rms_singular__is_that_of_any_weight_after_normalization(shape):
    rng = np.random.default_rng(2)
    weight = rng.normal(size=shape) * rng.uniform(0.1, 9, (shape[0], 1))
    inv_std = 1 / np.sqrt(population_var(weight, np.eye(shape[1])))
    J = layer_jacobian(weight, np.ones(shape[0]), inv_std)
    values = torch.linalg.svdvals(torch.tensor(J)).numpy()
    np.testing.assert_allclose(rms_singular(*shape), np.sqrt((values**2).mean()), rtol=1e-13)


@pytest.mark.equation("eq-jacobian-square")
@pytest.mark.statement("S15")
def test_jacobian_square__is_the_sum_of_the_squared_singular_values_for_any_input():
    rng = np.random.default_rng(3)
    weight, cov = rng.normal(size=(4, 6)), random_cov(rng, 6)
    inv_std = 1 / np.sqrt(np.diag(weight @ cov @ weight.T))
    values = torch.linalg.svdvals(torch.tensor(inv_std[:, None] * weight)).numpy()
    np.testing.assert_allclose(jacobian_square(weight, cov), (values**2).sum(), rtol=1e-12)


@pytest.mark.statement("S15")
def test_normalized_outputs__have_a_unit_diagonal_and_no_more():
    rng = np.random.default_rng(4)
    weight, cov = rng.normal(size=(4, 6)), random_cov(rng, 6)
    J = layer_jacobian(weight, np.ones(4), 1 / np.sqrt(population_var(weight, cov)))
    out = J @ cov @ J.T
    np.testing.assert_allclose(np.diag(out), 1, rtol=1e-13)
    assert np.abs(out - np.eye(4)).max() > 0.1


@pytest.mark.equation("eq-singular-density")
@pytest.mark.statement("S15")
@pytest.mark.parametrize("shape", [(600, 600), (300, 600), (600, 300)])
def test_singular_density__is_what_large_gaussian_maps_have(shape):
    weight = np.random.default_rng(5).normal(0, 1 / np.sqrt(shape[1]), size=shape)
    values = np.sort(np.linalg.svd(weight, compute_uv=False))
    grid = (np.arange(40_000) + 0.5) * 1e-4
    mass = singular_density(grid, *shape) * 1e-4
    # Distribution functions: that of the limit, and that of the sample.
    limit = np.interp(values, grid, np.cumsum(mass))
    sample = (np.arange(len(values)) + 0.5) / len(values)
    assert abs(mass.sum() - 1) < 1e-3
    assert np.abs(limit - sample).max() < 0.01


def test_singular_density__at_zero_is_an_error():
    with pytest.raises(ValueError, match=r"values: want positive ones, got 0"):
        singular_density(np.array([0.0, 1.0]), 4, 4)


@pytest.mark.equation("eq-whitened-jacobian")
@pytest.mark.statement("S15")
def test_whitened_jacobian__whitens_any_input_and_is_an_isometry_for_white_input():
    rng = np.random.default_rng(6)
    weight, cov = rng.normal(size=(4, 6)), random_cov(rng, 6)
    J = whitened_jacobian(weight, cov)
    np.testing.assert_allclose(J @ cov @ J.T, np.eye(4), atol=1e-12)
    # The whitening matrix is the symmetric one, with positive eigenvalues.
    matrix = np.linalg.lstsq(weight.T, J.T, rcond=None)[0].T
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0
    values = np.linalg.svd(whitened_jacobian(weight, np.eye(6)), compute_uv=False)
    np.testing.assert_allclose(values, 1, rtol=1e-12)


def test_whitened_jacobian__of_more_outputs_than_inputs_is_an_error():
    with pytest.raises(ValueError, match="weight: want outputs with a covariance of full rank"):
        whitened_jacobian(np.random.default_rng(0).normal(size=(5, 3)), np.eye(3))


@pytest.mark.equation("eq-batch-jacobian")
@pytest.mark.statement("S15")
def test_batch_jacobian__is_torchs_for_the_whole_batch():
    rng = np.random.default_rng(7)
    u, weight, gamma = rng.normal(1, 2, (6, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)

    def forward(u):
        x = u @ torch.tensor(weight).T
        return torch.nn.functional.batch_norm(
            x, None, None, torch.tensor(gamma), None, True, eps=0.2
        )

    theirs = torch_jacobian(forward, torch.tensor(u)).numpy()
    ours = batch_jacobian(u, weight, gamma, 0.2)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * np.abs(theirs).max())


@pytest.mark.statement("S15")
def test_batch_jacobian__has_each_singular_value_of_one_example_often():
    rng = np.random.default_rng(8)
    N, C = 9, 3
    u, weight, gamma = rng.normal(size=(N, 4)), rng.normal(size=(C, 4)), rng.normal(size=C)
    x = u @ weight.T
    J = layer_jacobian(weight, gamma, 1 / np.sqrt(x.var(axis=0) + 0.2))
    whole = batch_jacobian(u, weight, gamma, 0.2).reshape(N * C, N * 4)
    values = np.linalg.svd(whole, compute_uv=False)
    for value in np.linalg.svd(J, compute_uv=False):
        assert (np.abs(values - value) < 1e-12).sum() >= N - 1 - C
    assert (values < 1e-12).sum() >= C


def test_network_jacobians__are_torchs_with_the_statistics_held_fixed():
    rng = np.random.default_rng(9)
    network = Sequential(
        Linear(4, 3, rng=rng), BatchNorm(3), ReLU(), Linear(3, 2, rng=rng), BatchNorm(2)
    )
    for norm in network.layers[1::3]:
        norm.gamma[...] = rng.normal(size=norm.num_features)
    u = rng.normal(size=(8, 4))
    before = network.layers[1].running_mean.copy()
    first, second = network_jacobians(network, u)
    np.testing.assert_array_equal(network.layers[1].running_mean, before)
    for J, linear, norm in ((first, *network.layers[:2]), (second, *network.layers[3:])):
        x = u @ linear.weight.T
        wanted = linear.weight * (norm.gamma / np.sqrt(x.var(axis=0) + 1e-5))[:, None]
        np.testing.assert_allclose(J, wanted, rtol=1e-12)
        y = norm.gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)
        u = np.maximum(y, 0)


def test_network_jacobians__of_a_norm_without_parameters_have_gamma_one():
    rng = np.random.default_rng(10)
    network = Sequential(Linear(4, 3, rng=rng), BatchNorm(3, affine=False))
    u = rng.normal(size=(8, 4))
    (J,) = network_jacobians(network, u)
    var = (u @ network.layers[0].weight.T).var(axis=0)
    wanted = network.layers[0].weight / np.sqrt(var + 1e-5)[:, None]
    np.testing.assert_allclose(J, wanted, rtol=1e-12)
