import numpy as np
import pytest

from bncourse.lab.whitening import standardized_cov, whiten, whitened_cov
from bncourse.scratch import batch_norm_forward


def cov(x):
    return np.cov(x, rowvar=False, bias=True)


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + rng.normal(size=5)


@pytest.mark.equation("eq-whiten")
@pytest.mark.statement("S6")
def test_whiten__leaves_the_unit_covariance_and_no_mean(x):
    white = whiten(x, eps=0.0)
    assert white.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-12)
    assert cov(white) == pytest.approx(np.eye(5), abs=1e-12)


@pytest.mark.equation("eq-whiten")
def test_whiten__is_the_symmetric_positive_root_with_eps(x):
    # The matrix that was applied, from the values alone.
    eps, centered = 0.3, x - x.mean(axis=0)
    matrix = np.linalg.lstsq(centered, whiten(x, eps), rcond=None)[0]
    assert matrix == pytest.approx(matrix.T, abs=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert matrix @ matrix @ (cov(x) + eps * np.eye(5)) == pytest.approx(np.eye(5), abs=1e-12)


@pytest.mark.equation("eq-whiten")
def test_whiten__of_independent_channels_is_batch_norm():
    # The columns of a Hadamard matrix are orthogonal, so the covariance is diagonal.
    two = np.array([[1.0, 1.0], [1.0, -1.0]])
    x = np.kron(two, two)[:, 1:] * (1.0, 0.1, 20.0) + (0.0, 5.0, -1.0)
    normalized, _ = batch_norm_forward(x, np.ones(3), np.zeros(3), eps=1e-3)
    assert whiten(x, eps=1e-3) == pytest.approx(normalized, rel=1e-12)


@pytest.mark.equation("eq-whiten")
def test_whiten__refuses_fewer_images_than_units_without_eps():
    x = np.random.default_rng(0).normal(size=(4, 6))
    with pytest.raises(ValueError, match=r"eps: want the covariance's eigenvalues \+ eps above"):
        whiten(x, eps=0.0)
    assert np.linalg.matrix_rank(cov(whiten(x, eps=1e-3)), tol=1e-6) == 3


@pytest.mark.equation("eq-whiten")
def test_whiten__refuses_other_shapes():
    with pytest.raises(ValueError, match=r"x: want shape \(m, C\) with values, got \(2, 3, 4\)"):
        whiten(np.zeros((2, 3, 4)), eps=1.0)


@pytest.mark.equation("eq-whitened-cov")
@pytest.mark.statement("S6")
@pytest.mark.parametrize("eps", [0.0, 0.3])
def test_whitened_cov__is_the_covariance_of_whitened_values(x, eps):
    assert whitened_cov(cov(x), eps) == pytest.approx(cov(whiten(x, eps)), abs=1e-12)


@pytest.mark.equation("eq-standardized-cov")
@pytest.mark.statement("S6")
@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_standardized_cov__is_the_covariance_of_normalized_values(x, eps):
    normalized, _ = batch_norm_forward(x, np.ones(5), np.zeros(5), eps=eps)
    assert standardized_cov(cov(x), eps) == pytest.approx(cov(normalized), abs=1e-12)


@pytest.mark.equation("eq-standardized-cov")
def test_standardized_cov__without_eps_is_the_matrix_of_correlations(x):
    assert standardized_cov(cov(x), 0.0) == pytest.approx(np.corrcoef(x.T), abs=1e-12)


def test_whiten__computes_float32_in_float64():
    x = np.random.default_rng(0).normal(1e4, 1.0, size=(50, 3)).astype(np.float32)
    white = whiten(x, 0.0)
    np.testing.assert_allclose(np.cov(white, rowvar=False, bias=True), np.eye(3), atol=1e-10)
    with pytest.raises(ValueError, match="x: want shape"):
        whiten(np.empty((0, 3)), 1.0)
