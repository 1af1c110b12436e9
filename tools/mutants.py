"""Plant faults in the package and see which tests catch them: `python -m tools.mutants`.

A test suite is worth what it rejects. Each mutant is one wrong version of a line of the package;
the tests run on a copy with that line in it, and a mutant that survives is a fault of the tests.
A mutant of an equation has to be rejected by the tests that carry the equation's marker, alone.
"""

import contextlib
import gc
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tools.evidence import citations
from tools.mutant_table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[1]
COPIED = (
    "bncourse",
    "pyproject.toml",
    "tests/conftest.py",
    "tests/lab",
    "tests/scratch",
    "tests/test_oracle.py",
    "tests/test_tolerances.py",
)
# Nor the tests that need the images.
NEED_IMAGES = [f"test_{name}.py" for name in ("data", "experiments", "networks", "results")]
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.npz", *NEED_IMAGES)

# Each run of the tests forks from a process that has imported already what takes long. The two
# parts of torch are those that it imports at the first `backward` and the first optimizer.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "hypothesis",
        "mpmath",
        "numpy.random",
        "numpy.testing",
        "pytest",
        "torch",
        "torch._dynamo",
        "torch.fx.experimental.symbolic_shapes",
    ]
)
# Neither a cache nor explanations of what failed.
PYTEST = ("-q", "-p", "no:cacheprovider", "--assert=plain", "--tb=no")


@dataclass(frozen=True)
class Outcome:
    """What the tests said to a copy of the package.

    Attributes
    ----------
    package : str
        Where the package that they tested was imported from.
    failed : tuple of str
        The tests that failed; none if the copy survived.
    status : int
        pytest's exit status.
    output : str
        What pytest printed.
    """

    package: str
    failed: tuple[str, ...]
    status: int
    output: str


class Failures:
    """A plugin of pytest that collects the names of the tests that fail."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the name of a test that failed, or whose fixtures did."""
        if report.failed:
            self.names.append(report.nodeid)


def plant(mutant: Mutant, folder: Path) -> None:
    """Change the copy of the package in `folder` into the mutant.

    Raises
    ------
    ValueError
        If the old text does not occur exactly once.
    """
    path = folder / mutant.file
    text = path.read_text(encoding="utf-8")
    count = text.count(mutant.old)
    if count != 1:
        raise ValueError(
            f"{mutant.name}: want the old text once in {mutant.file}, got it {count} times:\n"
            f"{mutant.old}"
        )
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def run_here(folder: Path, arguments: list[str], answer: Connection) -> None:
    """Run pytest in `folder` in this process, which must be a fresh one, and send the outcome."""
    # pytest collects garbage time and again: what was imported before is none.
    gc.freeze()
    # The tests start processes too, and these find the copy by the variable.
    os.environ |= {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    failures, output = Failures(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = pytest.main([*PYTEST, *arguments], [failures])
        import bncourse
    answer.send(
        Outcome(str(bncourse.__file__), tuple(failures.names), int(status), output.getvalue())
    )


def run_tests(folder: Path, arguments: list[str]) -> Outcome:
    """Run pytest in `folder` on the package in `folder`.

    Raises
    ------
    RuntimeError
        If they did not run, or ran on another package, such as one that is installed in place.
    """
    here, there = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=run_here, args=(folder, arguments, there))
    process.start()
    there.close()
    try:
        outcome: Outcome = here.recv()
    except EOFError:
        raise RuntimeError("the process of the tests ended without an answer") from None
    finally:
        process.join()
    if folder not in Path(outcome.package).parents:
        raise RuntimeError(f"want the package in {folder} tested, got {outcome.package}")
    if (outcome.status, bool(outcome.failed)) not in ((0, False), (1, True)):
        raise RuntimeError(f"pytest ended with {outcome.status}:\n{outcome.output}")
    return outcome


@cache
def package() -> list[citations.Module]:
    """Return the modules of bncourse, read once."""
    return citations.modules(ROOT)


def equations_of(mutant: Mutant) -> list[str]:
    """Return the labels of the equations whose computation this mutant changes.

    A mutant that lies in a function that computes an equation, and only in what that function
    does beside it, says so in `Mutant.beside`.
    """
    if mutant.beside:
        return []
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    first = text[: text.index(mutant.old.strip())].count("\n") + 1
    changed = set(range(first, first + mutant.old.strip().count("\n") + 1))
    return [
        label
        for module in package()
        if module.file == mutant.file
        for function in module.functions
        for label in function.computes
        if changed & function.equation_lines(label)
    ]


@cache
def marked_tests() -> list[citations.Test]:
    """Return the tests that carry a marker, read once."""
    return citations.marked_tests(ROOT)[0]


def tests_of(label: str) -> list[str]:
    """Return the tests that carry an equation's marker, as pytest takes them.

    Raises
    ------
    ValueError
        If there is none.
    """
    marked = [f"{test.file}::{test.name}" for test in marked_tests() if label in test.equations]
    if not marked:
        raise ValueError(f'{label}: want a test with @pytest.mark.equation("{label}"), got none')
    return marked


def tests_for(mutant: Mutant | None, folder: Path) -> list[list[str]]:
    """Return all tests in `folder` in groups, the most likely to reject the mutant first.

    They are in the file that mirrors the mutant's; then come those beside it.
    """
    file = Path(mutant.file if mutant else "")
    mirror = f"test_{file.stem.removeprefix('_')}"

    def distance(path: Path) -> tuple[bool, bool]:
        return not path.name.startswith(mirror), path.parent.name != file.parent.name

    paths = sorted(folder.rglob("test_*.py"), key=lambda path: (distance(path), path))
    return [[str(path) for path in group] for _, group in groupby(paths, distance)]


def try_out(mutant: Mutant | None, *options: str, equation: str | None = None) -> Outcome:
    """Run the tests, with options of pytest, on a copy of the package that is the mutant.

    Parameters
    ----------
    mutant : Mutant or None
        None stands for the package as it is.
    *options : str
        For pytest.
    equation : str, optional
        The label of an equation: only tests with its marker run. Without it all do, in groups,
        until a group has a test that fails.

    Returns
    -------
    Outcome
        What the tests said.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for part in COPIED:
            source, target = ROOT / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=NOT_COPIED)
            else:
                shutil.copy(source, target)
        if mutant is not None:
            plant(mutant, folder)
        groups = [tests_of(equation)] if equation else tests_for(mutant, folder)
        for tests in groups:
            outcome = run_tests(folder, [*options, *tests])
            if outcome.failed:
                break
        return outcome


def judge(mutant: Mutant, *options: str) -> Outcome:
    """Run the tests that have to reject a mutant, with options of pytest.

    They are those that carry the marker of the equation that it changes, or all if it changes
    none. Of several equations the outcome is that with the fewest tests failed.
    """
    labels: list[str | None] = [*equations_of(mutant)]
    outcomes = [try_out(mutant, *options, equation=label) for label in labels or [None]]
    return min(outcomes, key=lambda outcome: len(outcome.failed))


def report(mutant: Mutant, outcome: Outcome) -> str:
    """Return one line of the table: the mutant, how many tests failed, and the first of them."""
    if not outcome.failed:
        return f"{mutant.name:52} SURVIVED"
    names = [name.rsplit("::", 1)[-1].split("[")[0] for name in outcome.failed]
    first = ", ".join(list(dict.fromkeys(names))[:2])
    return f"{mutant.name:52} {len(names):4} failed: {first}"


def main() -> int:
    """Try every mutant, as many at a time as there are processors, and print what came of it.

    Returns
    -------
    int
        The exit status: 1 if a mutant survived, or the tests fail without one.
    """
    if failed := try_out(None).failed:
        print("The tests fail on the package as it is:", *failed, sep="\n  ")
        return 1
    survivors = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(judge, MUTANTS)
        for done, (mutant, outcome) in enumerate(zip(MUTANTS, outcomes, strict=True), start=1):
            print(f"{done:3}/{len(MUTANTS)} {report(mutant, outcome)}", flush=True)
            if not outcome.failed:
                survivors.append(mutant.name)
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants rejected", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
