"""The page book/evidence.md, from the evidence that was collected."""

import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath

from tools import toc
from tools.evidence.chapters import Exact, Place, Record
from tools.evidence.citations import Function, Test
from tools.evidence.collected import PAGE, Evidence

NAMES = {"proves": "Proof", "defines": "Definition"}

HEAD = """\
# Evidence

<!-- Written by `make evidence` from the chapters, the package and the tests: change those. -->

What this course says, and what speaks for it: the sixteen statements that it sets out to teach,
then every equation that the package computes. {stated} of the {statements} statements and
{shown} of the {equations} equations stand in a chapter so far. What is missing is marked **open**,
with the chapter that brings it.

## What counts as evidence

- A **definition** says what a thing is called or what the layer does; a **proof** derives
  something from definitions. Each equation has one or the other, or says that it is missing.
- A **measurement** is a result in a chapter that is drawn, printed, or compared with PyTorch or
  with theory. It is computed anew when the book is built; a comparison that misses its bound stops
  the build.
- The **function** is the one that computes an equation, and a measurement of the equation runs it.
  For a statement, the functions are those that its measurements run.
- The **tests** are those that carry the equation's or the statement's marker. For each equation
  the function is also replaced by wrong versions of itself, and each time one of these tests has
  to fail.

To see it all for yourself:

```bash
make book     # the measurements
make test     # the tests
make mutants  # the wrong versions
```

The page itself is generated, and a test fails when it no longer says what the chapters, the package
and the tests say.
"""


def render(evidence: Evidence) -> str:
    """Return the text of the page.

    Parameters
    ----------
    evidence : Evidence
        Without a problem, see `problems`.

    Returns
    -------
    str
        MyST Markdown.
    """
    labels = [label for label in evidence.plan.open if label.startswith("eq-")]
    head = HEAD.format(
        stated=len(evidence.statements()),
        statements=len(evidence.plan.titles),
        shown=len(evidence.equations()),
        equations=len(evidence.equations()) + len(labels),
    )
    parts = [head, "## Statements\n"]
    parts += [_statement(evidence, number) for number in evidence.plan.titles]
    parts.append("## Equations\n")
    for chapter, equations in groupby(evidence.book.equations, lambda one: one.place.chapter):
        parts.append(f"### In the chapter: {chapter}\n")
        parts += [_equation(evidence, exact) for exact in equations]
    for page, coming in groupby(labels, lambda label: evidence.plan.open[label]):
        parts.append(
            f"### Open: {evidence.plan.chapters[page]}\n\n"
            "The functions and their tests are there. The equations, their derivations and "
            f"measurements come with the chapter on {evidence.plan.chapters[page]}.\n"
        )
        parts += [_open_equation(evidence, label) for label in coming]
    return "\n".join(parts)


def _statement(evidence: Evidence, number: str) -> str:
    """Return the entry of a statement."""
    exact, tests = evidence.exact(number), evidence.tests_of(number)
    title = f"({number.lower()})=\n### {number}. {evidence.plan.titles[number]}"
    if exact is None:
        subject = evidence.plan.chapters[evidence.plan.open[number]]
        return _entry([f"{title} (open)\n", f"Comes with the chapter on {subject}."], {}, tests)
    measured = evidence.records(number, "measures")
    fields = _grounds(evidence, number) | {"Measurement": _places(measured)}
    fields["Functions"] = ", ".join(map(_function_name, _functions_run(evidence, measured)))
    fields |= _gaps(evidence, number)
    source = _link(exact.place, exact.place.chapter)
    return _entry([f"{title}\n", f"> {exact.text}\n>\n> — {source}\n"], fields, tests)


def _equation(evidence: Evidence, exact: Exact) -> str:
    """Return the entry of an equation that a chapter has."""
    (function,) = evidence.computing(exact.name)
    formula = f"$$\n{_bare(exact.text)}\n$$\n"
    fields = {"Function": _function_name(function.name)}
    fields |= _grounds(evidence, exact.name)
    fields["Measurement"] = _places(evidence.records(exact.name, "measures"))
    fields |= _gaps(evidence, exact.name)
    title = f"**Equation {{eq}}`{exact.name}`.** {_summary(function)}.\n"
    return _entry([title, formula], fields, evidence.tests_of(exact.name))


def _open_equation(evidence: Evidence, label: str) -> str:
    """Return the entry of an equation that is still to come."""
    (function,) = evidence.computing(label)
    fields = {"Function": _function_name(function.name)}
    return _entry([f"**Open.** {_summary(function)}.\n"], fields, evidence.tests_of(label))


def _entry(blocks: list[str], fields: dict[str, str], tests: list[Test]) -> str:
    """Return an entry: its blocks, then those fields that hold something, then its tests."""
    lines = [f"- **{name}**: {text}" for name, text in fields.items() if text]
    return "\n".join([*blocks, *lines, _tests(tests)])


def _grounds(evidence: Evidence, name: str) -> dict[str, str]:
    """Return where something is proved or defined."""
    return {word: _places(evidence.records(name, kind)) for kind, word in NAMES.items()}


def _gaps(evidence: Evidence, name: str) -> dict[str, str]:
    """Return what something lacks."""
    lacks = []
    for gap in evidence.plan.gaps:
        if gap.name == name:
            chapter = evidence.plan.chapters.get(gap.chapter)
            comes = f" (comes with the chapter on {chapter})" if chapter else ""
            lacks.append(gap.why + comes)
    return {"Open": "; ".join(lacks)}


def _places(records: list[Record]) -> str:
    """Return links to the sections where cells stand, with the figures that are among them."""
    figures: dict[Place, list[str]] = {}
    for record in records:
        place = record.place
        section = Place(place.file, place.chapter, place.heading, place.anchor)
        figures.setdefault(section, [])
        if place.figure:
            figures[section].append(f"{{numref}}`{place.figure}`")
    return ", ".join(
        _link(section, section.heading) + (f" ({', '.join(named)})" if named else "")
        for section, named in figures.items()
    )


def _link(place: Place, text: str) -> str:
    """Return a link to a section of a chapter."""
    file = os.path.relpath(place.file, PurePosixPath(PAGE).parent)
    return f"[{text}]({file}#{place.anchor})"


def _functions_run(evidence: Evidence, records: list[Record]) -> Iterator[str]:
    """Yield the functions that cells run: all of `scratch`, and others that cite an equation."""
    known = {
        function.name
        for function in evidence.functions
        if function.cites or function.name.startswith("bncourse.scratch.")
    }
    names = dict.fromkeys(name for record in records for name in record.functions)
    yield from (name for name in names if name in known)


def _function_name(name: str) -> str:
    """Return a function as readers see it: a link to its entry in the reference."""
    return f"{{py:obj}}`~{name}`"


def _summary(function: Function) -> str:
    """Return the summary of a function without its citations."""
    summary = " ".join(function.docstring.split("\n\n")[0].split())
    summary = re.sub(r",? \{eq\}`[^`]*`", "", summary).rstrip(".").removeprefix("Return ")
    # Not the d of dL/dx.
    return summary if summary[1:2].isupper() else summary[:1].upper() + summary[1:]


def _bare(latex: str) -> str:
    """Return a formula without the punctuation of the sentence that it ends in its chapter."""
    return re.sub(r"\s*(?<!\\)[.,](?=\s*(?:\\end\{\w+\})?\s*\Z)", "", latex)


def _tests(tests: list[Test]) -> str:
    """Return tests as a folded list."""
    if not tests:
        return ""
    count = f"{len(tests)} test{'s' * (len(tests) > 1)}"
    listed = "\n".join(f"- {_test_name(test)}" for test in tests)
    return f"\n<details>\n<summary>{count}</summary>\n\n{listed}\n\n</details>\n"


def _test_name(test: Test) -> str:
    """Return a test, as pytest takes it, with a link to its file in the repository."""
    name = _code(f"{test.file}::{test.name}")
    return f"[{name}]({toc.repository()}/blob/HEAD/{test.file})"


def _code(name: str) -> str:
    """Return a name as code that a narrow screen may break, and that is copied in one piece."""
    breakable = re.sub(r"(_+|::|[/.])", r"\1<wbr>", name)
    return f"<code>{breakable}</code>"
