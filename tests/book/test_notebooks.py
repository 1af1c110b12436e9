"""The notebooks of the book as they are stored: whole, canonical, the same when run again."""

import nbformat
import numpy as np
import pytest
from jupyter_cache import get_cache

from tools import outputs, toc
from tools.environment import BUILD

NOTEBOOKS = toc.notebooks()
INSTALL = """\
import importlib.util

if importlib.util.find_spec("bncourse") is None:
    %pip install -q --no-deps git+{address}.git"""
CACHES = BUILD / ".jupyter_cache"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def cells(path):
    """Return the code cells as they are stored."""
    return code_cells(nbformat.read(path, as_version=4))


@pytest.fixture
def book_cells(path, built):
    """Return the code cells as the book executed them."""
    # Not from _build/jupyter_execute: text that came in pieces stands there twice.
    (folder,) = CACHES.iterdir()
    cache = get_cache(folder)
    record = cache.match_cache_file(str(path))
    return code_cells(cache.get_cache_bundle(record.pk).nb)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def comparable(cell):
    """Return what a cell shows; text that came in several pieces as one."""
    shown = []
    for output in cell.outputs:
        if shown and output.output_type == "stream" and output.name == shown[-1].get("name"):
            shown[-1] = {**shown[-1], "text": shown[-1]["text"] + output.text}
        else:
            shown.append(output)
    return shown


def test_every_notebook_of_the_folder__stands_in_the_table_of_contents():
    stored = {
        path
        for path in (toc.ROOT / "book").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert stored == set(NOTEBOOKS)


def test_notebook__is_stored_as_make_outputs_stores_it(path):
    text = path.read_text(encoding="utf-8")
    assert outputs.canonical(nbformat.reads(text, as_version=4)) == text


def test_notebook__was_executed_from_top_to_bottom(cells):
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_notebook__stores_an_output_for_each_cell_that_has_one(cells, book_cells):
    assert [bool(cell.outputs) for cell in cells] == [bool(cell.outputs) for cell in book_cells]


def test_first_cell__installs_the_package_in_colab_and_is_hidden(cells):
    assert cells[0].source == INSTALL.format(address=toc.repository())
    assert "remove-cell" in cells[0].metadata.get("tags", [])


def test_picture__is_described_in_words(cells):
    for cell in cells:
        if outputs.pictures(cell):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) > 3, f"the cell that begins {cell.source[:60]!r}"


def test_stored_picture__shows_what_a_run_draws(cells, book_cells):
    for stored, drawn in zip(cells, book_cells, strict=True):
        if outputs.is_timing(stored):
            continue
        ours, theirs = outputs.pictures(stored), outputs.pictures(drawn)
        assert [one.shape for one in ours] == [one.shape for one in theirs], "run make outputs"
        for one, other in zip(ours, theirs, strict=True):
            # Another processor may round otherwise: edges may differ a little, lines may not move.
            assert np.mean(np.abs(one - other).max(axis=2) > 0.2) < 0.002, "run make outputs"


def test_second_run__gives_the_same_bytes(path, book_cells):
    again = code_cells(outputs.execute(path))
    for cell, before in zip(again, book_cells, strict=True):
        if not outputs.is_timing(cell):
            assert comparable(cell) == comparable(before)
