"""The pages as a real browser shows them. Faults are planted in test_browser.py."""

import pytest

from tools import browser, toc

# With the console and all requests, which always count: what would fail a reader.
SMOKE = ["math", "links"]
VIEWS = {
    "light": {"checks": [check for check in browser.CHECKS if check not in SMOKE]},
    # Darkness changes colors alone.
    "dark": {"dark": True, "viewport": browser.DESKTOP, "checks": ["accessibility"]},
    "phone": {"dark": False, "viewport": browser.PHONE},
    "paper": {"dark": True, "viewport": browser.PHONE, "checks": ["paper"]},
}
# Pages that Sphinx makes by itself look alike: one with code stands for all of them.
PAGES = [*toc.pages(), "search", "_modules/bncourse/scratch/forward"]
FIRST = f"{toc.pages()[0]}.html"
MEGABYTE = 1_000_000


def problems(chromium, site, name, **view):
    found = browser.visit(chromium, site, f"{name}.html", **view)
    return {check: problems for check, problems in found.items() if problems}


@pytest.mark.sound
@pytest.mark.parametrize("name", PAGES)
def test_page__works(chromium, site, name):
    assert problems(chromium, site, name, checks=SMOKE) == {}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", PAGES)
def test_page__has_nothing_wrong(chromium, site, name, view):
    assert problems(chromium, site, name, **VIEWS[view]) == {}


def test_faults_that_are_called_the_themes__are_still_there(chromium, site):
    findings = []
    for name in (FIRST, "book/references.html"):
        with browser.opened(chromium, site, name) as (page, _):
            findings += browser.axe_findings(page)
    for rule, piece in browser.THEME_FAULTS:
        assert any(rule == found and piece in html for found, html, _ in findings), (rule, piece)


def test_first_page__weighs_at_most_two_megabytes_with_its_formulas(chromium, site):
    with browser.opened(chromium, site, FIRST) as (page, traffic):
        assert page.locator("mjx-container").count() > 0
        assert MEGABYTE < traffic.weight() <= 2 * MEGABYTE


def test_search__finds_a_word_in_its_chapter(chromium, site):
    with browser.opened(chromium, site, FIRST) as (page, _):
        results = browser.search_results(page, "unbiased")
    assert any("book/forward.html" in address for address in results)


def test_search__finds_a_function_in_the_reference(chromium, site):
    with browser.opened(chromium, site, FIRST) as (page, _):
        results = browser.search_results(page, "batch_norm_backward_staged")
    assert any("book/api/scratch.html" in address for address in results)


def test_address_that_does_not_exist__gets_a_whole_page_from_any_depth(chromium, site):
    with browser.opened(chromium, site, "no/such/page.html") as (page, traffic):
        assert page.locator("article h1").inner_text() == "Page not found"
        assert traffic.failed == [f"{site}no/such/page.html: status 404"]
        assert traffic.said == []
        links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
        inside = [link for link in links if link.startswith(site) and "no/such" not in link]
        assert f"{site}book/forward.html" in inside
        assert all(page.request.get(link).status == 200 for link in inside)


def test_dark_and_light__are_a_button_away_and_remembered(chromium, site):
    with browser.opened(chromium, site, FIRST) as (page, _):
        shown = page.locator("html")
        assert shown.get_attribute("data-theme") == "light"
        button = page.locator("button.theme-switch-button").first
        for _ in range(3):  # auto, light, dark, in the order of the theme
            button.press("Enter")
            if shown.get_attribute("data-theme") == "dark":
                break
        page.reload()
        assert shown.get_attribute("data-theme") == "dark"


def test_answer__unfolds_by_keyboard(chromium, site):
    with browser.opened(chromium, site, "book/notation.html") as (page, _):
        answer = page.locator("article details").first
        assert answer.get_attribute("open") is None
        answer.locator("summary").press("Enter")
        assert answer.get_attribute("open") is not None


@pytest.mark.parametrize("label", ["Launch interactive content", "Download this page"])
def test_menu__opens_and_is_walked_by_keyboard(chromium, site, label):
    with browser.opened(chromium, site, "book/forward.html") as (page, _):
        page.get_by_role("button", name=label).press("Enter")
        page.keyboard.press("ArrowDown")
        item = page.locator(":focus")
        assert item.evaluate("item => item.matches('.dropdown-menu .dropdown-item')")
        assert item.is_visible()


def test_code__has_a_button_that_copies_it(chromium, site):
    with browser.opened(chromium, site, "book/forward.html") as (page, _):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        cell = page.locator(".cell_input").first
        cell.locator("button.copybtn").press("Enter")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == cell.locator("pre").inner_text().strip()
