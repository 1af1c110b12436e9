"""`.venv` is whole or not at all, and what is in its way is said in one clear line."""

import os
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import pytest

from tools.toc import ROOT

# A package that can be installed in place with no network: its own build backend, written out.
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "bncourse"
version = "1"
requires-python = ">=3.11"
"""
BACKEND = """\
import pathlib
import zipfile


def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "bncourse-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("bncourse.pth", str(pathlib.Path.cwd()))
        wheel.writestr("bncourse-1.dist-info/METADATA", METADATA)
        wheel.writestr("bncourse-1.dist-info/WHEEL", WHEEL)
        wheel.writestr("bncourse-1.dist-info/RECORD", "")
    return name


METADATA = "Metadata-Version: 2.1\\nName: bncourse\\nVersion: 1\\n"
WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
"""


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout whose one requirement lies beside it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    write_wheel(tmp_path / "tiny-1-py3-none-any.whl", "tiny")
    (tmp_path / "requirements.txt").write_text("./tiny-1-py3-none-any.whl\n")
    return tmp_path


def write_wheel(path, name):
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        )
        wheel.writestr(
            f"{name}-1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{name}-1.dist-info/RECORD", "")


def start(checkout, python=sys.executable, **variables):
    variables = os.environ | {"PIP_NO_INDEX": "1"} | variables
    command = [python, "-m", "tools.set_up"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=checkout, env=variables, stdout=pipe, stderr=pipe, text=True
    )


def set_up(checkout, python=sys.executable, **variables):
    """Run the set-up; return its exit status, what it said, and its complaints."""
    process = start(checkout, python, **variables)
    said, complaints = process.communicate()
    return process.returncode, said, complaints


def is_whole(checkout):
    return (checkout / ".venv" / "whole.json").exists() and imports(checkout, "tiny")


def imports(checkout, module):
    python = checkout / ".venv" / "bin" / "python"
    return subprocess.run([python, "-c", f"import {module}"], check=False).returncode == 0


def one_line(complaints):
    """Return the only line of the complaints."""
    (line,) = complaints.splitlines()
    assert line.startswith("set-up: ")
    return line


def pretend_whole(checkout):
    """Give the checkout a `.venv` that has nothing in it but the stamp of a whole one."""
    environment = checkout / ".venv"
    venv.create(environment, symlinks=True)
    code = "import json, tools.environment as e; print(json.dumps(e.wanted_stamp()))"
    command = [sys.executable, "-c", code]
    stamp = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    (environment / "whole.json").write_text(stamp.stdout)
    assert set_up(checkout) == (0, "", "")


def old_pythons():
    """Return the Pythons on this machine that are too old, by version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    found = {}
    for python in [*pyenv.glob("versions/3.*/bin/python"), *filter(None, named)]:
        result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        major, _, minor = result.stdout.strip().partition(".")
        if major == "3" and int(minor) < 11:
            found[f"3.{minor}"] = python
    return found


def test_environment__is_made_once_and_then_found_in_an_instant(checkout):
    status, said, complaints = set_up(checkout)
    assert (status, complaints) == (0, "")
    assert said.splitlines()[0] == "Making .venv ..."
    assert is_whole(checkout)

    begun = time.monotonic()
    assert set_up(checkout) == (0, "", "")
    assert time.monotonic() - begun < 1


def test_half_made_environment__is_made_anew(checkout):
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    status, said, _ = set_up(checkout)
    assert status == 0
    assert "half made" in said
    assert is_whole(checkout)


def test_environment_whose_python_is_gone__is_made_anew(checkout):
    pretend_whole(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()
    status, said, _ = set_up(checkout)
    assert status == 0
    assert "half made or broken" in said
    assert is_whole(checkout)


def test_changed_requirements__make_it_anew(checkout):
    pretend_whole(checkout)
    write_wheel(checkout / "other-1-py3-none-any.whl", "other")
    (checkout / "requirements.txt").write_text("./other-1-py3-none-any.whl\n")
    status, said, _ = set_up(checkout)
    assert status == 0
    assert "requirements.txt changed" in said
    assert imports(checkout, "other")


def test_changed_metadata__installs_the_package_alone(checkout):
    set_up(checkout)
    (checkout / "pyproject.toml").write_text(PYPROJECT + "# more\n")
    status, said, _ = set_up(checkout)
    assert status == 0
    assert "installing bncourse again" in said
    assert "Making" not in said
    assert is_whole(checkout)


def test_copied_environment__is_made_anew(checkout, tmp_path_factory):
    pretend_whole(checkout)
    copy = tmp_path_factory.mktemp("copy") / "checkout"
    shutil.copytree(checkout, copy, symlinks=True)
    status, said, _ = set_up(copy)
    assert status == 0
    assert "place changed" in said
    assert is_whole(copy)


def test_requirement_that_cannot_be_installed__is_named_and_leaves_no_whole_environment(checkout):
    good = (checkout / "requirements.txt").read_text()
    (checkout / "requirements.txt").write_text(good + "no-such-package==1.0\n")
    for _ in range(2):
        status, _, complaints = set_up(checkout)
        assert status == 1
        line = one_line(complaints)
        assert "no-such-package==1.0" in line
        assert "_build/reports/set_up.log" in line
        assert "no-such-package" in (checkout / "_build" / "reports" / "set_up.log").read_text()
        assert not is_whole(checkout)

    (checkout / "requirements.txt").write_text(good)
    assert set_up(checkout)[0] == 0
    assert is_whole(checkout)


def test_package_index_out_of_reach__is_said(checkout):
    (checkout / "requirements.txt").write_text("no-such-package==1.0\n")
    nowhere = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://localhost:9/simple"}
    nowhere |= {"PIP_RETRIES": "1", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    status, _, complaints = set_up(checkout, PIP_CONFIG_FILE=os.devnull, **nowhere)
    assert status == 1
    assert "could not be reached: check the network" in one_line(complaints)


def test_two_at_once__make_it_once(checkout):
    both = [start(checkout), start(checkout)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("Making .venv" in one for one in said) == 1
    assert sum("waiting for it" in one for one in said) == 1
    assert is_whole(checkout)


def test_stopped_set_up__is_not_taken_for_whole(checkout):
    process = start(checkout)
    while not (checkout / ".venv" / "bin" / "python").exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not is_whole(checkout)
    status, said, _ = set_up(checkout)
    assert status == 0
    assert "half made" in said
    assert is_whole(checkout)


def test_python_older_than_pyproject_wants__gets_one_line(checkout):
    (checkout / "pyproject.toml").write_text(PYPROJECT.replace("3.11", "3.99"))
    status, _, complaints = set_up(checkout)
    assert status == 1
    assert "needs Python 3.99 or newer" in one_line(complaints)
    assert "make book PYTHON=python3.99" in complaints
    assert not (checkout / ".venv").exists()


def test_really_old_python__gets_one_line(checkout):
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python older than 3.11 is installed here")
    for version, python in pythons.items():
        status, _, complaints = set_up(checkout, python)
        assert status == 1
        assert f"is Python {version}" in one_line(complaints)


def test_python_without_venv__gets_one_line(checkout, tmp_path_factory):
    lacking = tmp_path_factory.mktemp("lacking")
    (lacking / "ensurepip.py").write_text("raise ImportError('as Debian ships it')\n")
    status, _, complaints = set_up(checkout, PYTHONPATH=str(lacking))
    assert status == 1
    assert "sudo apt install python3-venv" in one_line(complaints)
    assert not (checkout / ".venv").exists()


def test_no_python_at_all__gets_one_line_from_make(checkout):
    command = ["make", "book", "PYTHON=no-such-python"]
    result = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    line, made = result.stderr.splitlines()
    assert "there is no 'no-such-python' here" in one_line(line)
    assert made.startswith("make")
