"""Find what is wrong with a built page: each function returns a list of problems, empty if none."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

OUTSIDE = re.compile(r"^\s*(?:https?:)?//")
# What a browser fetches by itself when it shows a page, and the attribute that says from where.
FETCHED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
FETCHED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect"}
FETCHING_CODE = re.compile(
    r"""(?:url\(|@import|import\(|fetch\(|\.src\s*=|\.href\s*=)\s*["'`]?\s*(?:https?:)?//\S*"""
)
# MyST that was not understood: dollars, a role such as {eq}, a fence, half a link.
ROLES = "cite|code|doc|download|eq|math|numref|prf|ref|term"
LEFTOVER = re.compile(rf"\$\$?[^$\n]+\$\$?|\$\$|\{{(?:{ROLES})(?::[a-z]+)?\}}|:::|\]\(")
FILE_NAME = re.compile(r"[0-9a-f]{32}|\.(?:png|svg|jpe?g|gif|webp)$", re.IGNORECASE)


def read(path: Path) -> BeautifulSoup:
    """Parse a page."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def attribute(tag: Tag, name: str) -> str:
    """Return an attribute as text; empty if the tag does not have it."""
    value = tag.get(name)
    return value if isinstance(value, str) else " ".join(value or [])


def article(page: BeautifulSoup) -> Tag:
    """Return the part of a page that an author wrote."""
    found = page.select_one("article.bd-article")
    return found if found is not None else page


def markup_problems(page: BeautifulSoup) -> list[str]:
    """Find messages of Sphinx, and markup that was left as it stands in the source."""
    problems = [
        f"Sphinx says: {message.get_text(' ', strip=True)}"
        for message in page.select(".system-message, .problematic")
    ]
    prose = BeautifulSoup(str(article(page)), "html.parser")
    for verbatim in prose.select("pre, code, kbd, script, style, .math"):
        verbatim.replace_with(" ")
    text = prose.get_text()
    return problems + [f"left over: {found[0]!r}" for found in LEFTOVER.finditer(text)]


def picture_problems(page: BeautifulSoup) -> list[str]:
    """Find pictures that say nothing to somebody who does not see them."""
    problems = []
    for image in article(page).select("img"):
        alt = attribute(image, "alt").strip()
        if len(alt.split()) < 2 or FILE_NAME.search(alt):
            problems.append(f"{attribute(image, 'src')}: alt text is {alt!r}")
    for drawing in article(page).select("svg"):
        named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.title
        if not named and attribute(drawing, "aria-hidden") != "true":
            problems.append("an SVG drawing has no aria-label")
    return problems


def error_problems(page: BeautifulSoup) -> list[str]:
    """Find errors and warnings of Python that became part of a page."""
    found = page.select(".output.stderr, .output.traceback, .output.error")
    return [f"error output: {output.get_text(' ', strip=True)[:200]}" for output in found]


def request_problems(page: BeautifulSoup) -> list[str]:
    """Find what would make a browser ask another host for anything."""
    addresses = [
        attribute(tag, FETCHED[tag.name])
        for tag in page.select(", ".join(FETCHED))
        if tag.name in FETCHED
    ]
    addresses += [
        attribute(link, "href")
        for link in page.select("link[href]")
        if FETCHED_LINKS.intersection(attribute(link, "rel").split())
    ]
    code = [tag.get_text() for tag in page.select("script, style")]
    code += [attribute(tag, "style") for tag in page.select("[style]")]
    return [
        *(f"fetched from outside: {address}" for address in addresses if OUTSIDE.match(address)),
        *(f"fetched from outside: {found}" for text in code for found in code_problems(text)),
    ]


def code_problems(text: str) -> list[str]:
    """Find the places where a script or a style sheet asks another host for something."""
    return [found[0] for found in FETCHING_CODE.finditer(text)]


def link_problems(
    page: BeautifulSoup, path: Path, read_page: Callable[[Path], BeautifulSoup] = read
) -> list[str]:
    """Find links to files and anchors that are not there.

    Parameters
    ----------
    page : BeautifulSoup
        The page.
    path : Path
        Where the page is.
    read_page : callable
        How to read the pages that are linked; give one that remembers them.

    Returns
    -------
    list of str
        The links into the book that lead nowhere; links to elsewhere are not tried.
    """
    problems = []
    for tag in page.select("[href], [src]"):
        address = attribute(tag, "href") or attribute(tag, "src")
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or address in {"", "#"}:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            problems.append(f"no such file: {address}")
        elif parts.fragment and target.suffix == ".html":
            linked = page if target == path else read_page(target)
            if linked.find(id=unquote(parts.fragment)) is None:
                problems.append(f"no such anchor: {address}")
    return problems


def output_problems(page: BeautifulSoup, shown: list[bool]) -> list[str]:
    """Find code cells whose output is missing from a page.

    Parameters
    ----------
    page : BeautifulSoup
        The page of a notebook.
    shown : list of bool
        For each code cell that the page shows, whether it has an output.

    Returns
    -------
    list of str
        A line for each cell that lacks its output or has one too many.
    """
    cells = page.select("div.cell")
    if len(cells) != len(shown):
        return [f"want {len(shown)} code cells, got {len(cells)}"]
    return [
        f"code cell {number} has {'no' if wanted else 'an unexpected'} output"
        for number, (cell, wanted) in enumerate(zip(cells, shown, strict=True), 1)
        if (cell.select_one(".cell_output") is not None) != wanted
    ]
