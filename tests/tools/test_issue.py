"""The weekly workflow opens one issue for one trouble, and says where to look."""

import os
import subprocess
import sys

import pytest

from tools.toc import ROOT

TITLE = "Links of the book lead nowhere"
# Stands for GitHub's command line: it notes what it was asked, and lists the issues in a file.
GH = """\
#!/bin/sh
printf '%s\\n' "$@" >> asked
[ "$2" = list ] && cat issues || echo "https://github.example/issues/$2"
"""


@pytest.fixture
def folder(tmp_path):
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    return tmp_path


def report(folder, issues, *arguments, **variables):
    """Report trouble while these issues are open; return the result, and what `gh` was asked."""
    (folder / "issues").write_text(issues)
    run = {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "me/book"}
    run |= {"GITHUB_RUN_ID": "7", "GITHUB_SHA": "abc"} | variables
    path = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tools.issue", *arguments]
    result = subprocess.run(
        command, cwd=folder, env=path | run, capture_output=True, text=True, check=False
    )
    asked = folder / "asked"
    return result, asked.read_text().splitlines() if asked.exists() else []


def test_first_trouble__opens_an_issue_that_leads_to_the_run(folder):
    result, asked = report(folder, '[{"number": 3, "title": "Another"}]', TITLE)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "https://github.example/issues/create\n"
    assert asked[-4:-1] == ["issue", "create", f"--title={TITLE}"]
    assert "https://github.example/me/book/actions/runs/7, on commit abc" in asked[-1]


def test_same_trouble_again__is_added_to_the_open_issue(folder):
    issues = f'[{{"number": 3, "title": "Another"}}, {{"number": 5, "title": "{TITLE}"}}]'
    result, asked = report(folder, issues, TITLE)
    assert result.returncode == 0
    assert asked[-4:-1] == ["issue", "comment", "5"]
    assert "create" not in asked


def test_failure_of_gh__is_a_failure(folder):
    (folder / "gh").write_text("#!/bin/sh\necho 'no token' >&2\nexit 4\n")
    result, _ = report(folder, "[]", TITLE)
    assert result.returncode == 1
    assert "no token" in result.stderr
    assert "issue: Command '['gh', 'issue', 'list'" in result.stderr


def test_no_title__is_said(folder):
    result, asked = report(folder, "[]")
    assert (result.returncode, result.stderr) == (2, "issue: want one title\n")
    assert asked == []
