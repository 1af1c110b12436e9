"""Render the package's docstrings, which name equations as the book does.

A docstring says {eq}`eq-normalize`, as a page does. Sphinx reads docstrings
as reStructuredText, where the same role is written with colons.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROLE = re.compile(r"\{eq\}`(?P<label>[\w-]+)`")
EXAMPLE = re.compile(r"\s*>>>")
LABEL = re.compile(r"\$\$ \((eq-[\w-]+)\)")
# As in the shape (N, C, *locations): a lone star would begin an emphasis.
STAR = re.compile(r"(?<=[\s(])\*(?=\w+\b(?!\*))")


def equation_labels(text: str) -> set[str]:
    """Return the labels of the equations in a page's source."""
    return set(LABEL.findall(text))


def to_rest(line: str, labels: set[str]) -> str:
    """Return a docstring's line with the roles and stars of reST.

    An equation whose chapter is still to come is named and not linked.
    """

    def role(found: re.Match[str]) -> str:
        label = found["label"]
        return f":eq:`{label}`" if label in labels else f"``{label}``"

    return STAR.sub(r"\\*", ROLE.sub(role, line))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above to Sphinx."""
    labels: set[str] = set()

    def collect(
        app: Sphinx, env: BuildEnvironment, docnames: list[str]
    ) -> None:
        for name in env.found_docs:
            text = Path(env.doc2path(name)).read_text(
                "utf-8", errors="replace"
            )
            labels.update(equation_labels(text))

    def translate(
        app: Sphinx,
        what: str,
        name: str,
        value: Any,
        options: Any,
        lines: list[str],
    ) -> None:
        lines[:] = [
            line if EXAMPLE.match(line) else to_rest(line, labels)
            for line in lines
        ]

    app.connect("env-before-read-docs", collect)
    # Before napoleon, which makes reStructuredText of the sections.
    app.connect("autodoc-process-docstring", translate, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
