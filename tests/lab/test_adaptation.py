import copy
import re

import numpy as np
import pytest
import torch

from bncourse.lab.adaptation import adapt, equivalent_eps, layer_shift, mixed_statistics
from bncourse.lab.twins import torch_twin
from bncourse.scratch import BatchNorm, Linear, Moments, Sequential, Sigmoid, batch_norm_forward


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    network = Sequential(
        Linear(5, 7, rng=rng), BatchNorm(7), Sigmoid(), Linear(7, 4, rng=rng), BatchNorm(4)
    )
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            layer.gamma[:] = rng.normal(1, 0.5, len(layer.gamma))
            layer.beta[:] = rng.normal(size=len(layer.beta))
            layer.running_mean[:] = rng.normal(size=len(layer.beta))
            layer.running_var[:] = rng.uniform(0.5, 2, len(layer.beta))
    return network.eval()


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(0.7, 2.0, size=(30, 5))


@pytest.mark.equation("eq-layer-shift")
@pytest.mark.statement("S4")
def test_layer_shift__finds_the_affine_map_that_moved_the_units():
    x = np.random.default_rng(0).normal(2.0, 3.0, size=(50, 2))
    scale, move = np.array([0.5, -3.0]), np.array([1.0, -4.0])
    moved = scale * (x - x.mean(axis=0)) + x.mean(axis=0) + move * x.std(axis=0)
    shift, ratio = layer_shift(Moments.of(x), Moments.of(moved))
    assert shift == pytest.approx(move, rel=1e-12)
    assert ratio == pytest.approx(abs(scale), rel=1e-12)


@pytest.mark.equation("eq-affine-input")
@pytest.mark.parametrize(("a", "c"), [(0.3, 0.35), (2.5, -1.0), (-1.0, 1.0), (-0.01, 3.0)])
def test_equivalent_eps__makes_a_batch_and_its_affine_image_alike(a, c):
    rng = np.random.default_rng(0)
    u, weight, bias = rng.normal(size=(40, 6)), rng.normal(size=(6, 3)), rng.normal(size=3)
    ones, zeros, eps = np.ones(3), np.zeros(3), 0.02  # large, so that it counts
    moved, _ = batch_norm_forward((a * u + c) @ weight + bias, ones, zeros, eps=eps)
    plain = torch.nn.functional.batch_norm(
        torch.tensor(u @ weight + bias), None, None, training=True, eps=equivalent_eps(eps, a)
    )
    assert moved == pytest.approx(np.sign(a) * plain.numpy(), rel=1e-10)


@pytest.mark.equation("eq-affine-input")
def test_equivalent_eps__refuses_a_constant():
    with pytest.raises(ValueError, match=r"a: want any number but zero, got 0"):
        equivalent_eps(1e-5, 0)


@pytest.mark.equation("eq-mixed-statistics")
def test_mixed_statistics__are_weighted_averages_of_both():
    # With whole numbers, N + n copies of each statistic can be averaged one by one.
    rng = np.random.default_rng(0)
    mean, var, x = rng.normal(size=3), rng.uniform(1, 2, 3), rng.normal(2, 3, size=(5, 3))
    mixed = mixed_statistics(mean, var, Moments.of(x), n=5, prior=2)
    assert mixed[0] == pytest.approx(np.mean([mean] * 2 + [x.mean(axis=0)] * 5, axis=0), rel=1e-12)
    assert mixed[1] == pytest.approx(np.mean([var] * 2 + [x.var(axis=0)] * 5, axis=0), rel=1e-12)


@pytest.mark.equation("eq-mixed-statistics")
@pytest.mark.parametrize(
    ("prior", "n", "said"),
    [
        (-1, 5, "prior: want zero or a positive number, got -1"),
        (np.inf, 5, "prior: want zero or a positive number, got inf"),
        (np.nan, 5, "prior: want zero or a positive number, got nan"),
        (0, 0, "n: want at least 1 image, got 0"),
    ],
)
def test_mixed_statistics__refuse_what_cannot_be_weights(prior, n, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        mixed_statistics(np.zeros(1), np.ones(1), Moments.of(np.zeros((5, 1))), n, prior)


@pytest.mark.equation("eq-mixed-statistics")
@pytest.mark.parametrize(("mean", "var"), [(np.zeros(3), np.ones(1)), (np.zeros(1), np.ones(3))])
def test_mixed_statistics__refuse_shapes_that_broadcast(mean, var):
    with pytest.raises(ValueError, match=r"want shape \(1,\), got \(3,\)"):
        mixed_statistics(mean, var, Moments.of(np.ones((5, 1))), 5, 1.0)


def test_adapt__counts_images_and_not_locations():
    maps = np.random.default_rng(0).normal(3, 2, size=(4, 2, 5, 5))
    (norm,) = adapt(Sequential(BatchNorm(2)), maps, prior=12).layers
    np.testing.assert_allclose(norm.running_mean, maps.mean(axis=(0, 2, 3)) / 4, rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, 0.75 + maps.var(axis=(0, 2, 3)) / 4, rtol=1e-12)


def test_mixed_statistics__with_a_prior_take_one_image():
    mixed = mixed_statistics(np.zeros(1), np.ones(1), Moments.of(np.array([[3.0]])), 1, 2)
    assert np.ravel(mixed) == pytest.approx([1.0, 2 / 3])


def test_adapt__evaluates_as_torch_does_in_training_on_one_batch(network, images):
    adapted = adapt(network, images)
    theirs = torch_twin(network).train()(torch.tensor(images)).detach().numpy()
    assert not adapted.training
    assert adapted.forward(images) == pytest.approx(theirs, rel=1e-10)


def test_adapt__leaves_the_network_as_it_was(network, images):
    before = copy.deepcopy(network)
    adapt(network, images)
    for was, layer in zip(before.layers, network.layers, strict=True):
        if isinstance(layer, BatchNorm):
            for name, value in was.state_dict().items():
                assert np.array_equal(layer.state_dict()[name], value)
    assert np.array_equal(before.forward(images), network.forward(images))


def test_adapt__with_a_heavy_prior_keeps_what_training_left(network, images):
    kept = adapt(network, images, prior=1e12).forward(images)
    assert kept == pytest.approx(network.forward(images), rel=1e-8)


def test_adapt__refuses_batch_norms_that_keep_no_statistics(images):
    network = Sequential(BatchNorm(5, track_running_stats=False))
    with pytest.raises(ValueError, match="want batch norms with running statistics"):
        adapt(network, images)


def test_layer_shift__of_a_constant_unit_has_no_number():
    clean, shifted = Moments.of(np.ones((3, 1))), Moments.of(np.array([[1.0], [2.0], [6.0]]))
    shift, ratio = layer_shift(clean, shifted)
    assert np.isinf(shift).all()
    assert np.isinf(ratio).all()
