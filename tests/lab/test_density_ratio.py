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
@pytest.mark.parametrize(
    ("n_train", "n_test", "shift"), [(100, 100, 0), (200, 50, 0), (10_000, 100, 0), (100, 100, 10)]
)
def test_fit_classifier__finds_the_maximum_of_the_likelihood(degree, n_train, n_test, shift):
    x_train, x_test = (sample + shift for sample in samples(n_train, n_test))
    x = np.concatenate((x_train, x_test))
    logit = fit_classifier(x_train, x_test, degree)(x)
    # The logit is a polynomial, and no polynomial's direction leads uphill from it.
    powers = np.vander(x - shift, degree + 1)
    theta = np.linalg.lstsq(powers, logit)[0]
    np.testing.assert_allclose(powers @ theta, logit, rtol=0, atol=1e-9)
    theta = torch.tensor(theta, requires_grad=True)
    labels = torch.tensor(np.repeat([0.0, 1.0], (n_train, n_test)))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(powers) @ theta, labels
    )
    loss.backward()
    assert theta.grad.abs().max() < 1e-9


@pytest.mark.parametrize(
    ("x_train", "x_test", "degree"),
    [([], [1.0], 1), ([1.0], [], 1), ([1.0, 2.0], [1.5], 0), ([1.0, 1.0], [1.0], 1)],
)
def test_fit_classifier__wants_powers_and_samples(x_train, x_test, degree):
    with pytest.raises(ValueError, match="want at least 1 power and samples that are not constant"):
        fit_classifier(np.array(x_train), np.array(x_test), degree)


def test_fit_classifier__refuses_samples_that_it_can_tell_apart():
    with pytest.raises(ValueError, match="want samples that overlap, got two that are told apart"):
        fit_classifier(np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0]), degree=1)


@pytest.mark.statement("S3")
def test_fit_classifier__finds_the_weights_of_two_gaussians():
    x_train, x_test = samples(20_000, 10_000)
    x = np.linspace(-0.5, 1.0, 16)
    logit = fit_classifier(x_train, x_test, degree=2)(x)
    expected = gaussian_weight(x, TRAIN, TEST)
    assert classifier_weight(logit, 20_000, 10_000) == pytest.approx(expected, rel=0.1)
