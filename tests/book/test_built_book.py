"""What `make book` wrote is sound. Faults are planted in tests/tools/test_soundness.py."""

import addresses
import nbformat
import pytest

from tools import soundness, toc


@pytest.mark.sound
def test_page__has_no_markup_that_was_not_understood(page):
    assert soundness.markup_problems(page.soup) == []


@pytest.mark.sound
def test_page__has_links_that_lead_somewhere(page, read_page):
    assert soundness.link_problems(page.soup, page.path, read_page) == []


def test_page__describes_its_pictures(page):
    assert soundness.picture_problems(page.soup) == []


def test_page__shows_no_error_and_no_warning_of_python(page):
    assert soundness.error_problems(page.soup) == []


@pytest.mark.sound
def test_page__asks_no_other_host_for_anything(page):
    assert soundness.request_problems(page.soup) == []


def test_page__has_one_title(page):
    assert len(soundness.article(page.soup).select("h1")) == 1


@pytest.mark.sound
def test_style_sheets__ask_no_other_host_for_anything(built):
    for path in sorted(built.rglob("*.css")):
        assert soundness.code_problems(path.read_text(encoding="utf-8")) == [], path.name


@pytest.mark.parametrize("notebook", toc.notebooks(), ids=lambda path: path.stem)
def test_page_of_a_notebook__shows_every_output(notebook, built, read_page):
    shown = [
        bool(cell.outputs) and not {"remove-output", "remove_output"}.intersection(tags)
        for cell in nbformat.read(notebook, as_version=4).cells
        if cell.cell_type == "code"
        and not {"remove-cell", "remove_cell"}.intersection(tags := cell.metadata.get("tags", []))
    ]
    page = built / notebook.relative_to(toc.ROOT).with_suffix(".html")
    assert soundness.output_problems(read_page(page), shown) == []


@pytest.mark.parametrize("notebook", toc.notebooks(), ids=lambda path: path.stem)
def test_page_of_a_notebook__opens_that_notebook_in_colab(notebook, built, read_page):
    place = notebook.relative_to(toc.ROOT)
    repository = addresses.address_of_build(toc.repository()).removeprefix("https://github.com/")
    address = f"https://colab.research.google.com/github/{repository}/blob/main/{place}"
    page = read_page(built / place.with_suffix(".html"))
    assert page.select(f'a[href="{address}"]')
