"""The summary of `make test` counts right, names what failed and says why anything was skipped."""

import re
import subprocess
import sys
from collections import Counter

import pytest

from tools import check

SUITE = """\
import pytest

def test_that__passes(): pass
def test_that__fails(): assert 0
def test_that__errors(missing): pass
@pytest.mark.skip(reason="no GPU here")
def test_that__is_skipped(): pass
"""


@pytest.fixture
def report(tmp_path):
    """Return pytest's report on a suite that has one of each."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--junitxml={report}", f"--rootdir={tmp_path}", str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
    return report


def test_report__is_counted(report):
    result = check.read_report(report)
    assert (result.passed, result.failed, result.skipped) == (1, 2, 1)
    failed, error = result.failures
    assert failed == "test_suite::test_that__fails: assert 0"
    assert error.startswith("test_suite::test_that__errors: failed on setup")
    assert result.reasons == {"no GPU here": 1}


def test_summary__says_why_and_closes_with_the_counts():
    text = check.summary(
        {
            "lint": check.Result(passed=1),
            "tests": check.Result(
                passed=3,
                failed=1,
                skipped=2,
                failures=["test_x::test_y"],
                reasons=Counter({"no GPU here": 2}),
            ),
        }
    )
    assert "  2 x no GPU here" in text
    assert "  tests test_x::test_y" in text
    assert re.search(r"^tests +3 +1 +2 +0\.0$", text, re.MULTILINE)
    assert text.splitlines()[-1] == "4 passed, 1 failed, 2 skipped"


def test_step_that_fails__makes_the_whole_fail_and_the_others_still_run(monkeypatch, capsys):
    steps = {
        "lint": lambda: check.simple("no_such_module"),
        "types": lambda: check.Result(passed=1),
    }
    monkeypatch.setattr(check, "STEPS", steps)
    monkeypatch.setattr(sys, "argv", ["check"])
    assert check.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


def test_pytest_that_collects_nothing__is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "REPORTS", tmp_path)
    result = check.pytest("empty", "-o", "addopts=", str(tmp_path))
    assert result.failed == 1
    assert result.failures == ["pytest ended with status 5"]
