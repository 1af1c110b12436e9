import json
from dataclasses import replace

import numpy as np
import pytest

from bncourse.lab import results
from bncourse.lab.experiments import EXPERIMENTS, run
from bncourse.lab.results import Results, load, store

# Rounded to seven digits when stored; two machines differ by far less in so few steps.
CLOSE = {"rtol": 1e-6, "atol": 1e-9}
# Batches of a few images amplify rounding until, on another processor, a run is another one.
ROUNDING_DECIDES = {"ghost 4", "ghost 2"}
MADE = {"date": "2026-11-24", "seconds": 90, "versions": "Python 3", "processor": "some"}


@pytest.fixture
def small(monkeypatch):
    """Return the results of a small experiment, which `EXPERIMENTS` lists while the test runs."""
    experiment = replace(EXPERIMENTS["rates"], kinds=("plain",), lrs=(0.3, 30.0), seeds=(0, 1))
    monkeypatch.setitem(EXPERIMENTS, "small", experiment)
    series = {"loss": np.array([1 / 3, np.inf]), "pairs": np.arange(4.0).reshape(2, 2) * 1e9 / 7}
    return Results(experiment, MADE, dict.fromkeys(experiment.settings(), series))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_stored_runs__begin_as_a_run_of_today_does(name):
    stored = load(name)
    settings = list(stored.experiment.settings())
    # The first and the last kind of network, each with a learning rate from the middle.
    lrs = stored.experiment.lrs
    chosen = [one for one in settings if one[1] == lrs[len(lrs) // 2] and one[2] == 0]
    same_anywhere = [one for one in chosen if one[0] not in ROUNDING_DECIDES]
    for setting in (same_anywhere[0], same_anywhere[-1]):
        today = run(stored.experiment, *setting, steps=stored.experiment.every)
        for series, values in today.items():
            beginning = stored.runs[setting][series][: len(values)]
            np.testing.assert_allclose(beginning, values, **CLOSE, err_msg=f"{setting} {series}")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_stored_results__are_whole(name):
    stored = load(name)
    assert list(stored.runs) == list(stored.experiment.settings())
    looks = len(stored.experiment.at)
    for setting, series in stored.runs.items():
        assert len(series["loss"]) == looks - 1, setting
        assert len(series["accuracy"]) == looks, setting
    assert set(stored.made) == set(MADE)
    assert stored.made["seconds"] > 1
    assert f"{len(stored.runs)} runs of {stored.experiment.steps} steps" in str(stored)


@pytest.mark.statement("S5")
def test_noise_that_moves_every_unit__leaves_most_of_the_gain():
    inside = load("inside")

    def end(name, kind):
        return np.median(inside.series(name, kind)[:, -10:])

    gain = end("loss", "plain") - end("loss", "batch norm")
    cost = end("loss", "noisy batch norm") - end("loss", "batch norm")
    assert 0 < cost < gain / 5
    assert end("loss", "larger weights, noise") - end("loss", "larger weights") > cost
    assert end("jump", "noisy batch norm") > 20 * end("jump", "batch norm")
    assert end("jump", "noisy batch norm") > 4 * end("jump", "larger weights")


@pytest.mark.statement("S5")
def test_batch_norm__does_not_make_gradients_steadier():
    inside = load("inside")
    shifts = {
        kind: np.median(inside.series("gradient shift", kind), axis=(0, 1))
        for kind in inside.experiment.kinds
    }
    for layer in (0, 1):
        assert shifts["batch norm"][layer] > 0.95 * shifts["plain"][layer]
        assert shifts["batch norm"][layer] > 1.3 * shifts["larger weights"][layer]


def test_store_and_load__keep_seven_digits_and_what_is_not_finite(small, tmp_path):
    path = store("small", small, tmp_path)
    back = load("small", tmp_path)
    assert back.made == MADE
    assert back.experiment == small.experiment
    assert list(back.runs) == list(small.runs)
    loss, pairs = (back.runs["plain", 0.3, 1][name] for name in ("loss", "pairs"))
    assert loss[0] == 0.3333333
    assert np.isnan(loss[1])
    np.testing.assert_allclose(pairs, small.runs["plain", 0.3, 1]["pairs"], rtol=5e-7)
    assert list(tmp_path.iterdir()) == [path]
    # JSON that any program reads, a line for each run.
    assert "NaN" not in path.read_text()
    assert sum('"seed":' in line for line in path.read_text().splitlines()) == 4


def test_series__are_of_all_seeds(small):
    assert small.series("pairs", "plain", 0.3).shape == (2, 2, 2)
    with pytest.raises(ValueError, match=r"lr: want one of \(0.3, 30.0\), got none"):
        small.series("loss", "plain")
    with pytest.raises(ValueError, match=r"want 'loss' of a run that is stored, got \('other'"):
        small.series("loss", "other", 0.3)
    with pytest.raises(ValueError, match="want 'speed' of a run"):
        small.series("speed", "plain", 0.3)


def test_results_of_other_settings__are_an_error(small, tmp_path, monkeypatch):
    store("small", small, tmp_path)
    monkeypatch.setitem(EXPERIMENTS, "small", replace(small.experiment, steps=700))
    with pytest.raises(ValueError, match=r"today's settings \(make results\)"):
        load("small", tmp_path)


@pytest.mark.parametrize(("text", "said"), [('{"a":', "want whole JSON"), ("{}", "got others")])
def test_broken_results__are_an_error_that_tells_what_to_do(small, tmp_path, text, said):
    (tmp_path / "small.json").write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        load("small", tmp_path)
    assert "small" in str(error.value)
    assert "make results" in str(error.value)


def test_results_that_are_missing_or_unknown__are_an_error(small, tmp_path):
    with pytest.raises(ValueError, match=r"small: want results in small.json \(make results\)"):
        load("small", tmp_path)
    with pytest.raises(ValueError, match=r"name: want one of curves, .*, got 'speed'"):
        load("speed")


def test_folder_of_the_package__holds_results_of_experiments_and_no_others():
    names = {path.stem for path in results.FOLDER.iterdir()}
    assert names == set(EXPERIMENTS)
    for path in results.FOLDER.iterdir():
        json.loads(path.read_text(encoding="utf-8"))
