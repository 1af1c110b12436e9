"""Stored results of the experiments: `make results` makes them, the chapters read them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bncourse.lab.experiments import EXPERIMENTS, Experiment
from bncourse.scratch import Floats

FOLDER = Path(__file__).with_name("stored")
DIGITS = 7  # significant ones that are stored


@dataclass(frozen=True, eq=False)
class Results:
    """All runs of an experiment.

    Attributes
    ----------
    experiment : Experiment
    made : dict
        "seconds" that the runs took, summed; "versions" of Python, NumPy and PyTorch;
        "processor"; "date".
    runs : dict
        The series of each run, as `bncourse.lab.experiments.run` returns them, by kind,
        learning rate and seed.
    """

    experiment: Experiment
    made: dict[str, Any]
    runs: dict[tuple[str, float, int], dict[str, Floats]]

    def series(self, name: str, kind: str, lr: float | None = None) -> Floats:
        """Return one series of a kind of network, for all seeds.

        Parameters
        ----------
        name : str
            Such as "loss".
        kind : str
        lr : float, optional
            May be left out where the experiment has one learning rate only.

        Returns
        -------
        array, shape (seeds, looks, ...)
            NaN where a number was not finite.

        Raises
        ------
        ValueError
            If there is no such series.
        """
        if lr is None:
            if len(self.experiment.lrs) > 1:
                raise ValueError(f"lr: want one of {self.experiment.lrs}, got none")
            (lr,) = self.experiment.lrs
        keys = [(kind, lr, seed) for seed in self.experiment.seeds]
        missing = [key for key in keys if name not in self.runs.get(key, {})]
        if missing:
            raise ValueError(f"want {name!r} of a run that is stored, got {missing[0]}")
        return np.array([self.runs[key][name] for key in keys])

    def __str__(self) -> str:
        """Return what was run, on what, and how long it took."""
        of, made = self.experiment, self.made
        minutes = made["seconds"] / 60
        return (
            f"{len(self.runs)} runs of {of.steps} steps, seeds {of.seeds[0]} to {of.seeds[-1]}, "
            f"{minutes:.0f} minutes of one core\n{made['date']}, {made['processor']}\n"
            f"{made['versions']}"
        )


def load(name: str, folder: Path | None = None) -> Results:
    """Return the stored results of an experiment.

    Parameters
    ----------
    name : str
        Of ``EXPERIMENTS``.
    folder : Path, optional
        Where they are stored; in the package.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        If there is no such experiment, nothing is stored, or what is stored is broken or comes
        from other settings.

    Examples
    --------
    >>> load("curves").series("loss", "batch norm").shape
    (3, 30)
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name: want one of {', '.join(EXPERIMENTS)}, got {name!r}")
    path = (folder or FOLDER) / f"{name}.json"
    if not path.exists():
        raise ValueError(f"{name}: want results in {path.name} (make results), got none")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name}: want whole JSON (make results), got {error}") from None
    if stored.get("experiment") != _plain(EXPERIMENTS[name]):
        raise ValueError(f"{name}: want results of today's settings (make results), got others")
    runs: dict[tuple[str, float, int], dict[str, Floats]] = {
        (one["kind"], one["lr"], one["seed"]): {
            series: np.array(values, dtype=np.float64) for series, values in one["series"].items()
        }
        for one in stored["runs"]
    }
    return Results(EXPERIMENTS[name], stored["made"], runs)


def store(name: str, results: Results, folder: Path | None = None) -> Path:
    """Write results where `load` finds them, and return the file's path.

    Parameters
    ----------
    name : str
        Of ``EXPERIMENTS``.
    results : Results
        Numbers are rounded to seven significant digits; those that are not finite become NaN.
    folder : Path, optional
        Where to store them; in the package.
    """
    runs = [
        {
            "kind": kind,
            "lr": lr,
            "seed": seed,
            "series": {what: _rounded(values) for what, values in series.items()},
        }
        for (kind, lr, seed), series in results.runs.items()
    ]
    head = {"experiment": _plain(results.experiment), "made": results.made}
    # A line for each run, so that a difference can be read.
    lines = ",\n".join(json.dumps(one, allow_nan=False) for one in runs)
    text = json.dumps(head, indent=1, allow_nan=False)[:-2] + f',\n "runs": [\n{lines}\n]}}\n'
    path = (folder or FOLDER) / f"{name}.json"
    half = path.with_name(path.name + ".half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)  # whole or not at all
    return path


def _plain(experiment: Experiment) -> Any:
    """Return an experiment as JSON has it."""
    return json.loads(json.dumps(asdict(experiment)))


def _rounded(values: Any) -> Any:
    """Return nested lists of rounded numbers, None for those that are not finite."""
    if np.ndim(values):
        return [_rounded(value) for value in values]
    return float(f"{values:.{DIGITS}g}") if np.isfinite(values) else None
