import numpy as np
import pytest

from bncourse.lab.importance import Gaussian, gaussian_weight
from bncourse.lab.toy import (
    NOISE,
    TEST,
    TRAIN,
    Line,
    best_line,
    cubic,
    draw,
    fit_line,
    line_error,
)

INPUTS = [TRAIN, TEST, Gaussian(-0.8, 0.7), Gaussian(1.3, 1.1)]


def nodes(inputs):
    """Return points and weights of Gauss's rule, exact for polynomials of degree up to 39."""
    z, weights = np.polynomial.hermite_e.hermegauss(20)
    return inputs.mean + inputs.std * z, weights / weights.sum()


def test_cubic__is_shimodairas():
    x = np.array([-2.0, -1.0, 0.5])
    assert cubic(x).tolist() == [-6.0, 0.0, -0.375]
    assert (TRAIN.mean, TRAIN.std, TEST.mean, TEST.std, NOISE) == (0.5, 0.5, 0.0, 0.3, 0.3)


def test_draw__has_the_moments_that_it_should():
    x, y = draw(400_000, TRAIN, np.random.default_rng(0))
    assert (x.mean(), x.std()) == pytest.approx((0.5, 0.5), rel=0.01)
    residuals = y - (-x + x**3)
    assert residuals.mean() == pytest.approx(0, abs=0.003)
    assert residuals.std() == pytest.approx(0.3, rel=0.01)
    assert np.corrcoef(residuals, x)[0, 1] == pytest.approx(0, abs=0.01)


@pytest.mark.equation("eq-best-line")
@pytest.mark.statement("S3")
@pytest.mark.parametrize("inputs", INPUTS)
def test_best_line__is_the_least_squares_line_on_the_nodes_of_gauss(inputs):
    x, weights = nodes(inputs)
    slope, intercept = np.polyfit(x, -x + x**3, 1, w=np.sqrt(weights))
    best = best_line(inputs)
    assert (best.slope, best.intercept) == pytest.approx((slope, intercept), rel=1e-9)


@pytest.mark.equation("eq-line-error")
@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("line", [Line(0.5, -0.25), Line(-2.0, 1.5)])
@pytest.mark.parametrize("noise", [0.0, 0.3, 2.0])
def test_line_error__is_the_integral(line, inputs, noise):
    x, weights = nodes(inputs)
    squares = (-x + x**3 - line.intercept - line.slope * x) ** 2
    expected = noise**2 + weights @ squares
    assert line_error(line, inputs, noise) == pytest.approx(expected, rel=1e-10)


@pytest.mark.statement("S3")
def test_line_error__says_that_the_line_of_the_training_data_is_not_the_best_for_the_test():
    assert line_error(best_line(TRAIN), TEST) == pytest.approx(0.2930, abs=5e-4)
    assert line_error(best_line(TEST), TEST) == pytest.approx(0.0944, abs=5e-4)
    assert line_error(best_line(TRAIN), TRAIN) < line_error(best_line(TEST), TRAIN)


def test_fit_line__is_numpys_and_takes_weights():
    x, y = draw(50, TRAIN, np.random.default_rng(0))
    weights = gaussian_weight(x, TRAIN, TEST)
    for line, w in ((fit_line(x, y), None), (fit_line(x, y, weights), np.sqrt(weights))):
        expected = np.polyfit(x, y, 1, w=w)
        assert (line.slope, line.intercept) == pytest.approx(tuple(expected), rel=1e-9)


@pytest.mark.statement("S3")
def test_fit_line__finds_the_best_line_for_the_test_data_with_weights_alone():
    x, y = draw(400_000, TRAIN, np.random.default_rng(0))
    plain, weighted = fit_line(x, y), fit_line(x, y, gaussian_weight(x, TRAIN, TEST))
    assert plain.slope == pytest.approx(0.5, abs=0.02)
    assert weighted.slope == pytest.approx(-0.73, abs=0.02)
