"""The built book, for the tests of it."""

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

from tools import browser, soundness, toc
from tools.book import HTML, UNFINISHED
from tools.server import serving

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
