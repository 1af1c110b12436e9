"""Draw the pictures that are made from something else: `python -m tools.pictures`.

The card of shared pages is a PNG, because sites that show cards take no SVG; the README shows a
page of the book. Run this after a change of the drawing or of the looks, with the book built.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize

from tools import browser
from tools.book import HTML
from tools.environment import ROOT
from tools.server import serving

STATIC = ROOT / "book" / "_static"
PAGE = "book/forward.html#normalize"


def draw_card(running: Browser) -> Path:
    """Draw the card of `card.svg`."""
    page = running.new_page(viewport=ViewportSize(width=1200, height=630))
    page.goto((STATIC / "card.svg").as_uri())
    page.screenshot(path=STATIC / "card.png")
    return STATIC / "card.png"


def draw_page(running: Browser) -> Path:
    """Draw the page of the book that the README shows."""
    size = ViewportSize(width=1060, height=760)
    with (
        serving(HTML) as site,
        browser.opened(running, site, PAGE, viewport=size) as (page, _),
    ):
        page.add_style_tag(content="#pst-back-to-top { display: none }")
        page.screenshot(path=STATIC / "screenshot.png")
    return STATIC / "screenshot.png"


def main() -> int:
    """Draw all pictures and say where they are; return the exit status."""
    if browser.executable() is None:
        print("pictures: this needs Chromium (Debian, Ubuntu: sudo apt install chromium)")
        return 1
    with browser.chromium() as running:
        for draw in (draw_card, draw_page):
            print(f"{draw(running).relative_to(ROOT)} is drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
