"""The script that runs the experiments and stores what came of them."""

from dataclasses import replace

import numpy as np
import pytest

from bncourse.lab.experiments import EXPERIMENTS, run
from bncourse.lab.results import load
from tools import results


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Return a small experiment, the only one, whose results are stored in a folder of its own."""
    experiment = replace(
        EXPERIMENTS["rates"], kinds=("plain",), lrs=(0.3,), seeds=(0, 1), steps=100
    )
    monkeypatch.setattr(results, "EXPERIMENTS", {"rates": experiment})
    monkeypatch.setitem(EXPERIMENTS, "rates", experiment)
    store = results.store
    monkeypatch.setattr(results, "store", lambda *given: store(*given, tmp_path))
    return experiment


def test_main__runs_and_stores_what_load_reads(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["results"])
    results.main()
    said, progress = capsys.readouterr()
    assert said.startswith("rates.json: 2 runs of 100 steps, seeds 0 to 1,")
    assert "2/2" in progress
    back = load("rates", tmp_path)
    assert f"NumPy {np.__version__}" in back.made["versions"]
    assert 0 <= back.made["seconds"] < 600
    for seed in (0, 1):
        wanted = run(small, "plain", 0.3, seed)
        for name, values in back.runs["plain", 0.3, seed].items():
            np.testing.assert_allclose(values, wanted[name], rtol=1e-6)


def test_main__does_not_know_other_experiments(small, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["results", "speed"])
    with pytest.raises(SystemExit):
        results.main()
    assert "no such experiment: speed" in capsys.readouterr().err
