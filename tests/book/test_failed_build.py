"""A failed build ends with what is wrong and where: page, cell, error."""

from pathlib import Path

import nbformat
import pytest

from tools import book

PAGE, TOC = "book/page.ipynb", "_toc.yml"


@pytest.fixture
def end(build, checkout):
    """Return a function that builds the book and returns the lines after its last headline."""

    def end_():
        status, said = build(checkout)
        assert status == 1
        return [line.strip() for line in said.partition("The book was not built")[2].splitlines()][
            1:
        ]

    return end_


def write(checkout, name, *sources, new=nbformat.v4.new_code_cell):
    cells = [nbformat.v4.new_markdown_cell("# A title"), *map(new, sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), checkout / f"book/{name}.ipynb")
    with (checkout / TOC).open("a") as toc:
        toc.write(f"- file: book/{name}\n")


def test_what_is_wrong__is_in_the_last_lines_with_page_cell_and_error(checkout, end):
    settings = checkout / "_config.yml"
    settings.write_text(settings.read_text().replace("timeout: 300", "timeout: 8"))
    write(checkout, "name", "x = 1", "# A name\nx_hat")
    write(checkout, "syntax", "1\nx = = 1")
    write(checkout, "several", "try: 1 / 0\nexcept Exception: raise ValueError('a\\nb\\n')")
    write(checkout, "empty", "assert 1 == 2")
    write(checkout, "leave", "import sys\nsys.exit('bye')")
    write(checkout, "slow", "while True: pass")
    write(
        checkout, "text", "{eq}`eq-no` {cite}`nobody` [x](no.md)", new=nbformat.v4.new_markdown_cell
    )
    with (checkout / TOC).open("a") as toc:
        toc.write("- file: book/thrid\n")
    lines = end()
    wanted = [
        "book/name.ipynb, cell 3 (# A name): NameError: name 'x_hat' is not defined",
        "book/syntax.ipynb, cell 2 (1): SyntaxError: invalid syntax",
        "book/several.ipynb, cell 2 (try: 1 / 0): ValueError: a",
        "book/empty.ipynb, cell 2 (assert 1 == 2): AssertionError",
        "book/leave.ipynb, cell 2 (import sys): SystemExit: bye",
        "book/leave.ipynb, cell 2: WARNING: stderr was found in the cell outputs of cell 2",
        "book/slow.ipynb, cell 2 (while True: pass): CellTimeoutError: A cell timed out",
        "book/text.ipynb, cell 2: WARNING: equation not found: eq-no",
        'book/text.ipynb, cell 2: WARNING: could not find bibtex key "nobody"',
        "book/text.ipynb, cell 2: WARNING: 'myst' cross-reference target not found: 'no.md'",
        "_toc.yml: WARNING: toctree contains reference to nonexisting document 'book/thrid'",
    ]
    for begin in wanted:
        assert sum(line.startswith(begin) for line in lines) == 1, begin
    assert len(lines) == len(wanted), lines


def test_cell_that_takes_the_kernel_down__is_the_last_line(checkout, end):
    write(checkout, "death", "import os\nos._exit(1)")
    assert end() == ["book/death.ipynb, cell 2 failed: Kernel died"]


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        (PAGE, '"cells": [', '"cells": [,', ["book/page: ", "line 2 column 12"]),
        (TOC, "chapters:", "chapters: [", ["ParserError", "_toc.yml", "line 4"]),
        ("_config.yml", "execute:", "execute: [", ["ParserError", "_config.yml", "line 18"]),
        ("book/references.bib", "", "@article{a, title = {x", ["references.bib", "end of file"]),
    ],
)
def test_file_that_cannot_be_read__is_in_the_last_lines(checkout, end, file, old, new, parts):
    text = (checkout / file).read_text()
    (checkout / file).write_text(text.replace(old, new, 1))
    last = " ".join(end()[-2:])
    assert [part for part in parts if part not in last] == []


def test_missing_jupyter_book__is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr(book, "JUPYTER_BOOK", Path("/nowhere"))
    assert book.run_jupyter_book() == ["/nowhere is missing: remove .venv, then run make again"]
