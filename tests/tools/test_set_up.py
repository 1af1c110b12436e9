"""`.venv` is whole or not at all, and what is in its way is said in one clear line."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import venv
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools import environment
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
classifiers = ["Python :: 3.11", "Python :: 3.99"]
"""
# What the set-up imports at its end, but for bncourse; the real ones are too big for a test.
IMPORTED = ("jupyter_book", "matplotlib", "mypy", "nbclient", "nbval", "numba", "pytest", "ruff")
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
    (tmp_path / "bncourse.py").touch()
    write_wheel(tmp_path / "tiny-1-py3-none-any.whl", "tiny", *IMPORTED, "torch")
    (tmp_path / "requirements.txt").write_text("./tiny-1-py3-none-any.whl\n")
    return tmp_path


def write_wheel(path, name, *modules):
    with zipfile.ZipFile(path, "w") as wheel:
        for module in (name, *modules):
            wheel.writestr(f"{module}.py", "")
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
    code = "import json, tools.environment as e"
    code += "; print(json.dumps(e.wanted_stamp() | {'installed': ''}))"
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
    write_wheel(checkout / "other-1-py3-none-any.whl", "other", *IMPORTED, "torch")
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


# Each of these leaves .venv empty, or fails, when pip gets to see it.
ELSEWHERE = {
    **{"target": "elsewhere", "prefix": "elsewhere", "root": "elsewhere", "user": "1"},
    **{"dry-run": "1", "no-deps": "1", "require-hashes": "1", "no-binary": ":all:", "quiet": "3"},
    **{"requirement": "no-such-file", "constraint": "no-such-file", "python": "/no/such/python"},
    **{"log": "/no/such/log", "report": "/no/such/report", "only-binary": "no", "pre": "1"},
}


@pytest.mark.parametrize("where", ["variables", "global", "install"])
def test_users_settings_of_pip__say_where_packages_come_from_and_nothing_else(checkout, where):
    (checkout / "requirements.txt").write_text("tiny==1\n")
    settings = ELSEWHERE | {"find-links": str(checkout)}
    if where == "variables":
        variables = {f"PIP_{key.upper().replace('-', '_')}": settings[key] for key in settings}
        hostile = checkout / "hostile"
        hostile.mkdir()
        (hostile / "sitecustomize.py").write_text("import sys\nsys.prefix = '/no/such/place'\n")
        variables |= {"PYTHONPATH": str(hostile), "PYTHONUSERBASE": str(hostile)}
    else:
        lines = [f"[{where}]", *(f"{key} = {text}" for key, text in settings.items())]
        (checkout / "pip.conf").write_text("\n".join(lines))
        variables = {"PIP_CONFIG_FILE": str(checkout / "pip.conf"), "PIP_FIND_LINKS": ""}
    status, _, complaints = set_up(checkout, **variables)
    assert (status, complaints) == (0, "")
    assert is_whole(checkout)
    assert not (checkout / "elsewhere").exists()


def test_settings_that_pip_cannot_read__are_named(checkout):
    (checkout / "pip.conf").write_text("[global\n")
    status, _, complaints = set_up(checkout, PIP_CONFIG_FILE=str(checkout / "pip.conf"))
    assert status == 1
    assert "pip.conf" in one_line(complaints)


def test_installation_that_cannot_be_imported__is_not_taken_for_whole(checkout):
    write_wheel(checkout / "tiny-1-py3-none-any.whl", "tiny", *IMPORTED)
    status, _, complaints = set_up(checkout)
    assert status == 1
    assert "No module named 'torch'" in one_line(complaints)
    assert not is_whole(checkout)


def test_environment_from_which_a_package_was_removed__is_made_anew(checkout):
    pretend_whole(checkout)
    stamp = checkout / ".venv" / "whole.json"
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"installed": "tiny-1.dist-info"}))
    status, said, _ = set_up(checkout)
    assert status == 0
    assert "half made or broken" in said
    assert is_whole(checkout)


@contextmanager
def answering(status, seconds):
    """Serve this status on each page after so many seconds; yield the address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(seconds)
            self.send_error(status)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}/simple"
        server.shutdown()


@contextmanager
def swallowing():
    """Yield the address of a host that swallows packets: the queue of who would connect is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        for one in waiting:
            one.close()


def silence(address, proxy=None):
    (index,) = environment.indexes({"PIP_INDEX_URL": address})
    assert "secret" not in index
    return environment.silence(index, proxy)


def test_index_that_cannot_be_reached__is_found_out_within_seconds(monkeypatch):
    monkeypatch.setattr(environment, "SILENCE_S", 1.0)
    begun = time.monotonic()
    assert "refused" in silence("http://127.0.0.1:9/simple")
    assert "not known" in silence("https://no-such-host.invalid/simple")
    with swallowing() as address:
        assert "timed out" in silence(address)
        assert "timed out" in silence("https://no-such-host.invalid/simple", proxy=address)
    with answering(503, 0) as address:
        assert silence(address) == "it answers 503 Service Unavailable"
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("status", [200, 401, 404])
def test_index_that_answers_late_or_has_no_such_page__is_left_to_pip(monkeypatch, status):
    monkeypatch.setattr(environment, "SILENCE_S", 0.5)
    for seconds in (0, 1):
        with answering(status, seconds) as address:
            assert silence(address) == ""


def test_index_that_cannot_be_reached__is_named_whichever_setting_names_it(checkout):
    (checkout / "requirements.txt").write_text("no-such-package==1.0\n")
    nowhere = "http://127.0.0.1:9/simple"
    (checkout / "pip.conf").write_text(f"[install]\nextra-index-url = {nowhere}\n")
    with answering(404, 0) as empty:
        settings = {"PIP_CONFIG_FILE": str(checkout / "pip.conf"), "PIP_INDEX_URL": empty}
        status, said, complaints = set_up(checkout, PIP_NO_INDEX="0", **settings)
        assert status == 1
        assert f"index {nowhere} could not be reached" in one_line(complaints)
        assert "Installing" not in said

        (checkout / "pip.conf").write_text("")
        status, _, complaints = set_up(checkout, PIP_NO_INDEX="0", **settings)
        assert status == 1
        assert f"the package index ({empty.replace('user:secret@', '')})" in one_line(complaints)


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


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("3.11", "3.98"), "3.98 to 3.99"),
        (('3.11", "Python :: 3.99', '3.8", "Python :: 3.10'), "3.8 to 3.10"),
    ],
)
def test_python_for_which_there_are_no_packages__gets_one_line(checkout, changed, said):
    (checkout / "pyproject.toml").write_text(PYPROJECT.replace(*changed))
    status, _, complaints = set_up(checkout)
    assert status == 1
    assert f"needs CPython {said}, and {sys.executable} is CPython" in one_line(complaints)
    assert f"make book PYTHON=python{said.split()[-1]}" in complaints
    assert not (checkout / ".venv").exists()


def test_really_old_python__gets_one_line(checkout):
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python older than 3.11 is installed here")
    for version, python in pythons.items():
        status, _, complaints = set_up(checkout, python)
        assert status == 1
        assert f"is CPython {version}." in one_line(complaints)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("ensurepip", "raise ImportError('as Debian ships it')", "sudo apt install python3-venv"),
        ("fcntl", "import sys\nsys.platform = 'win32'", "On Windows, WSL is such a Linux"),
        ("fcntl", "import platform\nplatform.machine = lambda: 'i686'", "this is linux on i686"),
        ("fcntl", "import platform\nplatform.python_implementation = lambda: 'PyPy'", "is PyPy 3"),
    ],
)
def test_system_that_does_not_serve__gets_one_line(checkout, tmp_path_factory, name, code, said):
    other = tmp_path_factory.mktemp("other")
    (other / "sitecustomize.py").write_text(code if name == "fcntl" else "")
    (other / f"{name}.py").write_text("raise ImportError('it is not here')\n")
    status, _, complaints = set_up(checkout, PYTHONPATH=str(other))
    assert status == 1
    assert said in one_line(complaints)
    assert not (checkout / ".venv").exists()


def test_no_python_at_all__gets_one_line_from_make(checkout):
    command = ["make", "book", "PYTHON=no-such-python"]
    result = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    line, made = result.stderr.splitlines()
    assert "there is no 'no-such-python' here" in one_line(line)
    assert made.startswith("make")
