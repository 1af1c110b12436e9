"""The workflows are valid, call what exists, and may do no more than they need to."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import bncourse
from tools.toc import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CITATION = ROOT / "CITATION.cff"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What a job may write; all others read the files and nothing else.
WRITES = {
    ("publish", "deploy"): {"pages", "id-token"},
    ("weekly", "report"): {"issues"},
}


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request):
    return request.param


def read(path):
    return yaml.safe_load(path.read_text())


def commands(workflow):
    """Return what the steps of a workflow run."""
    return "\n".join(
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    )


def complaint(path, schema):
    """Return what is wrong with a file by a schema, empty if nothing is."""
    check = Path(sys.executable).with_name("check-jsonschema")
    result = subprocess.run(
        [check, "--builtin-schema", schema, path], capture_output=True, text=True, check=False
    )
    return result.stdout if result.returncode else ""


def test_workflows_for_every_occasion__are_there():
    assert [path.stem for path in WORKFLOWS] == ["publish", "pull-request", "weekly"]


@pytest.mark.parametrize(
    "schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"]
)
def test_workflow__is_valid_and_has_a_timeout_for_every_job(path, schema):
    assert complaint(path, schema) == ""


def test_citation__is_valid_and_of_this_version():
    assert complaint(CITATION, "vendor.citation-file-format") == ""
    assert read(CITATION)["version"] == bncourse.__version__


def test_settings_of_dependabot__are_valid():
    assert complaint(ROOT / ".github" / "dependabot.yml", "vendor.dependabot") == ""


@pytest.mark.parametrize(
    ("path", "schema", "old", "new", "said"),
    [
        (WORKFLOWS[0], "vendor.github-workflows", "runs-on:", "run-on:", "runs-on"),
        (WORKFLOWS[0], "vendor.github-workflows", "contents: read", "contents: all", "all"),
        (
            WORKFLOWS[0],
            "custom.github-workflows-require-timeout",
            "    timeout-minutes: 15\n",
            "",
            "'timeout-minutes' is a required property",
        ),
        (CITATION, "vendor.citation-file-format", "authors:", "writers:", "authors"),
    ],
    ids=["unknown key", "unknown permission", "no timeout", "no authors"],
)
def test_planted_fault__is_found_by_the_schema(tmp_path, path, schema, old, new, said):
    text = path.read_text()
    assert old in text
    wrong = tmp_path / path.name
    wrong.write_text(text.replace(old, new))
    assert said in complaint(wrong, schema)


def test_workflow__calls_targets_of_make_that_exist(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", commands(read(path)))) <= targets


def test_workflow__calls_tools_that_exist_with_options_that_they_know(path):
    for tool, rest in re.findall(r"-m (tools\.\w+)(.*)", commands(read(path))):
        assert (ROOT / tool.replace(".", "/")).with_suffix(".py").exists()
        if options := re.findall(r"--[a-z-]+", rest):
            command = [sys.executable, "-m", tool, "--help"]
            known = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            assert set(options) <= set(re.findall(r"--[a-z-]+", known.stdout))


def test_workflow__has_something_to_run(path):
    assert re.search(r"make [a-z]|-m tools\.", commands(read(path)))


def test_job__waits_for_every_job_that_it_asks_about(path):
    for job in read(path)["jobs"].values():
        asked = set(re.findall(r"needs\.([\w-]+)\.", str(job)))
        needs = job.get("needs", [])
        assert asked <= set([needs] if isinstance(needs, str) else needs)


def test_job__may_write_only_what_it_has_to(path):
    workflow = read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = {what for what, how in job["permissions"].items() if how == "write"}
        assert writes == WRITES.get((path.stem, name), set())


def test_pull_request__is_tested_on_every_python_that_we_promise():
    promised = re.findall(r"Python :: (\d\.\d+)", str(PROJECT["classifiers"]))
    pull_request = read(ROOT / ".github" / "workflows" / "pull-request.yml")
    assert pull_request["jobs"]["test"]["strategy"]["matrix"]["python"] == promised


def test_publishing__asks_for_a_book_that_builds_and_for_sound_pages_alone():
    publish = read(ROOT / ".github" / "workflows" / "publish.yml")
    assert re.findall(r"\bmake .*|-m .*", commands(publish)) == [
        "make book PYTHON=python",
        "-m tools.check pages",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", "sound", "tests/book"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"::(\w+)", listed)) == {
        "test_page__asks_no_other_host_for_anything",
        "test_page__has_links_that_lead_somewhere",
        "test_page__has_no_markup_that_was_not_understood",
        "test_page__works",
        "test_style_sheets__ask_no_other_host_for_anything",
    }


def test_workflows__do_what_they_are_for_when_they_should():
    pull_request, publish, weekly = (
        read(ROOT / ".github" / "workflows" / f"{name}.yml")
        for name in ("pull-request", "publish", "weekly")
    )
    # YAML takes the word `on` for true.
    assert "pull_request" in pull_request[True]
    assert publish[True]["push"] == {"branches": ["main"]}
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", weekly[True]["schedule"][0]["cron"])
    assert publish["jobs"]["deploy"]["if"] == "github.ref == 'refs/heads/main'"
    assert {"run": "make test PYTHON=python"} in pull_request["jobs"]["test"]["steps"]
    for job in (pull_request["jobs"]["test"], publish["jobs"]["build"]):
        assert job["env"]["CHROMIUM"] == "/usr/bin/google-chrome"
        assert job["steps"][-1]["with"]["path"] == "_build/html"
    assert "-m tools.colab --here --published" in commands(weekly)
    assert "make links" in commands(weekly)
