import numpy as np
import pytest
import torch

from bncourse.lab.importance import (
    Gaussian,
    effective_sample_size,
    gaussian_weight,
    mean_square_weight,
    prediction_variance,
    weighted_fit,
)

PAIRS = [
    (Gaussian(0.5, 0.5), Gaussian(0.0, 0.3)),
    (Gaussian(-1.0, 2.0), Gaussian(0.5, 2.0)),
    (Gaussian(0.3, 0.4), Gaussian(0.1, 0.5)),
]


def log_density(gaussian, x):
    normal = torch.distributions.Normal(
        torch.tensor(gaussian.mean, dtype=torch.float64),
        torch.tensor(gaussian.std, dtype=torch.float64),
    )
    return normal.log_prob(torch.tensor(x)).numpy()


def problem(n=30, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)), rng.normal(size=n), rng.exponential(size=n)


@pytest.mark.parametrize(("gaussian", "_"), PAIRS)
def test_density__is_that_of_torch(gaussian, _):
    x = np.linspace(-8, 8, 101)
    assert gaussian.density(x) == pytest.approx(np.exp(log_density(gaussian, x)), rel=1e-12)


@pytest.mark.parametrize("std", [0.0, -1.0, np.nan])
def test_gaussian__needs_a_spread(std):
    with pytest.raises(ValueError, match=f"std: want above 0, got {std}"):
        Gaussian(0.0, std)


@pytest.mark.equation("eq-gaussian-weight")
@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_gaussian_weight__is_the_quotient_of_torchs_densities(train, test):
    x = np.linspace(-3, 3, 61)
    expected = np.exp(log_density(test, x) - log_density(train, x))
    assert gaussian_weight(x, train, test) == pytest.approx(expected, rel=1e-12)


def test_gaussian_weight__is_finite_where_both_densities_are_zero_in_float64():
    x = np.array([40.0])
    same = Gaussian(0.0, 1.0)
    assert same.density(x) == 0
    assert gaussian_weight(x, same, Gaussian(0.0, 1.0)).tolist() == [1.0]


@pytest.mark.statement("S3")
@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_gaussian_weight__turns_a_mean_over_training_data_into_one_over_test_data(train, test):
    x = np.linspace(-8, 16, 200_001)
    for value in (x**2, np.cos(3 * x), np.abs(x - 1)):
        weighted = train.density(x) * gaussian_weight(x, train, test) * value
        expected = np.trapezoid(test.density(x) * value, x)
        assert np.trapezoid(weighted, x) == pytest.approx(expected, rel=1e-9)


@pytest.mark.statement("S3")
def test_weights__cost_the_variance_that_the_chapter_says():
    # Var_p(w l) is E_q[w l**2] - (E_q l)**2, by simulation.
    train, test = PAIRS[0]
    rng = np.random.default_rng(0)
    x = rng.normal(train.mean, train.std, 1_000_000)
    new = rng.normal(test.mean, test.std, 1_000_000)
    measured = (gaussian_weight(x, train, test) * np.cos(x)).var()
    expected = (gaussian_weight(new, train, test) * np.cos(new) ** 2).mean()
    assert measured == pytest.approx(expected - np.cos(new).mean() ** 2, rel=0.01)


@pytest.mark.equation("eq-mean-square-weight")
@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_mean_square_weight__is_the_integral(train, test):
    x = np.linspace(-60, 60, 400_001)
    with np.errstate(under="ignore"):
        square = np.exp(2 * log_density(test, x) - log_density(train, x))
    assert mean_square_weight(train, test) == pytest.approx(np.trapezoid(square, x), rel=1e-9)


@pytest.mark.equation("eq-mean-square-weight")
@pytest.mark.parametrize("std", [np.sqrt(2), 1.5, 3.0])
def test_mean_square_weight__is_infinite_where_the_integral_grows_without_end(std):
    train, test = Gaussian(0.0, 1.0), Gaussian(0.2, float(std))
    parts = []
    for end in (10.0, 20.0, 40.0):
        x = np.linspace(-end, end, 100_001)
        parts.append(np.trapezoid(np.exp(2 * log_density(test, x) - log_density(train, x)), x))
    assert parts[1] > 1.9 * parts[0]
    assert parts[2] > 1.9 * parts[1]
    assert mean_square_weight(train, test) == np.inf


@pytest.mark.equation("eq-mean-square-weight")
def test_mean_square_weight__is_infinite_at_twice_the_variance_exactly():
    train, std = 0.3, float(np.sqrt(2) * 0.3)
    assert 2 * train**2 == std**2  # even in float64
    assert mean_square_weight(Gaussian(0.0, train), Gaussian(0.1, std)) == np.inf


def test_mean_square_weight__of_distributions_that_are_far_apart_is_not_one():
    train = Gaussian(0.0, 1.0)
    near, far = (mean_square_weight(train, Gaussian(d, 1.0)) for d in (1.0, 2.0))
    assert (near, far) == pytest.approx((np.e, np.e**4), rel=1e-12)


@pytest.mark.equation("eq-effective-size")
@pytest.mark.parametrize("seed", range(3))
def test_effective_sample_size__is_variance_of_one_over_variance_of_the_weighted_mean(seed):
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=7)
    values = rng.normal(0.4, 1.0, size=(200_000, 7))
    means = np.average(values, axis=1, weights=weights)
    assert effective_sample_size(weights) == pytest.approx(1 / means.var(), rel=0.02)


@pytest.mark.equation("eq-effective-size")
def test_effective_sample_size__counts_equal_weights_and_knows_no_scale():
    assert effective_sample_size(np.array([5.0, 0.0, 5.0, 5.0])) == 3
    weights = np.array([1.0, 2.0, 4.0])
    assert effective_sample_size(weights) == pytest.approx(effective_sample_size(9 * weights))


@pytest.mark.parametrize("weights", [[1.0, -0.1], [0.0, 0.0], [np.nan, 1.0]])
def test_effective_sample_size__refuses_what_weighs_nothing(weights):
    with pytest.raises(ValueError, match="weights: want none below 0 and one above it"):
        effective_sample_size(np.array(weights))


@pytest.mark.equation("eq-weighted-fit")
@pytest.mark.parametrize("seed", range(3))
def test_weighted_fit__has_no_gradient_left(seed):
    features, y, weights = problem(seed=seed)
    theta = torch.tensor(weighted_fit(features, y, weights), requires_grad=True)
    residuals = torch.tensor(y) - torch.tensor(features) @ theta
    (torch.tensor(weights) * residuals**2).sum().backward()
    assert theta.grad.numpy() == pytest.approx(0, abs=1e-11)


@pytest.mark.equation("eq-weighted-fit")
def test_weighted_fit__takes_a_weight_of_two_for_the_example_twice():
    features, y, _ = problem(n=6, k=2)
    weights = np.array([2.0, 1.0, 1.0, 3.0, 0.0, 1.0])
    repeats = weights.astype(int)
    twice = weighted_fit(
        np.repeat(features, repeats, axis=0), np.repeat(y, repeats), np.ones(repeats.sum())
    )
    assert weighted_fit(features, y, weights) == pytest.approx(twice, rel=1e-12)


def test_weighted_fit__refuses_what_does_not_fit():
    features, y, weights = problem(n=4, k=2)
    with pytest.raises(ValueError, match=r"features: want shape \(n, k\), got \(4,\)"):
        weighted_fit(y, y, weights)
    with pytest.raises(ValueError, match=r"weights: want shape \(4,\), got \(3,\)"):
        weighted_fit(features, y, weights[:3])
    with pytest.raises(ValueError, match=r"y: want shape \(4,\), got \(4, 1\)"):
        weighted_fit(features, y[:, None], weights)
    with pytest.raises(ValueError, match=r"weights: want none below 0, got -1\.0"):
        weighted_fit(features, y, np.array([1.0, 1.0, 1.0, -1.0]))
    with pytest.raises(ValueError, match="features: want weighted rank 2, got 1"):
        weighted_fit(features, y, np.array([1.0, 0.0, 0.0, 0.0]))


@pytest.mark.equation("eq-prediction-variance")
@pytest.mark.parametrize("seed", range(2))
def test_prediction_variance__is_that_of_many_fits(seed):
    features, mean, weights = problem(n=8, k=2, seed=seed)
    new = np.random.default_rng(9).normal(size=(3, 2))
    rng = np.random.default_rng(10)
    fits = [weighted_fit(features, mean + rng.normal(0, 0.3, 8), weights) for _ in range(20_000)]
    measured = (new @ np.array(fits).T).var(axis=1)
    assert prediction_variance(features, weights, new, 0.3) == pytest.approx(measured, rel=0.05)


@pytest.mark.equation("eq-prediction-variance")
def test_prediction_variance__of_equal_weights_is_the_textbooks():
    features, _, _ = problem()
    new = features[:5]
    covariance = 0.7**2 * np.linalg.inv(features.T @ features)
    expected = np.einsum("ni,ij,nj->n", new, covariance, new)
    variance = prediction_variance(features, np.full(30, 4.0), new, 0.7)
    assert variance == pytest.approx(expected, rel=1e-12)


@pytest.mark.statement("S3")
@pytest.mark.parametrize("seed", range(20))
def test_prediction_variance__is_nowhere_less_with_weights_than_without(seed):
    features, _, weights = problem(n=10, seed=seed)
    new = np.random.default_rng(seed + 100).normal(size=(50, 3))
    with_weights = prediction_variance(features, weights, new, 1.0)
    without = prediction_variance(features, np.ones(10), new, 1.0)
    assert (with_weights >= without * (1 - 1e-12)).all()


def test_prediction_variance__refuses_points_of_another_length():
    features, _, weights = problem()
    with pytest.raises(ValueError, match=r"new: want shape \(N, 3\), got \(4, 2\)"):
        prediction_variance(features, weights, np.ones((4, 2)), 1.0)


@pytest.mark.equation("eq-effective-size")
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_effective_sample_size__does_not_depend_on_the_scale(scale):
    assert effective_sample_size(scale * np.array([3.0, 1.0])) == pytest.approx(1.6, rel=1e-12)


@pytest.mark.equation("eq-effective-size")
def test_effective_sample_size__counts_with_whole_numbers_too():
    assert effective_sample_size(np.array([200, 200], dtype=np.uint8)) == 2.0
    assert effective_sample_size(np.array([50_000, 50_000], dtype=np.int32)) == 2.0


@pytest.mark.parametrize("weights", [[np.inf, 1.0], [np.nan, 1.0], []])
def test_effective_sample_size__refuses_what_is_no_weight(weights):
    with pytest.raises(ValueError, match="weights: want none below 0 and one above it"):
        effective_sample_size(np.array(weights))


def test_prediction_variance__refuses_examples_that_do_not_determine_the_parameters():
    features = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 3.0]])
    with pytest.raises(ValueError, match="features: want weighted rank 2, got 1"):
        prediction_variance(features, np.array([1.0, 1.0, 0.0]), features, noise=1.0)


def test_prediction_variance__of_an_ill_conditioned_design_is_that_of_more_digits():
    x = np.linspace(1.0, 1.02, 30)
    powers, weights = np.vander(x, 4), np.linspace(1, 2, 30)
    centered = np.vander((x - 1.01) / 0.01, 4)
    expected = prediction_variance(centered, weights, centered, noise=1.0)
    assert prediction_variance(powers, weights, powers, noise=1.0) == pytest.approx(
        expected, rel=1e-3
    )
