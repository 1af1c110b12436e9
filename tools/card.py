"""Draw the card of shared pages, a PNG, from `book/_static/card.svg`: `python -m tools.card`.

Sites that show a card take no SVG. Run this after a change of the drawing.
"""

import sys

from tools import browser
from tools.environment import ROOT

DRAWING = ROOT / "book" / "_static" / "card.svg"


def main() -> int:
    """Draw the card; return the exit status."""
    if browser.executable() is None:
        print("card: this needs Chromium (Debian, Ubuntu: sudo apt install chromium)")
        return 1
    with browser.chromium() as running:
        page = running.new_page(viewport={"width": 1200, "height": 630})
        page.goto(DRAWING.as_uri())
        page.screenshot(path=DRAWING.with_suffix(".png"))
    print(f"{DRAWING.with_suffix('.png').relative_to(ROOT)} shows {DRAWING.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
