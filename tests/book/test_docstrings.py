"""Docstrings become reStructuredText that Sphinx understands."""

import pytest
from docstrings import equation_labels, to_rest

LABELS = {"eq-normalize"}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Return it, {eq}`eq-normalize`.", "Return it, :eq:`eq-normalize`."),
        ("Return it, {eq}`eq-later`.", "Return it, ``eq-later``."),
        ("x : array, shape (N, C, *locations)", r"x : array, shape (N, C, \*locations)"),
        ("sum(dy * function(at))", "sum(dy * function(at))"),
        ("an *emphasis* stays", "an *emphasis* stays"),
        ("see `to_rows`", "see `to_rows`"),
    ],
)
def test_line__says_the_same_in_restructured_text(line, wanted):
    assert to_rest(line, LABELS) == wanted


def test_labels__are_those_of_equations_in_pages_and_in_notebooks():
    page = "$$\nx\n$$ (eq-one)\n\n$$\ny\n$$ (step-two)\n"
    assert equation_labels(page) == {"eq-one"}
    assert equation_labels('    "$$ (eq-three)\\n",\n    "{eq}`eq-four`"') == {"eq-three"}
