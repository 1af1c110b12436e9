"""What a search engine, a shared link and a reader who wants to go on find on a page."""

import importlib
import inspect
from xml.etree import ElementTree

import addresses
import pytest
from PIL import Image

from tools import soundness, toc

# By GitHub the book is built for the repository whose run it is.
REPOSITORY = addresses.address_of_build(toc.repository())
HOME = addresses.address_of_pages(REPOSITORY)
REFERENCE = {
    "bncourse.scratch": "scratch",
    "bncourse.nn": "nn",
    "bncourse.nn.functional": "nn",
    "bncourse.kernels.cpu": "nn",
    "bncourse.kernels.layout": "nn",
    "bncourse.kernels.openmp": "nn",
    "bncourse.oracle": "judge",
    "bncourse.tolerances": "judge",
    "bncourse.lab.adaptation": "lab",
    "bncourse.lab.corruptions": "lab",
    "bncourse.lab.data": "lab",
    "bncourse.lab.density_ratio": "lab",
    "bncourse.lab.depth": "lab",
    "bncourse.lab.drift": "lab",
    "bncourse.lab.estimates": "lab",
    "bncourse.lab.experiments": "lab",
    "bncourse.lab.geometry": "lab",
    "bncourse.lab.ghost": "lab",
    "bncourse.lab.importance": "lab",
    "bncourse.lab.invariance": "lab",
    "bncourse.lab.landscape": "lab",
    "bncourse.lab.looks": "lab",
    "bncourse.lab.mistakes": "lab",
    "bncourse.lab.networks": "lab",
    "bncourse.lab.noise": "lab",
    "bncourse.lab.rank": "lab",
    "bncourse.lab.results": "lab",
    "bncourse.lab.shifts": "lab",
    "bncourse.lab.spectra": "lab",
    "bncourse.lab.toy": "lab",
    "bncourse.lab.training": "lab",
    "bncourse.lab.twins": "lab",
    "bncourse.lab.weight_norm": "lab",
    "bncourse.lab.weight_paths": "lab",
    "bncourse.lab.whitening": "lab",
}


def content(page, selector):
    """Return the content of the one element of the head that this selects."""
    (found,) = page.soup.select(selector)
    return soundness.attribute(found, "content") or soundness.attribute(found, "href")


def test_page__says_what_it_is(page):
    title = page.soup.title.get_text()
    heading = soundness.article(page.soup).select_one("h1").get_text().removesuffix("#").strip()
    assert heading.split(". ")[-1] in title
    assert "bncourse" in title
    assert content(page, 'meta[property="og:title"]') in heading
    assert content(page, 'meta[property="og:site_name"]') == "bncourse"
    assert content(page, 'link[rel="canonical"]') == f"{HOME}{page.name}.html"
    assert content(page, 'meta[property="og:url"]') == f"{HOME}{page.name}.html"


def test_page__describes_itself_in_a_sentence_or_two(page):
    description = content(page, 'meta[name="description"]')
    assert 50 <= len(description) <= 210, description
    assert content(page, 'meta[property="og:description"]') == description


def test_page__has_a_card_that_is_there(page, built):
    address = content(page, 'meta[property="og:image"]')
    assert address.startswith(HOME)
    with Image.open(built / address.removeprefix(HOME)) as card:
        assert card.size == (1200, 630)


def test_page__has_a_picture_for_the_tab(page):
    address = content(page, 'link[rel="icon"]')
    assert (page.path.parent / address).exists()


def test_page__leads_to_its_source_and_to_those_who_mend_it(page):
    links = {
        soundness.attribute(link, "href").split("?")[0] for link in page.soup.select("a[href]")
    }
    source = next(
        f"{page.name}{suffix}"
        for suffix in (".md", ".ipynb")
        if (toc.ROOT / f"{page.name}{suffix}").exists()
    )
    assert {REPOSITORY, f"{REPOSITORY}/issues/new", f"{REPOSITORY}/edit/main/{source}"} <= links
    assert any(link.endswith(f"_sources/{source}") for link in links)


def test_sitemap__lists_the_pages_of_the_table_of_contents(built):
    tree = ElementTree.parse(built / "sitemap.xml")
    listed = [element.text for element in tree.iter() if element.tag.endswith("loc")]
    assert sorted(listed) == sorted(f"{HOME}{name}.html" for name in toc.pages())


def public_names(module):
    """Return what a module offers: what `__all__` says, or what it defines itself."""
    if hasattr(module, "__all__"):
        return [n for n in module.__all__ if not inspect.ismodule(getattr(module, n))]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    ]


@pytest.mark.parametrize("name", REFERENCE)
def test_reference__documents_all_that_is_public(name, built, read_page):
    page = read_page(built / f"book/api/{REFERENCE[name]}.html")
    entries = {soundness.attribute(entry, "id") for entry in page.select("dt.sig[id]")}
    wanted = {f"{name}.{public}" for public in public_names(importlib.import_module(name))}
    assert wanted - entries == set()


def test_reference__links_the_equation_that_a_function_computes(built, read_page):
    page = read_page(built / "book/api/scratch.html")
    entry = page.find(id="bncourse.scratch.normalize").find_next("dd")
    links = [soundness.attribute(link, "href") for link in entry.select("a")]
    assert "../forward.html#equation-eq-normalize" in links


def test_statement_prediction_and_question__are_set_apart(built, read_page):
    page = read_page(built / "book/forward.html")
    for kind, words in (
        ("p.statement", "Statement S"),
        ("blockquote.predict", "Predict."),
        ("p.self-check", "Check yourself."),
    ):
        found = page.select(kind)
        assert found
        assert all(one.get_text().strip().startswith(words) for one in found)
        assert len(found) == page.get_text().count(words)
