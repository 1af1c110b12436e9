import numpy as np
import pytest
import torch

from bncourse.lab.density_ratio import classifier_weight, fit_classifier
from bncourse.lab.importance import gaussian_weight
from bncourse.lab.toy import TEST, TRAIN


def samples(n_train, n_test, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(TRAIN.mean, TRAIN.std, n_train),
        rng.normal(TEST.mean, TEST.std, n_test),
    )


@pytest.mark.equation("eq-classifier-weight")
@pytest.mark.parametrize(("n_train", "n_test"), [(100, 100), (300, 100), (10, 1000)])
def test_classifier_weight__undoes_the_share_of_the_samples(n_train, n_test):
    # Bayes' rule for a mixture of the two distributions in the shares of the samples.
    x = np.linspace(-1, 2, 31)
    share = n_test / (n_train + n_test)
    from_test, from_train = share * TEST.density(x), (1 - share) * TRAIN.density(x)
    probability = torch.tensor(from_test / (from_test + from_train))
    logit = torch.logit(probability).numpy()
    expected = gaussian_weight(x, TRAIN, TEST)
    assert classifier_weight(logit, n_train, n_test) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n_train", "n_test"), [(0, 3), (3, 0)])
def test_classifier_weight__needs_both_samples(n_train, n_test):
    wanted = f"n_train, n_test: want at least 1 each, got {n_train} and {n_test}"
    with pytest.raises(ValueError, match=wanted):
        classifier_weight(np.zeros(1), n_train, n_test)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize(("n_train", "n_test"), [(100, 100), (200, 50)])
def test_fit_classifier__finds_the_maximum_of_the_likelihood(degree, n_train, n_test):
    x_train, x_test = samples(n_train, n_test)
    features = np.vander(np.concatenate((x_train, x_test)), degree + 1, increasing=True)
    labels = np.repeat([0.0, 1.0], (n_train, n_test))
    theta = np.zeros(degree + 1)
    for _ in range(30):  # Newton's method
        p = 1 / (1 + np.exp(-features @ theta))
        hessian = features.T @ (features * (p * (1 - p))[:, None])
        theta += np.linalg.solve(hessian, features.T @ (labels - p))
    x = np.linspace(-1, 2, 31)
    expected = np.vander(x, degree + 1, increasing=True) @ theta
    assert fit_classifier(x_train, x_test, degree)(x) == pytest.approx(expected, abs=0.01)


@pytest.mark.statement("S3")
def test_fit_classifier__finds_the_weights_of_two_gaussians():
    x_train, x_test = samples(20_000, 10_000)
    x = np.linspace(-0.5, 1.0, 16)
    logit = fit_classifier(x_train, x_test, degree=2)(x)
    expected = gaussian_weight(x, TRAIN, TEST)
    assert classifier_weight(logit, 20_000, 10_000) == pytest.approx(expected, rel=0.1)
