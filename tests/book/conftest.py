"""The built book, for the tests of it."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

from tools import browser, soundness, toc
from tools.book import HTML, UNFINISHED
from tools.server import serving

TOC = "format: jb-book\nroot: book/page\nchapters:\n- file: book/other\n- file: book/third\n"
PACKAGE = "def answer():\n    return {}\n"

remembered = functools.cache(soundness.read)


class Page(NamedTuple):
    """A page of the built book."""

    name: str
    path: Path
    soup: BeautifulSoup


@pytest.fixture(scope="session")
def built() -> Path:
    """Return the folder of the built book."""
    if (HTML / "index.html").exists() and not UNFINISHED.exists():
        return HTML
    if os.environ.get("BNCOURSE_BOOK") == "built":  # as `make test` says
        pytest.fail("the book was not built, see the step 'book'")
    pytest.skip("the book is not built here: run make book")


@pytest.fixture(scope="session")
def read_page() -> Callable[[Path], BeautifulSoup]:
    """Return a function that reads a page once."""
    return remembered


@pytest.fixture(params=toc.pages())
def page(request: pytest.FixtureRequest, built: Path) -> Page:
    """Return each page that `_toc.yml` names."""
    path = built / f"{request.param}.html"
    assert path.exists(), f"_toc.yml names {request.param}, and the book has no such page"
    return Page(request.param, path, remembered(path))


@pytest.fixture(scope="session")
def site(built: Path) -> Iterator[str]:
    """Return the address of the built book on a server of ours."""
    with serving(built) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a real browser without a window."""
    if browser.executable() is None:
        reason = f"there is no Chromium here: want CHROMIUM set, or one of {browser.NAMES} on PATH"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with browser.chromium() as running:
        yield running


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with this book's settings, a page, and a package of one function."""
    for name in ("_config.yml", "requirements.txt"):
        shutil.copy(toc.ROOT / name, tmp_path)
    for name in ("tools", "book/_ext", "book/_static", "book/_templates"):
        shutil.copytree(toc.ROOT / name, tmp_path / name, ignore=lambda *_: ["mathjax"])
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "book" / "other.md").write_text("# Other\n")
    (tmp_path / "book" / "third.md").write_text("# Third\n")
    (tmp_path / "book" / "references.bib").touch()
    code = nbformat.v4.new_code_cell("import bncourse\n\nprint('the answer is', bncourse.answer())")
    title = nbformat.v4.new_markdown_cell("# Page")
    nbformat.write(nbformat.v4.new_notebook(cells=[title, code]), tmp_path / "book" / "page.ipynb")
    (tmp_path / "bncourse").mkdir()
    (tmp_path / "bncourse" / "__init__.py").write_text(PACKAGE.format("'old'"))
    (tmp_path / "bncourse" / "data.bin").write_bytes(b"\0\1")
    return tmp_path


@pytest.fixture
def build() -> Callable[..., tuple[int, str]]:
    """Return a function that builds the book of a checkout: the exit status and all it said."""

    def build_(checkout: Path, **variables: str) -> tuple[int, str]:
        # A user's own settings stay outside: here asserts are off, and the kernel is none.
        kernel = checkout / "elsewhere" / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True, exist_ok=True)
        kernel.write_text('{"argv": ["/bin/false"], "display_name": "", "language": "python"}')
        hostile = {"JUPYTER_PATH": str(checkout / "elsewhere"), "PYTHONOPTIMIZE": "1"}
        result = subprocess.run(
            [sys.executable, "-m", "tools.book"],
            cwd=checkout,
            env=os.environ | hostile | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr

    return build_
