from itertools import product

import numpy as np
import pytest
import torch

from bncourse.lab.estimates import (
    estimate_errors,
    expected_batch_var,
    identity_error,
    initial_share,
    normalization_noise,
    running_noise,
)
from bncourse.scratch import (
    Moments,
    average_batch_statistics,
    batch_norm_forward,
    population_moments,
    running_average,
)


@pytest.mark.equation("eq-identity-error")
@pytest.mark.statement("S8")
@pytest.mark.parametrize(
    ("draw", "kurtosis"),
    [("normal", 3.0), ("laplace", 6.0), ("uniform", 1.8)],
)
def test_identity_error__is_what_batches_of_512_show(draw, kurtosis):
    rng = np.random.default_rng(0)
    x = getattr(rng, draw)(size=(512, 4000))
    spread = {"normal": 1.0, "laplace": np.sqrt(2), "uniform": np.sqrt(1 / 12)}[draw]
    center = 0.5 if draw == "uniform" else 0.0
    gamma, beta = np.full(4000, spread), np.full(4000, center)
    y, _ = batch_norm_forward(x, gamma, beta, eps=1e-12)
    measured = np.sqrt(np.mean((y - x) ** 2)) / spread
    assert measured == pytest.approx(identity_error(512, kurtosis), rel=0.02)


@pytest.mark.equation("eq-shortfall")
@pytest.mark.parametrize("population", [(0.0, 1.0, 5.0), (2.0, 2.5, -7.0)])
def test_expected_batch_var__is_exact_over_all_batches_of_correlated_values(population):
    # All batches of two pairs, each pair a value and a copy that is half as far from the mean.
    center = np.mean(population)
    pairs = [(value, center + (value - center) / 2) for value in population]
    batches = np.array([[*a, *b] for a, b in product(pairs, pairs)])
    values = np.ravel(pairs)
    average = batches.var(axis=1).mean()
    expected = expected_batch_var(values.var(), batches.mean(axis=1).var())
    assert average == pytest.approx(expected, rel=1e-12)


@pytest.mark.equation("eq-initial-share")
@pytest.mark.parametrize(("momentum", "t"), [(0.1, 44), (0.01, 7), (0.3, 1), (0.1, 0)])
def test_initial_share__is_what_a_running_average_keeps(momentum, t):
    running = np.array([1.0])
    for _ in range(t):
        running = running_average(running, np.array([0.0]), momentum)
    assert initial_share(momentum, t) == pytest.approx(running[0], rel=1e-12)


@pytest.mark.equation("eq-running-noise")
@pytest.mark.parametrize("momentum", [0.1, 0.3, 0.02])
def test_running_noise__is_the_norm_of_the_weights_of_the_batches(momentum):
    # The weight of each batch is what one unit vector a batch leaves behind.
    weights = np.zeros(2000)
    for batch in np.eye(2000):
        weights = running_average(weights, batch, momentum)
    assert running_noise(momentum) == pytest.approx(np.sqrt(np.sum(weights**2)), rel=1e-12)


@pytest.mark.statement("S9")
def test_estimate_errors__follows_torch_and_the_functions_of_scratch():
    rng = np.random.default_rng(0)
    batches = [rng.normal(rng.normal(size=3), 2.0, size=(5, 3)) for _ in range(7)]
    truth = Moments.of(rng.normal(0.3, 1.5, size=(100, 3)))
    errors = estimate_errors(batches, truth, momenta=(0.2,))

    layer = torch.nn.BatchNorm1d(3, momentum=0.2).double()
    for batch in batches:
        layer(torch.tensor(batch))
    pooled = population_moments(batches)
    last = {
        "momentum 0.2": (layer.running_mean.numpy(), layer.running_var.numpy()),
        "Algorithm 2": average_batch_statistics(batches),
        "pooled": (pooled.mean, pooled.unbiased_var),
    }
    assert errors.keys() == last.keys()
    for name, (mean, var) in last.items():
        std_errors = (mean - truth.mean) / np.sqrt(truth.unbiased_var)
        relative = var / truth.unbiased_var - 1
        assert errors[name].mean.shape == (7,)
        assert errors[name].mean[-1] == pytest.approx(np.sqrt(np.mean(std_errors**2)), rel=1e-12)
        assert errors[name].var[-1] == pytest.approx(np.sqrt(np.mean(relative**2)), rel=1e-12)


@pytest.mark.equation("eq-normalization-noise")
@pytest.mark.parametrize(("draw", "skewness", "kurtosis"), [("normal", 0, 3), ("gamma", 1, 4.5)])
def test_normalization_noise__is_how_much_a_value_varies_with_its_batch(draw, skewness, kurtosis):
    rng = np.random.default_rng(0)
    n, z = 400, np.array([-1.5, 0.0, 2.0])
    others = {
        "normal": lambda size: rng.normal(size=size),
        "gamma": lambda size: (rng.gamma(4.0, size=size) - 4) / 2,
    }[draw]((n - 1, 20_000))
    seen = []
    for value in z:
        x = np.vstack([np.full(20_000, value), others])
        one, zero = np.ones(20_000), np.zeros(20_000)
        y, _ = batch_norm_forward(x, one, zero, eps=1e-12)
        seen.append(y[0].std())
    wanted = normalization_noise(z, n, skewness, kurtosis)
    assert seen == pytest.approx(wanted, rel=0.03)
