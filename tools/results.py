"""Run the experiments of the chapter on training and store what came of them: `make results`.

They take 20 minutes of one core in all. A run depends on its own seed alone, so they run side by
side, in any order.
"""

import argparse
import datetime
import multiprocessing
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import torch
from tqdm import tqdm

from bncourse.lab.experiments import EXPERIMENTS, Experiment, run
from bncourse.lab.results import Results, store
from bncourse.scratch import Floats
from tools.machine import processor
from tools.surroundings import ONE_THREAD

Timed = tuple[dict[str, Floats], float]


def timed_run(experiment: Experiment, setting: tuple[str, float, int]) -> Timed:
    """Return the series of one run of an experiment, and the processor's seconds that it took."""
    torch.set_num_threads(1)
    start = time.process_time()
    return run(experiment, *setting), time.process_time() - start


def make(name: str) -> Results:
    """Run an experiment, with a line of progress, and return its results."""
    experiment = EXPERIMENTS[name]
    settings = list(experiment.settings())
    # New processes, not forks: NumPy reads the number of threads when it is imported.
    processes = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=processes) as pool:
        each = pool.map(partial(timed_run, experiment), settings)
        done = list(tqdm(each, desc=name, total=len(settings), unit="run"))
    made = {
        "date": datetime.date.today().isoformat(),
        "seconds": round(sum(seconds for _, seconds in done)),
        "versions": f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"PyTorch {torch.__version__}",
        "processor": processor(),
    }
    series = (one for one, _ in done)
    return Results(experiment, made, dict(zip(settings, series, strict=True)))


def main() -> None:
    """Run the experiments that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(EXPERIMENTS)}")
    names = parser.parse_args().names or list(EXPERIMENTS)
    if unknown := set(names) - set(EXPERIMENTS):
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}")
    os.environ.update(ONE_THREAD)
    for name in names:
        results = make(name)
        print(store(name, results).name, results, sep=": ", flush=True)


if __name__ == "__main__":
    main()
