"""`make links` finds the links that lead nowhere, in the book and beside it."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading

import nbformat
import pytest

from tools import links, repository, toc

CONFIG = """\
title: A book
only_build_toc_files: true
repository: {url: "https://github.com/me/book"}
execute: {execute_notebooks: force}
sphinx: {local_extensions: {}, config: {}}
"""


@pytest.fixture
def server(tmp_path):
    """Serve a folder with one page on this machine; return the address."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "good.html").write_text("<html><body id='top'>good</body></html>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def checkout(tmp_path, server):
    """Return a checkout with good links: on a page, in a notebook and in the README."""
    checkout = tmp_path / "checkout"
    shutil.copytree(toc.ROOT / "tools", checkout / "tools")
    (checkout / "book").mkdir()
    (checkout / "_config.yml").write_text(CONFIG)
    (checkout / "_toc.yml").write_text(
        "format: jb-book\nroot: book/page\nchapters:\n- file: book/code\n"
    )
    (checkout / "book" / "page.md").write_text(f"# Page\n\n[good]({server}/good.html#top)\n")
    (checkout / "README.md").write_text(f"# Read me\n\n[good]({server}/good.html)\n")
    text = nbformat.v4.new_markdown_cell(f"# Code\n\n[good]({server}/good.html)")
    fails = nbformat.v4.new_code_cell("1 / 0  # links are tried without running anything")
    nbformat.write(nbformat.v4.new_notebook(cells=[text, fails]), checkout / "book" / "code.ipynb")
    subprocess.run(["git", "init", "--quiet", checkout], check=True)
    return checkout


def try_links(checkout):
    """Return the exit status, and the lines of the report."""
    command = [sys.executable, "-m", "tools.links"]
    variables = os.environ | {"PYTHONPATH": str(checkout), "no_proxy": "localhost"}
    result = subprocess.run(
        command, cwd=checkout, env=variables, capture_output=True, text=True, check=False
    )
    lines = result.stdout.splitlines()
    title = "Links that lead nowhere:"
    return result.returncode, lines[lines.index(title) if title in lines else -1 :], result.stderr


def test_good_links__pass(checkout):
    status, report, complaints = try_links(checkout)
    assert status == 0, complaints
    assert report == ["2 addresses tried, 0 lead nowhere"]


def test_bad_links__are_listed_with_their_place_and_reason(checkout, server):
    for name in ("book/page.md", "README.md"):
        with (checkout / name).open("a") as file:
            file.write(f"\n[gone]({server}/gone-from-{name})\n")
    with (checkout / "book" / "page.md").open("a") as file:
        file.write(f"\n[part]({server}/good.html#bottom) [off](http://localhost:9/)\n")
    status, report, _ = try_links(checkout)
    assert status == 1
    reason = "404 Client Error: File not found for url"
    assert set(report[1:-2]) == {
        f"  README.md:5: {server}/gone-from-README.md ({reason}: {server}/gone-from-README.md)",
        f"  book/page.md:5: {server}/gone-from-book/page.md"
        f" ({reason}: {server}/gone-from-book/page.md)",
        f"  book/page.md:7: {server}/good.html#bottom (Anchor 'bottom' not found)",
        "  book/page.md:7: http://localhost:9/"
        " (Failed to establish a new connection: [Errno 111] Connection refused)",
    }
    assert report[-1] == "6 addresses tried, 4 lead nowhere"


def test_link_that_takes_too_long__leads_nowhere():
    late = links.Link("page.md", 1, "http://a.example/", "timeout", "no answer in 20 s")
    assert "  page.md:1: http://a.example/ (no answer in 20 s)" in links.report([late])


def test_pages_beside_the_book__link_to_files_that_are_there():
    for path, text in repository.files():
        if path.suffix == ".md" and "book" not in path.relative_to(toc.ROOT).parts:
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
                assert (path.parent / target).exists(), f"{path.name} links to {target}"
