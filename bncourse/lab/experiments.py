"""The longer training runs of the chapter on training: what is run, and how.

A run yields one series for each thing that is looked at, so the beginning of a long run is what
a short one gives. `bncourse.lab.results` reads the stored ones.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bncourse.lab.data import Digits, mnist
from bncourse.lab.ghost import GhostBatchNorm
from bncourse.lab.looks import LOOKS, Scene
from bncourse.lab.networks import mlp
from bncourse.lab.noise import MovingNoise
from bncourse.lab.training import train
from bncourse.scratch import BatchNorm, Floats, Layer, ReLU, Sequential, Sigmoid

GHOSTS = (240, 48, 16, 8, 4, 2)


Norms = Callable[[int], list[Layer]]


def _nothing(units: int) -> list[Layer]:
    return []


def _norm(units: int) -> list[Layer]:
    return [BatchNorm(units)]


def _noise(seed: int, norms: Norms) -> Norms:
    """Return what `norms` does, with noise after it, whose numbers belong to the seed."""
    rng = np.random.default_rng([seed, 1])
    return lambda units: [*norms(units), MovingNoise(rng)]


def _sigmoids(seed: int, std: float, norms: Norms) -> Sequential:
    rng = np.random.default_rng(seed)
    return mlp(rng, hidden=3, std=std, activation=Sigmoid, norms=norms)


def _relus(seed: int, norms: Norms) -> Sequential:
    return mlp(np.random.default_rng(seed), hidden=3, std=None, activation=ReLU, norms=norms)


def _ghost(size: int, seed: int) -> Sequential:
    return _relus(seed, lambda units: [GhostBatchNorm(units, size)])


# Networks by name; networks of one seed have the same weights, but for their size.
KINDS: dict[str, Callable[[int], Sequential]] = {
    "plain": lambda seed: _sigmoids(seed, 0.1, _nothing),
    "larger weights": lambda seed: _sigmoids(seed, 0.4, _nothing),
    "batch norm": lambda seed: _sigmoids(seed, 0.1, _norm),
    "noisy batch norm": lambda seed: _sigmoids(seed, 0.1, _noise(seed, _norm)),
    "larger weights, batch norm": lambda seed: _sigmoids(seed, 0.4, _norm),
    "larger weights, noise": lambda seed: _sigmoids(seed, 0.4, _noise(seed, _nothing)),
    "ReLU": lambda seed: _relus(seed, _nothing),
    "ReLU, batch norm": lambda seed: _relus(seed, _norm),
    **{f"ghost {size}": partial(_ghost, size) for size in GHOSTS},
}


@dataclass(frozen=True)
class Experiment:
    """Runs that differ in network, learning rate and seed, and in nothing else.

    Attributes
    ----------
    kinds : tuple of str
        Of ``KINDS``.
    lrs : tuple of float
        Learning rates.
    seeds : tuple of int
        A seed draws weights, and then the batches.
    steps, every : int
        Length of a run, and steps between two looks; a look is taken before the first step too.
    looks : tuple of str
        Of ``bncourse.lab.looks.LOOKS``.
    batch_size : int
    images : int
        How many of the training images are used, the first ones.
    torch : bool
        Whether PyTorch's twin of the network is trained beside it, on the same batches.
    """

    kinds: tuple[str, ...]
    lrs: tuple[float, ...]
    seeds: tuple[int, ...]
    steps: int
    every: int
    looks: tuple[str, ...]
    batch_size: int = 60
    images: int = 4000
    torch: bool = False

    @property
    def at(self) -> NDArray[np.intp]:
        """The steps before which a look is taken, and the last one."""
        return np.arange(0, self.steps + 1, self.every)

    def settings(self) -> Iterator[tuple[str, float, int]]:
        """Yield kind, learning rate and seed of each run."""
        for kind in self.kinds:
            for lr in self.lrs:
                for seed in self.seeds:
                    yield kind, lr, seed


EXPERIMENTS = {
    "curves": Experiment(
        kinds=("plain", "larger weights", "batch norm"),
        lrs=(0.5,),
        seeds=(0, 1, 2),
        steps=3000,
        every=100,
        looks=("accuracy",),
        torch=True,
    ),
    "rates": Experiment(
        kinds=(
            "plain",
            "larger weights",
            "batch norm",
            "noisy batch norm",
            "larger weights, batch norm",
            "ReLU",
            "ReLU, batch norm",
        ),
        lrs=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
        seeds=(0, 1, 2, 3, 4),
        steps=600,
        every=100,
        looks=("accuracy",),
    ),
    "inside": Experiment(
        kinds=(
            "plain",
            "larger weights",
            "batch norm",
            "noisy batch norm",
            "larger weights, noise",
        ),
        lrs=(0.5,),
        seeds=(0, 1, 2, 3, 4),
        steps=600,
        every=20,
        looks=("accuracy", "jump", "gradient shift", "along"),
    ),
    "ghosts": Experiment(
        kinds=tuple(f"ghost {size}" for size in GHOSTS),
        lrs=(0.1,),
        seeds=(0, 1, 2, 3, 4),
        steps=600,
        every=100,
        looks=("accuracy", "losses"),
        batch_size=240,
        images=1000,
    ),
}


def run(
    experiment: Experiment, kind: str, lr: float, seed: int, *, steps: int | None = None
) -> dict[str, Floats]:
    """Train one network, and return what was seen on the way.

    Parameters
    ----------
    experiment : Experiment
    kind, lr, seed
        One of its settings.
    steps : int, optional
        For a shorter run, a multiple of the experiment's ``every``; as many as it has if missing.

    Returns
    -------
    dict of arrays
        "loss": the mean over the steps between two looks, of length looks - 1; with PyTorch's twin
        also "torch loss". What the looks return, of length looks, by name.

    Raises
    ------
    ValueError
        If there is no such kind of network, or `steps` is no multiple of ``every``.

    Examples
    --------
    >>> seen = run(EXPERIMENTS["rates"], "plain", 0.3, 0, steps=100)
    >>> {name: values.shape for name, values in seen.items()}
    {'accuracy': (2,), 'loss': (1,)}
    """
    if kind not in KINDS:
        raise ValueError(f"kind: want one of {', '.join(KINDS)}, got {kind!r}")
    steps = experiment.steps if steps is None else steps
    if steps < 0 or steps % experiment.every:
        raise ValueError(f"steps: want a multiple of {experiment.every}, got {steps}")
    experiment = replace(experiment, steps=steps)
    digits = _digits(experiment.images)
    network = KINDS[kind](seed)
    losses = {"loss": _losses(train, network, digits, experiment, lr, seed)}
    if experiment.torch:
        from bncourse.lab.twins import torch_twin, train_twin

        twin = torch_twin(network)
        losses["torch loss"] = _losses(train_twin, twin, digits, experiment, lr, seed)
    series: dict[str, list[Any]] = defaultdict(list)
    # Diverging is a result, too.
    with np.errstate(over="ignore", invalid="ignore"):
        for step in experiment.at:
            rng = np.random.default_rng([seed, 3, step])
            rows = rng.choice(experiment.images, experiment.batch_size, replace=False)
            for look in experiment.looks:
                for name, value in LOOKS[look](network, Scene(digits, rows, lr)).items():
                    series[name].append(value)
            if step < experiment.steps:
                for name, source in losses.items():
                    series[name].append(np.mean(list(islice(source, experiment.every))))
    return {name: np.array(values) for name, values in series.items()}


def _losses(
    trainer: Callable[..., Iterator[float]],
    network: Any,
    digits: Digits,
    experiment: Experiment,
    lr: float,
    seed: int,
) -> Iterator[float]:
    """Return the losses of a training to come; those of one seed take the same batches."""
    return trainer(
        network,
        digits.train_images,
        digits.train_labels,
        steps=experiment.steps,
        batch_size=experiment.batch_size,
        lr=lr,
        rng=np.random.default_rng([seed, 2]),
    )


def _digits(images: int) -> Digits:
    """Return the digits in float64, with the first training images only."""
    digits = mnist()
    return Digits(
        digits.train_images[:images].astype(np.float64),
        digits.train_labels[:images],
        digits.test_images.astype(np.float64),
        digits.test_labels,
    )
