"""Every check in a browser finds the fault planted for it, and lets a sound page pass.

The faults are planted in the first page of the built book, in the theme and with the scripts that
readers get.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import browser, toc
from tools.server import serving

FIRST = f"{toc.pages()[0]}.html"
BEFORE = "</article>"  # where most faults are planted
LIGHT = {}
DARK = {"dark": True}
PHONE = {"viewport": browser.PHONE}

PLANTED = {
    "error on the console": ("<script>console.error('a fault')</script>", "console", LIGHT),
    "error that speaks of loading": (
        "<script>console.error('Failed to load the figure')</script>",
        "console",
        LIGHT,
    ),
    "assertion of a script": ("<script>console.assert(false, 'no')</script>", "console", LIGHT),
    "script that throws": ("<script>nothing_of_this_name()</script>", "console", LIGHT),
    "missing script": ('<script src="../_static/none.js"></script>', "failed", LIGHT),
    "missing style sheet": ('<link rel="stylesheet" href="none.css">', "failed", LIGHT),
    "picture of another host": (
        '<img src="https://example.org/a.png" alt="a picture that stands elsewhere">',
        "outside",
        LIGHT,
    ),
    "script that fetches": ("<script>fetch('https://example.org/')</script>", "outside", LIGHT),
    "font of another host": (
        "<style>@font-face { font-family: far; src: url(https://example.org/f.woff2) }"
        "</style><p style='font-family: far'>far</p>",
        "outside",
        LIGHT,
    ),
    "formula that is not typeset": ('<span class="math">x^2</span>', "math", LIGHT),
    "formula that MathJax cannot read": (
        '<span class="math notranslate nohighlight">\\(\\frac{1}\\)</span>',
        "math",
        LIGHT,
    ),
    "command that MathJax does not know": (
        '<span class="math notranslate nohighlight">\\(\\undefinedthing x\\)</span>',
        "math",
        LIGHT,
    ),
    "wide box in a folded answer": (
        '<details><summary>a</summary><div style="width: 600px">wide</div></details>',
        "overflow",
        PHONE,
    ),
    "pale text in a folded answer": (
        '<details><summary>a</summary><p style="color: #ddd">pale</p></details>',
        "accessibility",
        LIGHT,
    ),
    "box wider than a phone": ('<div style="width: 500px">wide</div>', "overflow", PHONE),
    "word wider than a phone": (
        f"<p style='overflow-wrap: normal'>{'m' * 60}</p>",
        "overflow",
        PHONE,
    ),
    "article that scrolls": (
        "<style>article { overflow-x: auto }</style><p style='width: 700px'>wide</p>",
        "overflow",
        PHONE,
    ),
    "text cut off at the edge": (
        f"<div style='overflow: hidden'><p style='width: 600px'>{'cut off ' * 20}</p></div>",
        "overflow",
        PHONE,
    ),
    "formula wider than a phone": (
        f"<div class='math notranslate nohighlight'>\\[{'x + ' * 40} x\\]</div>",
        "overflow",
        PHONE,
    ),
    "picture that did not load": (
        '<img src="../_static/none.png" alt="a picture that is not there">',
        "pictures",
        LIGHT,
    ),
    "picture without words": ('<img src="../_static/logo.svg" alt="">', "pictures", LIGHT),
    "words taken away by a script": (
        "<script>document.querySelectorAll('article img').forEach(i => i.alt = '')</script>",
        "pictures",
        LIGHT,
    ),
    "pale text in light": ('<p style="color: #ccc">pale</p>', "accessibility", LIGHT),
    "dim text in dark": ('<p style="color: #333">dim</p>', "accessibility", DARK),
    "button without a name": ("<button></button>", "accessibility", LIGHT),
    "field without a label": ("<input type='range'>", "accessibility", LIGHT),
    "link that leads nowhere": ('<a href="nowhere.html">nowhere</a>', "links", LIGHT),
    "link made by a script": (
        "<script>document.body.append(Object.assign(document.createElement('a'),"
        "{href: 'nowhere-either.html'}))</script>",
        "links",
        LIGHT,
    ),
    "pale code": (
        '<div class="highlight"><pre><span style="color: #ccc">pale</span></pre></div>',
        "accessibility",
        LIGHT,
    ),
    "pale phrase below the same on a dark ground": (
        "<style>.soot { background: #222 } .pale { color: #ccc }</style>"
        "<p class='soot'><em class='pale'>one</em></p><p><em class='pale'>other</em></p>",
        "accessibility",
        LIGHT,
    ),
    "pale phrase below the same that is not shown": (
        "<style>.gone { display: none } .pale { color: #ccc }</style>"
        "<p class='gone'><em class='pale'>one</em></p><p><em class='pale'>other</em></p>",
        "accessibility",
        LIGHT,
    ),
    "dim phrase below the same in a faint paragraph": (
        "<style>.dim { color: #767676 } .faint { opacity: 0.7 }</style>"
        "<p><em class='dim'>one</em></p><p class='faint'><em class='dim'>other</em></p>",
        "accessibility",
        LIGHT,
    ),
    "phrase that is dim in dark alone": (
        "<style>html[data-theme=dark] .dim { color: #333 }</style><p><em class='dim'>one</em></p>",
        "accessibility",
        DARK,
    ),
    "phrase that is pale on a phone alone": (
        "<style>@media (max-width: 400px) { .pale { color: #ccc } }</style>"
        "<p><em>one</em> <em class='pale'>other</em></p>",
        "accessibility",
        PHONE,
    ),
    "link that Tab leaves out": ('<a href="#" tabindex="-1">left out</a>', "keyboard", LIGHT),
    "button that keeps the focus": (
        '<button onkeydown="event.preventDefault()">a trap</button><a href="#">behind it</a>',
        "keyboard",
        LIGHT,
    ),
    "text that only a mouse presses": ('<span onclick="0">press</span>', "keyboard", LIGHT),
    "focus with a transparent outline": (
        '<a href="#" style="outline-color: transparent !important">unseen</a>',
        "keyboard",
        LIGHT,
    ),
    "focus that is not seen": (
        '<a href="#" style="outline: none !important">unseen</a>',
        "keyboard",
        LIGHT,
    ),
}

# What print.css mends on any page, and rules that would undo it, with what is said of each.
HARSH = (
    "<div class='cell'><div class='cell_output'><div class='output'><table><thead><tr><th>head</th>"
    f"</tr></thead><tr>{'<td style=white-space:nowrap>four words of text</td>' * 20}</tr></table>"
    f"</div></div></div><div class='highlight'><pre>{'long_line_' * 30}</pre></div>"
    "<figure><img alt='' src='data:image/svg+xml,<svg xmlns=\"http://www.w3.org/2000/svg\""
    ' width="100" height="5000"/>\'></figure>'
    "<div style='overflow-x: auto; background: #222'><b style='color: #ddd'>pale</b></div>"
    "<div class='math notranslate nohighlight'><span class='eqno'>(1)</span>\\[x\\]</div>"
    "<details><summary>Answer</summary><p>folded</p></details><button>press</button>"
)
UNDONE = [
    ("px on 642 of paper", "pre", "white-space: pre"),
    ("cut off", "pre", "white-space: pre; overflow: auto"),
    ("beyond the edge", "td", "white-space: nowrap"),
    ("folded", "details > p", "display: none"),
    ("marker", "summary", "list-style: revert"),
    ("pale", "b", "color: #ddd"),
    ("pale", "table", "border: 1px solid #ddd"),
    ("not on white", "div", "background: #222"),
    ("not on white", "img", "filter: brightness(0.8)"),
    ("a dark page", ":root", "color-scheme: dark"),
    ("narrow", "article", "margin-left: 1em"),
    ("beside the text", "footer", "display: block"),
    ("of no use on paper", "button", "display: block"),
    ("may be torn", "figure", "break-inside: auto"),
    ("higher than a page", "img", "max-height: none"),
    ("may end a page", "h2", "break-after: auto"),
    ("not repeated", "thead", "display: table-row-group"),
    ("apart from its formula", "div.math", "flex-direction: column"),
    ("no title", "h1", "display: none"),
]


@pytest.fixture
def folder(built, tmp_path):
    """Return the built book, in which the first page and the index of the search can be changed."""
    changed = {FIRST, "searchindex.js"}
    for path in [*built.iterdir(), *(built / FIRST).parent.iterdir()]:
        name = path.relative_to(built)
        if any(Path(one).is_relative_to(name) for one in changed):
            continue
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(path)
    for name in changed:
        shutil.copy(built / name, tmp_path / name)
    return tmp_path


def plant(folder, fault):
    page = folder / FIRST
    text = page.read_text(encoding="utf-8")
    assert text.count(BEFORE) == 1
    page.write_text(text.replace(BEFORE, fault + BEFORE), encoding="utf-8")


@pytest.mark.parametrize("view", [LIGHT, DARK, PHONE], ids=["light", "dark", "phone"])
def test_sound_page__passes(view, folder, chromium):
    with serving(folder) as site:
        found = browser.visit(chromium, site, FIRST, **view)
    assert not any(found.values()), found


@pytest.mark.parametrize("name", PLANTED)
def test_planted_fault__is_found(name, folder, chromium):
    fault, check, view = PLANTED[name]
    plant(folder, fault)
    checks = browser.CHECKS.keys() & {check}
    with serving(folder) as site:
        assert browser.visit(chromium, site, FIRST, **view, checks=checks)[check] != []


@pytest.mark.parametrize("view", [DARK, PHONE], ids=["dark", "phone"])
def test_paper__holds_what_is_wide_or_folded_unless_a_rule_is_undone(view, folder, chromium):
    plant(folder, HARSH)
    with serving(folder) as site, browser.opened(chromium, site, FIRST, **view) as (page, _):
        assert browser.paper_problems(page) == []
        for said, what, how in UNDONE:
            undone = f":is({what}, #none) {{ {how} !important }}"
            style = page.add_style_tag(content=f"@media print {{ @layer paper {{ {undone} }} }}")
            assert said in "\n".join(browser.paper_problems(page)), (what, how)
            style.evaluate("style => style.remove()")


def test_page_made_thin_for_axe__is_laid_out_as_before(folder, chromium):
    # Otherwise a box would begin to scroll that readers see whole.
    boxes = "article :not(mjx-math *, pre *)"
    widths = "boxes => boxes.flatMap(box => [box.scrollWidth, box.clientWidth])"
    with (
        serving(folder) as site,
        browser.opened(chromium, site, "book/notation.html", viewport=browser.PHONE) as (page, _),
    ):
        before = page.eval_on_selector_all(boxes, widths)
        page.evaluate(browser.THIN)
        after = page.eval_on_selector_all(boxes, widths)
    assert len(before) > 100
    assert after == pytest.approx(before, abs=1)  # pixels are rounded


def test_search_with_an_empty_index__finds_nothing(folder, chromium):
    empty = 'Search.setIndex({"docnames":[],"filenames":[],"titles":[],"terms":{},"objects":{},'
    empty += '"objtypes":{},"objnames":{},"titleterms":{},"alltitles":{},"indexentries":{}})'
    (folder / "searchindex.js").write_text(empty, encoding="utf-8")
    with serving(folder) as site, browser.opened(chromium, site, FIRST) as (page, _):
        assert browser.search_results(page, "unbiased") == []


def test_server__answers_as_github_pages_does(folder, chromium):
    with serving(folder) as site:
        request = chromium.new_context().request
        host = site.removesuffix("/").rpartition("/")[0]
        assert request.get(host).url == site
        for address in (f"{site}none", f"{site}none/none", f"{host}/none"):
            answer = request.get(address)
            assert answer.status == 404
            assert "Page not found" in answer.text()
        assert request.get(f"{site}{FIRST}").status == 200


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_without_chromium__tests_are_skipped_with_the_reason_but_fail_in_ci(ci, outcome, tmp_path):
    test = "tests/book/test_in_browser.py::test_answer__unfolds_by_keyboard"
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", test]
    variables = os.environ | {"PATH": str(tmp_path), "CHROMIUM": "", "CI": ci}
    result = subprocess.run(
        command, cwd=toc.ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert outcome in result.stdout
    assert "there is no Chromium here" in result.stdout
