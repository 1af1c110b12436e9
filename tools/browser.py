"""What is wrong with a page when a real browser shows it.

`visit` opens a page and runs each of `CHECKS` on it; a check returns a list of problems, empty if
there are none. What a browser is not needed for is in `tools.soundness`.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    Route,
    ViewportSize,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Chromium asks its maker for this and that at each start.
FLAGS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")

PHONE = ViewportSize(width=360, height=760)
DESKTOP = ViewportSize(width=1280, height=900)
# What the margins leave: as narrow as A4, as low as US Letter.
PAPER = ViewportSize(width=642, height=918)

SCRIPTS = Path(__file__).with_name("browser")
MATH, OVERFLOW, PICTURES, SHEET, MARK, FOCUS, THIN = (
    (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")
    for name in ("math", "overflow", "pictures", "paper", "mark", "focus", "thin")
)

# What a server said of an address. Each site that is tested has a server of its own, on a port of
# its own, and stays as it is while it is served.
STATUSES: dict[str, int] = {}

# What axe-core finds in the theme's own parts, by rule and a piece of the element's HTML: nothing
# that a page of the course can mend. A test fails when one of them is gone from all pages.
THEME_FAULTS = {
    ("region", "logo__title"): "the theme's sidebar is no landmark",
    ("aria-allowed-role", "doc-biblioentry"): "docutils' role of an entry of the bibliography",
    ("aria-deprecated-role", "doc-biblioentry"): "the same",
    ("aria-required-children", "citation-list"): "docutils' list of them",
}


def executable() -> str | None:
    """Return where Chromium is, or None: what CHROMIUM says, or the first that PATH has."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium without a window, and end it when the context is left."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Traffic:
    """What a page asked for, and what it said to the console.

    Attributes
    ----------
    said : list of str
        Errors and warnings on the console, and errors of scripts that nobody caught.
    failed : list of str
        Requests that were not answered, or with an error.
    outside : list of str
        Requests to another host. They are refused.
    answers : list of Response
        What came, but for errors.
    """

    said: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)

    def listen(self, page: Page, site: str) -> None:
        """Write down what `page` does from now on; `site` is the only address it may ask."""

        def route(route: Route) -> None:
            address = route.request.url
            if address.startswith((site, "data:", "blob:")):
                route.continue_()
            else:
                self.outside.append(address)
                route.abort()

        def said(message: ConsoleMessage) -> None:
            # What a request came to is counted elsewhere.
            resource = message.text.startswith("Failed to load resource:")
            if message.type in ("error", "warning", "assert") and not resource:
                self.said.append(f"{message.type}: {message.text}")

        def failed(request: Request) -> None:
            if request.url not in self.outside:
                self.failed.append(f"{request.url}: {request.failure}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                self.failed.append(f"{response.url}: status {response.status}")
            elif response.status == 200 and not response.url.startswith("data:"):
                self.answers.append(response)

        page.route("**/*", route)
        page.on("console", said)
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))
        page.on("requestfailed", failed)
        page.on("response", answered)

    def weight(self) -> int:
        """Return how many bytes came, uncompressed; the page must still be open."""
        return sum({answer.url: len(answer.body()) for answer in self.answers}.values())


def math_problems(page: Page) -> list[str]:
    """Find formulas that are not typeset, or that MathJax could not read."""
    return list(page.evaluate(MATH))


def overflow_problems(page: Page) -> list[str]:
    """Find what reaches beyond the window's width and cannot be scrolled to in its own box."""
    return list(page.evaluate(OVERFLOW))


def shown_picture_problems(page: Page) -> list[str]:
    """Find pictures that did not load, or that have no alternative text once scripts have run."""
    return list(page.evaluate(PICTURES))


def paper_problems(page: Page) -> list[str]:
    """Find what a printed page would lose, tear apart or not show in black on white."""
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    return list(page.evaluate(SHEET))


def accessibility_problems(page: Page) -> list[str]:
    """Find what axe-core objects to, except for the theme's own faults."""
    return [
        f"{rule}: {html} ({help_})"
        for rule, html, help_ in axe_findings(page)
        if not any(rule == known and piece in html for known, piece in THEME_FAULTS)
    ]


def axe_findings(page: Page) -> list[tuple[str, str, str]]:
    """Return all that axe-core objects to: the rule, the element's HTML and an explanation.

    The page loses glyphs, and code its colors, on the way.
    """
    page.evaluate(THIN)
    # Glyphs are hidden from screen readers, which get MathML instead; style sheets that axe would
    # fetch again are the browser's business.
    settings = {"resultTypes": ["violations"], "preload": False}
    results = Axe().run(page, {"exclude": [["mjx-math"], ["[data-again]"]]}, settings)
    violations = results.response["violations"]
    return [
        (violation["id"], node["html"], violation["help"])
        for violation in violations
        for node in violation["nodes"]
    ]


def inside_link_problems(page: Page) -> list[str]:
    """Find links to pages of the site, those made by scripts among them, that lead nowhere."""
    links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    host = page.url.split("/", 3)[:3]
    inside = {link.split("#")[0] for link in links if link.split("/", 3)[:3] == host}
    answers = {link: status_of(page, link) for link in sorted(inside)}
    return [f"{link}: status {status}" for link, status in answers.items() if status != 200]


def status_of(page: Page, address: str) -> int:
    """Return the status that the server answers with; each address is asked for once."""
    if address not in STATUSES:
        STATUSES[address] = page.request.head(address).status
    return STATUSES[address]


def keyboard_problems(page: Page) -> list[str]:
    """Find what the Tab key does not reach, or reaches without showing it."""
    wanted = page.evaluate(MARK)
    reached, problems = set(), []
    # Each stop once; scrolling boxes are stops too, which MARK does not know.
    for _ in range(2 * len(wanted) + 20):
        page.keyboard.down("Tab")  # held down: half the work of pressing it again and again
        stop = page.evaluate(FOCUS)
        if stop is None:
            break
        if not stop["visible"] and stop["name"] not in problems:
            problems.append(f"no sign of the focus: {stop['name']}")
        reached.add(stop["mark"])
    page.keyboard.up("Tab")
    return problems + [
        f"not reached by Tab: {name}" for mark, name in wanted if mark not in reached
    ]


def search_results(page: Page, word: str) -> list[str]:
    """Search for a word as a reader would, by keyboard, and return where the results lead."""
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    page.wait_for_function("!document.querySelector('#search-progress')?.textContent.includes('.')")
    page.wait_for_load_state("networkidle")
    links = page.locator("#search-results ul.search a").all()
    return [link.get_attribute("href") or "" for link in links]


# In this order: axe-core's comes last, since it changes the page.
SCREEN: dict[str, Callable[[Page], list[str]]] = {
    "math": math_problems,
    "overflow": overflow_problems,
    "pictures": shown_picture_problems,
    "links": inside_link_problems,
    "keyboard": keyboard_problems,
    "accessibility": accessibility_problems,
}
CHECKS = SCREEN | {"paper": paper_problems}  # leaves the page as it is printed


def visit(
    browser: Browser,
    site: str,
    name: str,
    *,
    dark: bool = False,
    viewport: ViewportSize = DESKTOP,
    checks: Iterable[str] = SCREEN,
) -> dict[str, list[str]]:
    """Open a page as somebody who comes for the first time, and check it.

    Parameters
    ----------
    browser : Browser
    site : str
        The site's address, with a slash at the end.
    name : str
        The page, relative to `site`.
    dark : bool, default False
        Whether the visitor prefers dark pages.
    viewport : ViewportSize, default DESKTOP
        The size of the window, in CSS pixels.
    checks : iterable of str, default `SCREEN`
        Those of `CHECKS` that are wanted.

    Returns
    -------
    dict of str to list of str
        What was found by each check, and under "console", "failed" and "outside".
    """
    with opened(browser, site, name, dark=dark, viewport=viewport) as (page, traffic):
        # What is folded is read as well.
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = {check: CHECKS[check](page) for check in checks}
    return found | {
        "console": traffic.said,
        "failed": traffic.failed,
        "outside": traffic.outside,
    }


@contextmanager
def opened(
    browser: Browser, site: str, name: str, *, dark: bool = False, viewport: ViewportSize = DESKTOP
) -> Iterator[tuple[Page, Traffic]]:
    """Open a page, wait until it is at rest, and close it in the end; parameters as in `visit`."""
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    try:
        page, traffic = context.new_page(), Traffic()
        traffic.listen(page, site)
        page.goto(site + name, wait_until="networkidle")
        page.wait_for_load_state("load")  # a busy machine may be silent before its scripts ran
        page.evaluate("window.MathJax?.startup?.promise")
        yield page, traffic
    finally:
        context.close()
