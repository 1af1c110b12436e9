import numpy as np
import pytest

from bncourse.lab.shifts import sample_shifts

SAMPLES = sample_shifts(200_000, np.random.default_rng(0))


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_shifts__has_labels_as_likely_as_it_says(name):
    sample = SAMPLES[name]
    log_odds = sample.x @ sample.slope + sample.offset
    for low in np.arange(-3.0, 3.0):
        inside = (low <= log_odds) & (log_odds < low + 1)
        expected = (1 / (1 + np.exp(-log_odds[inside]))).mean()
        assert sample.labels[inside].mean() == pytest.approx(expected, abs=0.03)


def test_sample_shifts__keeps_what_each_shift_keeps():
    training, covariate, label, concept = SAMPLES.values()
    assert (covariate.slope.tolist(), covariate.offset) == (training.slope.tolist(), 0.0)
    for one in (0, 1):
        a, b = training.x[training.labels == one], label.x[label.labels == one]
        assert b.mean(axis=0) == pytest.approx(a.mean(axis=0), abs=0.03)
        assert np.cov(b.T) == pytest.approx(np.cov(a.T), abs=0.03)
    assert concept.x.mean(axis=0) == pytest.approx(training.x.mean(axis=0), abs=0.03)
    assert np.cov(concept.x.T) == pytest.approx(np.cov(training.x.T), abs=0.03)


def test_sample_shifts__moves_what_each_shift_moves():
    training, covariate, label, concept = SAMPLES.values()
    assert abs(covariate.x.mean(axis=0) - training.x.mean(axis=0)).max() > 0.5
    assert label.labels.mean() == pytest.approx(0.9, abs=0.01)
    assert training.labels.mean() == pytest.approx(0.5, abs=0.01)
    assert concept.slope @ training.slope == 0
