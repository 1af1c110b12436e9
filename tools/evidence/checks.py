"""What evidence lacks, a line for each problem."""

from collections import Counter
from collections.abc import Iterator

from tools.evidence.chapters import Exact, Record
from tools.evidence.citations import Citation
from tools.evidence.collected import GROUNDS, Evidence

PLANNED = "tools/evidence/still_to_come.py"


def problems(evidence: Evidence) -> list[str]:
    """Return what is wrong with the evidence.

    Parameters
    ----------
    evidence : Evidence
        As `collect` returns it.

    Returns
    -------
    list of str
        A line for each problem; none if every equation and every statement has what it needs,
        or it is declared that it lacks it.
    """
    # What is said of the rest would be wrong.
    return evidence.broken or [
        *evidence.book.problems,
        *evidence.unreadable,
        *_names_that_stand_twice(evidence),
        *_citations_of_nothing(evidence),
        *_records_of_nothing(evidence),
        *_equations_without_function_or_test(evidence),
        *_statements_without_a_place_or_a_test(evidence),
        *_without_grounds(evidence),
        *_without_measurement(evidence),
        *_overtaken_plans(evidence),
    ]


def _names_that_stand_twice(evidence: Evidence) -> Iterator[str]:
    """Yield the labels and statements that pages have twice."""
    both = (*evidence.book.equations, *evidence.book.statements)
    for name, times in Counter(one.name for one in both).items():
        if times > 1:
            first, *others = (_where(one) for one in both if one.name == name)
            yield f"{first}: want {name} in one place, got it in {', '.join(others)}, too"


def _citations_of_nothing(evidence: Evidence) -> Iterator[str]:
    """Yield the citations of labels that are neither in a page nor still to come."""
    labels = set(evidence.equations())
    for one in evidence.book.citations:
        if one.name.startswith("eq-") and one.name not in labels:
            yield f"{one.where}: cites {one.name}, and no page has that label"
    known = labels | evidence.plan.open.keys()
    marked = [
        Citation(f"{test.file}: {test.name}", label)
        for test in evidence.tests
        for label in test.equations
    ]
    for one in (*evidence.cited, *marked):
        if one.name not in known:
            yield f"{one.where} cites {one.name}, and no page has that label"
    for test in evidence.tests:
        for number in set(test.statements) - evidence.plan.titles.keys():
            yield f"{test.file}: {test.name} cites {number}, and there is no such statement"


def _records_of_nothing(evidence: Evidence) -> Iterator[str]:
    """Yield the records that name what no page has, or define what stands elsewhere."""
    for record in evidence.book.records:
        where = f"{_where(record)}: {record.kind} {record.name}"
        exact = evidence.exact(record.name)
        if exact is None:
            yield f"{where}, and no page has that label or statement"
        elif record.kind == "defines" and _elsewhere(exact, record):
            yield f"{where}, and it stands in another cell, {exact.cell}"


def _elsewhere(exact: Exact, record: Record) -> bool:
    """Tell whether an equation stands in another cell than the record of it."""
    same = (exact.place.file, exact.cell) == (record.place.file, record.cell)
    return exact.name.startswith("eq-") and not same


def _named(evidence: Evidence, name: str) -> str:
    """Return an equation or a statement as a problem's line begins: with its place."""
    exact = evidence.exact(name)
    return f"{_where(exact)}: {name}" if exact else f"{PLANNED}: {name}"


def _where(one: Exact | Record) -> str:
    """Return the page and the cell of an equation, a statement or a record."""
    return f"{one.place.file}, cell {one.cell}" if one.cell else one.place.file


def _equations_without_function_or_test(evidence: Evidence) -> Iterator[str]:
    """Yield the equations that not exactly one function computes, or no test is marked with."""
    still_open = (name for name in evidence.plan.open if name.startswith("eq-"))
    for label in dict.fromkeys((*evidence.equations(), *still_open)):
        functions = [function.name for function in evidence.computing(label)]
        if not functions:
            yield f"{_named(evidence, label)}: no function cites it in the summary of its docstring"
        elif len(functions) > 1:
            named = _named(evidence, label)
            yield f"{named}: want one function that computes it, got {', '.join(functions)}"
        if not evidence.tests_of(label):
            yield f'{_named(evidence, label)}: no test carries @pytest.mark.equation("{label}")'


def _statements_without_a_place_or_a_test(evidence: Evidence) -> Iterator[str]:
    """Yield the statements that are nowhere, or are in a page and have no test."""
    for number in evidence.plan.titles:
        if number not in (*evidence.statements(), *evidence.plan.open):
            yield f"{PLANNED}: no page states {number}, and it is not declared as still to come"
    for number in evidence.statements():
        if number not in evidence.plan.titles:
            yield f"{_named(evidence, number)}: a page states it, and {PLANNED} has no title for it"
        if not evidence.tests_of(number):
            yield f'{_named(evidence, number)}: no test carries @pytest.mark.statement("{number}")'


def _without_grounds(evidence: Evidence) -> Iterator[str]:
    """Yield what is neither proved nor defined, and equations that are both."""
    for name in (*evidence.equations(), *evidence.statements()):
        kinds = sorted({record.kind for record in evidence.records(name, *GROUNDS)})
        if not kinds and not evidence.lacking(name, "proof"):
            yield f"{_named(evidence, name)}: no cell says that it proves or defines it"
        if len(kinds) > 1 and name.startswith("eq-"):
            yield f"{_named(evidence, name)}: want it proved or defined, got cells that say both"


def _without_measurement(evidence: Evidence) -> Iterator[str]:
    """Yield what no cell measures, and equations whose function no measuring cell runs."""
    for name in (*evidence.equations(), *evidence.statements()):
        records = evidence.records(name, "measures")
        if not records and not evidence.lacking(name, "measurement"):
            yield f"{_named(evidence, name)}: no cell says that it measures it"
        run = set().union(*map(evidence.may_run, records))
        for function in evidence.computing(name):
            if records and function.name not in run:
                yield f"{_named(evidence, name)}: no cell that measures it runs {function.name}"


def _overtaken_plans(evidence: Evidence) -> Iterator[str]:
    """Yield what is declared as still to come and has come, and what nobody will bring."""
    plan, where = evidence.plan, PLANNED
    for name, page in plan.open.items():
        if evidence.exact(name):
            yield f"{where}: {name} is declared open, and a page has it"
        if page not in plan.chapters:
            yield f"{where}: {name} comes with {page}, which is not among the chapters to come"
    for page in plan.chapters:
        if page in evidence.book.pages:
            yield f"{where}: {page} is declared as still to come, and _toc.yml names it"
    for gap in plan.gaps:
        kinds = {"proof": GROUNDS, "measurement": ("measures",)}.get(gap.lacks, ())
        if not evidence.exact(gap.name):
            yield f"{where}: {gap.name} is said to lack something, and no page has it"
        elif evidence.records(gap.name, *kinds):
            yield f"{where}: {gap.name} is said to lack a {gap.lacks}, and a cell has it"
        if gap.chapter not in ({*plan.chapters} if gap.lacks == "part" else {"", *plan.chapters}):
            yield f"{where}: {gap.name} lacks a {gap.lacks} that no chapter to come brings"
