"""The page on evidence says what is there. Faults are planted in tests/tools/test_evidence.py."""

from tools import toc
from tools.evidence.checks import problems
from tools.evidence.collected import PAGE, collect
from tools.evidence.page import render


def test_evidence__lacks_nothing_but_what_is_declared_open_and_the_page_says_so():
    evidence = collect()
    assert problems(evidence) == []
    stored = (toc.ROOT / f"{PAGE}.md").read_text(encoding="utf-8")
    assert stored == render(evidence), "run make evidence"


def test_page_on_evidence__stands_in_the_table_of_contents():
    assert PAGE in toc.pages()
