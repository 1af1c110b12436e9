"""`make colab` tells notebooks that work in Colab from those that do not.

In a small checkout: `make colab` itself makes an environment with Colab's versions, for which it
needs the network and some minutes.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import nbformat
import pytest

from tools import colab, outputs, toc

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "bncourse"
version = "99"
"""
# It builds with no network.
BACKEND = """\
import pathlib
import zipfile


def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "bncourse-99-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.write("bncourse.py")
        wheel.writestr("bncourse-99.dist-info/METADATA", METADATA)
        wheel.writestr("bncourse-99.dist-info/WHEEL", WHEEL)
        wheel.writestr("bncourse-99.dist-info/RECORD", "")
    return name


METADATA = "Metadata-Version: 2.1\\nName: bncourse\\nVersion: 99\\n"
WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
"""
INSTALL = """\
import importlib.util

if importlib.util.find_spec("bncourse") is None:
    %pip install -q --no-deps git+{address}.git"""
USE = "import bncourse\n\nprint('the answer is', bncourse.answer())"
RUN = """\
import sys
from pathlib import Path
from tools import colab, toc
python, place, published = sys.argv[1:]
stand_in = colab.Colab(python, sys.executable, Path(place))
sys.exit(colab.run_all(stand_in, toc.notebooks(), published == "published"))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Return a Python that has pip, what this one has, and no bncourse that it could import."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A path file that is found through a path file is not read: bncourse stays out of sight.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout with a package of one function, and a notebook that installs it."""
    checkout = tmp_path / "checkout"
    shutil.copytree(toc.ROOT / "tools", checkout / "tools")
    shutil.copy(toc.ROOT / "_config.yml", checkout)
    (checkout / "tests").mkdir()
    shutil.copy(toc.ROOT / "tests" / "nbval_sanitize.cfg", checkout / "tests")
    (checkout / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    (checkout / "pyproject.toml").write_text(PYPROJECT)
    (checkout / "backend.py").write_text(BACKEND)
    (checkout / "bncourse.py").write_text("def answer():\n    return 42\n")
    write_notebook(checkout, INSTALL.format(address=toc.repository()), "the answer is 42\n")
    subprocess.run(["git", "init", "--quiet", checkout], check=True)
    return checkout


def write_notebook(checkout, install, shown):
    first = nbformat.v4.new_code_cell(install, id="install", execution_count=1)
    text = nbformat.v4.new_output("stream", name="stdout", text=shown)
    use = nbformat.v4.new_code_cell(USE, id="use", execution_count=2, outputs=[text])
    notebook = nbformat.v4.new_notebook(cells=[first, use])
    (checkout / "page.ipynb").write_text(outputs.canonical(notebook))


def run(checkout, python, published=""):
    """Run the notebook in `python`; return the exit status and what was said."""
    place = checkout / "_build" / "colab"
    place.mkdir(parents=True)
    command = [sys.executable, "-c", RUN, python, place, published]
    # No proxy and no second try: what is on GitHub is out of reach at once.
    unreachable = {"https_proxy": "http://localhost:9", "PYTHONPATH": str(checkout)}
    result = subprocess.run(
        command,
        cwd=checkout,
        env=os.environ | unreachable,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_notebook__installs_the_package_by_itself_and_shows_what_is_stored(checkout, python):
    status, said = run(checkout, python)
    assert status == 0, said
    assert "page.ipynb: 2 cells as stored, 0 not" in said
    assert f'installed by its first cell: {{"url": "{toc.repository()}.git"' in said
    assert said.splitlines()[-1] == "2 passed, 0 failed, 0 skipped"


def test_another_output__is_a_failure(checkout, python):
    (checkout / "bncourse.py").write_text("def answer():\n    return 41\n")
    status, said = run(checkout, python)
    assert status == 1
    assert "the answer is 41" in said
    assert "page.ipynb: 1 cells as stored, 1 not" in said


def test_first_cell_that_installs_nothing__is_named_with_what_pip_said(checkout, python):
    status, said = run(checkout, python, "published")
    assert status == 1
    assert "its first cell did not install bncourse" in said
    assert "fatal: unable to access" in said


def test_first_cell_that_changes_the_versions_of_colab__is_a_failure(checkout, python):
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    other = packages / "numpy-99.dist-info"
    swap = f"from pathlib import Path\n\nother = Path({str(other)!r})\nother.mkdir()\n"
    swap += "(other / 'METADATA').write_text('Name: numpy\\nVersion: 99\\n')"
    cell = INSTALL.format(address=toc.repository())
    write_notebook(checkout, f"{cell}\n\n{swap}", "the answer is 42\n")
    try:
        status, said = run(checkout, python)
    finally:
        shutil.rmtree(other)
    assert status == 1
    assert "its first cell changed Colab's versions" in said


def test_notebook__is_copied_to_where_nothing_else_is_and_its_cells_stay(tmp_path):
    for notebook in toc.notebooks():
        copy = colab.alone(notebook, tmp_path)
        assert [path.name for path in copy.parent.iterdir()] == [notebook.name]
        before, after = (nbformat.read(path, as_version=4) for path in (notebook, copy))
        cells = zip(before.cells, after.cells, strict=True)
        ((first, marked),) = [pair for pair in cells if pair[0] != pair[1]]
        assert marked.source == first.source
        assert marked.outputs == first.outputs == []
        assert "nbval-ignore-output" in marked.metadata.tags
