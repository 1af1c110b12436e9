"""Every check of a built page finds the fault planted for it, and lets a sound page pass."""

import pytest

from tools import soundness

SOUND = """
<html><head>
  <link rel="stylesheet" href="style.css">
  <link rel="canonical" href="https://example.org/">
  <script src="script.js"></script><script>let one = "https://example.org";</script>
</head><body><article class="bd-article">
  <h1 id="title">Title</h1>
  <p>See <a href="#title">above</a>, <a href="https://example.org">elsewhere</a>, a set {x}.</p>
  <div class="math">$$ {eq} $$</div><pre>x = "$a$ {eq}`b` ](c)"</pre>
  <img src="wave.png" alt="a wave that goes up">
  <svg aria-hidden="true"></svg><svg role="img" aria-label="a slider moves the mean"></svg>
  <div class="cell"><div class="cell_input"></div></div>
  <div class="cell"><div class="cell_input"></div><div class="cell_output">1</div></div>
</article></body></html>
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("style.css", "script.js", "wave.png"):
        (tmp_path / name).touch()
    return tmp_path


def problems(text, folder):
    path = folder / "page.html"
    path.write_text(text)
    page = soundness.read(path)
    return [
        *soundness.markup_problems(page),
        *soundness.picture_problems(page),
        *soundness.error_problems(page),
        *soundness.request_problems(page),
        *soundness.link_problems(page, path),
        *soundness.output_problems(page, [False, True]),
    ]


def test_sound_page__passes(folder):
    assert problems(SOUND, folder) == []


PLANTED = {
    "message of Sphinx": ("<h1", '<div class="system-message">bad</div><h1', "Sphinx says"),
    "unknown reference": ("<h1", '<span class="problematic">x</span><h1', "Sphinx says"),
    "dollars": ("a set", "$$x$$ a set", "left over"),
    "inline dollars": ("a set", "the $x$ set", "left over"),
    "role": ("a set", "{eq}`eq-normalize`", "left over"),
    "role of a domain": ("a set", "{cite:p}`ioffe`", "left over"),
    "half a link": ("a set", "[x](y)", "left over"),
    "fence": ("a set", ":::", "left over"),
    "no alt text": (' alt="a wave that goes up"', "", "alt text"),
    "empty alt text": ("a wave that goes up", "", "alt text"),
    "hashed file name": ("a wave that goes up", "_images/" + "0a" * 32 + ".png", "alt text"),
    "file name": ("a wave that goes up", "a wave.png", "alt text"),
    "nameless drawing": (' aria-label="a slider moves the mean"', "", "aria-label"),
    "stderr": (
        '"cell_output">',
        '"cell_output"><div class="output stderr">w</div>',
        "error output",
    ),
    "traceback": (">1<", '><div class="output traceback">E</div><', "error output"),
    "script from a CDN": ('src="script.js"', 'src="https://cdn.example/x.js"', "from outside"),
    "script without scheme": ('src="script.js"', 'src="//cdn.example/x.js"', "from outside"),
    "style sheet of another": ('href="style.css"', 'href="http://a.example/"', "from outside"),
    "picture of another": ('src="wave.png"', 'src="https://a.example/w.png"', "from outside"),
    "font in a style": ("<h1", "<style>a { src: url(https://f) }</style><h1", "from outside"),
    "import in a script": ("let one = ", "let one = import(", "from outside"),
    "missing picture": ('src="wave.png"', 'src="waves.png"', "no such file"),
    "missing page": ("#title", "other.html", "no such file"),
    "missing anchor": ("#title", "#titles", "no such anchor"),
    "missing anchor elsewhere": ("#title", "page.html#titles", "no such anchor"),
    "missing output": ('<div class="cell_output">1</div>', "", "cell 2 has no output"),
    "missing cell": ('<div class="cell"><div class="cell_input"></div></div>', "", "code cells"),
    "output too many": ("></div></div>", '><p class="cell_output"></div></div>', "unexpected"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault__is_found(fault, folder):
    sound, faulty, said = PLANTED[fault]
    assert sound in SOUND
    found = problems(SOUND.replace(sound, faulty, 1), folder)
    assert len(found) == 1, found
    assert said in found[0]


def test_style_sheet_that_fetches__is_found():
    assert soundness.code_problems("a { src: url(fonts/a.woff) }") == []
    assert soundness.code_problems('@import "https://fonts.example/css";') != []
