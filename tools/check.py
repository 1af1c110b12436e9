"""Check all that can be checked, and close with a summary: `python -m tools.check`."""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tools.environment import BUILD, ROOT
from tools.surroundings import surroundings
from tools.toc import notebooks

REPORTS = BUILD / "reports"
PYTHON = [sys.executable, "-m"]
ON_ALL_CORES = ["-n", "auto", "--maxprocesses", "8"]
SANITIZE = "tests/nbval_sanitize.cfg"


@dataclass
class Result:
    """What came of one step.

    Parameters
    ----------
    passed, failed, skipped : int
        How many tests; a step that is not made of tests counts as one.
    seconds : float
        How long the step took.
    failures : list of str
        What failed, by name.
    reasons : Counter of str
        Why tests were skipped, and how many for each reason.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


def run(command: list[str], **variables: str) -> int:
    """Run a command in the root of the checkout, its output streamed; return its exit status."""
    print("$", " ".join(command), flush=True)
    environment = surroundings() | variables
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def simple(*command: str) -> Result:
    """Run a step that either passes or fails."""
    failed = run([*PYTHON, *command]) != 0
    return Result(passed=int(not failed), failed=int(failed), failures=[""] * failed)


def pytest(name: str, *arguments: str, **variables: str) -> Result:
    """Run pytest and read its report.

    Parameters
    ----------
    name : str
        The step, after which the report is named.
    *arguments : str
        For pytest.
    **variables : str
        Environment variables.

    Returns
    -------
    Result
        With a failure more when pytest itself says that something is wrong and no test does.
    """
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [*PYTHON, "pytest", *ON_ALL_CORES, f"--junitxml={report}", *arguments]
    status = run(command, **variables)
    result = read_report(report) if report.exists() else Result()
    if status != 0 and result.failed == 0:
        result.failed = 1
        result.failures.append(f"pytest ended with status {status}")
    return result


def read_report(report: Path) -> Result:
    """Count what stands in a JUnit report of pytest."""
    result = Result()
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = {child.tag: child for child in case}
        if "failure" in outcome or "error" in outcome:
            result.failed += 1
            said = next(one for kind, one in outcome.items() if kind in ("failure", "error"))
            why = (said.get("message") or "").split("\n")[0][:200]
            result.failures.append(f"{case.get('classname')}::{case.get('name')}: {why}")
        elif "skipped" in outcome:
            result.skipped += 1
            result.reasons[outcome["skipped"].get("message") or "no reason given"] += 1
        else:
            result.passed += 1
    return result


def check_pages() -> Result:
    """Look for faults that readers of the built book would meet: all that publishing asks for."""
    return pytest("pages", "-m", "sound", "tests/book", BNCOURSE_BOOK="built")


def check_tests() -> Result:
    """Run the tests of the package, of the tools, and of the house rules for the book."""
    return pytest("tests", "-m", "not sound", "--dist", "worksteal", BNCOURSE_BOOK="built")


def check_notebooks() -> Result:
    """Compare the stored outputs of every notebook with a fresh run."""
    paths = [str(path.relative_to(ROOT)) for path in notebooks()]
    if not paths:
        return Result(skipped=1, reasons=Counter(["_toc.yml names no notebook"]))
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", SANITIZE]
    nbval += ["--dist", "loadfile"]  # the cells of a notebook share a kernel
    # The settings in pyproject.toml are for tests that are Python; here a kernel does the work.
    own = ["-o", "addopts=-ra", "-o", "filterwarnings=default"]
    return pytest("notebooks", *own, *nbval, *paths)


STEPS: dict[str, Callable[[], Result]] = {
    "lint": lambda: simple("ruff", "check", "."),
    "format": lambda: simple("ruff", "format", "--check", "."),
    "types": lambda: simple("mypy"),
    "book": lambda: simple("tools.book"),
    "pages": check_pages,
    "tests": check_tests,
    "notebooks": check_notebooks,
}


def summary(results: dict[str, Result]) -> str:
    """Return the results as a table, with what failed and why anything was skipped.

    Parameters
    ----------
    results : dict of str to Result
        The result of every step, by the step's name.

    Returns
    -------
    str
        Lines for a person to read; the last one counts passed, failed and skipped.
    """
    lines = ["", f"{'step':<10} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"]
    for name, one in results.items():
        lines.append(
            f"{name:<10} {one.passed:>7} {one.failed:>7} {one.skipped:>8} {one.seconds:>8.1f}"
        )
    if reasons := sum((one.reasons for one in results.values()), Counter[str]()):
        lines += ["", "Skipped:", *(f"  {count} x {why}" for why, count in reasons.most_common())]
    if failures := [
        f"  {name} {failure}".rstrip() for name, one in results.items() for failure in one.failures
    ]:
        lines += ["", "Failed (look above for the step):", *failures]
    passed, failed, skipped = (
        sum(getattr(one, kind) for one in results.values())
        for kind in ("passed", "failed", "skipped")
    )
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed, {skipped} skipped"])


def main() -> int:
    """Run all steps, or those that are named; return 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of {', '.join(STEPS)}")
    chosen = parser.parse_args().steps or list(STEPS)
    if unknown := set(chosen) - set(STEPS):
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in chosen:
        print(f"\n=== {name} ===", flush=True)
        start = time.monotonic()
        results[name] = STEPS[name]()
        results[name].seconds = time.monotonic() - start
    print(summary(results), flush=True)
    return 1 if any(one.failed for one in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
