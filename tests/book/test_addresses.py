"""The site is that of the repository that builds it."""

import addresses
import pytest
from bs4 import BeautifulSoup

from tools import toc

UPSTREAM = toc.repository()
FORK = {"GITHUB_REPOSITORY": "somebody/a-fork"}


def test_address__is_the_configured_one_off_github():
    assert addresses.address_of_build("https://github.com/a/b/", {}) == "https://github.com/a/b"


def test_address__is_that_of_the_fork_on_github():
    assert addresses.address_of_build(UPSTREAM, FORK) == "https://github.com/somebody/a-fork"


def test_address__follows_a_github_of_ones_own():
    environ = FORK | {"GITHUB_SERVER_URL": "https://git.example.org"}
    assert (
        addresses.address_of_build(UPSTREAM, environ) == "https://git.example.org/somebody/a-fork"
    )


@pytest.mark.parametrize(
    ("repository", "pages"),
    [
        ("https://github.com/Some-Body/Course", "https://some-body.github.io/Course/"),
        ("https://github.com/somebody/somebody.github.io", "https://somebody.github.io/"),
    ],
)
def test_pages__are_where_github_serves_them(repository, pages):
    assert addresses.address_of_pages(repository) == pages


def test_build_by_github_for_a_fork__names_the_fork_and_nobody_else(checkout, build):
    page = checkout / "book" / "other.md"
    page.write_text(f"# Other\n\nClone [the course]({UPSTREAM}.git):\n\n    git clone {UPSTREAM}\n")
    status, said = build(checkout, **FORK)
    assert status == 0, said
    html = checkout / "_build" / "html"
    for name in ("book/other.html", "book/page.html", "404.html"):
        text = (html / name).read_text(encoding="utf-8")
        assert "somebody/a-fork" in text
        assert UPSTREAM not in text
        assert addresses.address_of_pages(UPSTREAM) not in text
    soup = BeautifulSoup((html / "book/page.html").read_text(encoding="utf-8"), "html.parser")
    links = {link["href"] for link in soup.select("a[href]")}
    assert "https://github.com/somebody/a-fork/edit/main/book/page.ipynb" in links
    colab = "https://colab.research.google.com/github/somebody/a-fork/blob/main/book/page.ipynb"
    assert colab in links
    assert "https://somebody.github.io/a-fork/book/page.html" in (html / "sitemap.xml").read_text()
    assert 'href="/a-fork/_static/course.css' in (html / "404.html").read_text(encoding="utf-8")
