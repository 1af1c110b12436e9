"""All evidence together: pages, functions, tests, and what is still to come."""

from dataclasses import dataclass
from pathlib import Path

from tools.evidence import citations
from tools.evidence.chapters import Book, Exact, Record, read_book
from tools.evidence.citations import Citation, Function, Test
from tools.evidence.still_to_come import PLAN, Plan
from tools.toc import ROOT

PAGE = "book/evidence"
GROUNDS = ("proves", "defines")
# What judges and draws computes no equation of the course.
ASIDE = ("bncourse.figures.", "bncourse.oracle.", "bncourse.tolerances.")


@dataclass(frozen=True)
class Evidence:
    """All that bears on the statements and equations of the course.

    Attributes
    ----------
    book : Book
        What the pages say.
    functions : list of Function
        All of the package.
    cited : list of Citation
        Labels that the package names.
    tests : list of Test
        Those with a marker.
    unreadable : list of str
        A line for each marker that cannot be read.
    plan : Plan
        What is still to come.
    broken : list of str
        A line for each file that cannot be read at all.
    """

    book: Book
    functions: list[Function]
    cited: list[Citation]
    tests: list[Test]
    unreadable: list[str]
    plan: Plan
    broken: list[str]

    def equations(self) -> list[str]:
        """Return the labels of the pages in the order of reading, each once."""
        return list(dict.fromkeys(one.name for one in self.book.equations))

    def statements(self) -> list[str]:
        """Return the numbers of the statements that pages have, each once."""
        return list(dict.fromkeys(one.name for one in self.book.statements))

    def exact(self, name: str) -> Exact | None:
        """Return an equation or a statement as its page has it, None if no page does."""
        both = (*self.book.equations, *self.book.statements)
        return next((one for one in both if one.name == name), None)

    def records(self, name: str, *kinds: str) -> list[Record]:
        """Return what cells say about an equation or a statement."""
        return [one for one in self.book.records if one.name == name and one.kind in kinds]

    def computing(self, label: str) -> list[Function]:
        """Return the functions that claim to compute an equation."""
        return [one for one in self.functions if label in one.computes]

    def may_run(self, record: Record) -> set[str]:
        """Return the functions that a measuring cell may run, directly or through others.

        Calls are followed by name alone, so there may be some that it does not run.
        """
        ours = [one for one in self.functions if not one.name.startswith(ASIDE)]
        found = {one for one in ours if f"{one.name}.".startswith(_prefixes(record.functions))}
        new = found
        while new:
            words = set().union(*(one.words for one in new))
            new = {one for one in ours if one.node.name in words} - found
            found = found | new
        return {one.name for one in found}

    def tests_of(self, name: str) -> list[Test]:
        """Return the tests with the marker of an equation or a statement."""
        return [one for one in self.tests if name in (*one.equations, *one.statements)]

    def lacking(self, name: str, what: str) -> bool:
        """Tell whether it is declared that an equation or a statement lacks something."""
        return any((gap.name, gap.lacks) == (name, what) for gap in self.plan.gaps)


def _prefixes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the names of functions, and of methods of classes, begin with."""
    return tuple(f"{name}." for name in names)


def collect(root: Path = ROOT, plan: Plan = PLAN) -> Evidence:
    """Collect the evidence of a checkout.

    Parameters
    ----------
    root : Path, default this checkout
        The root of the checkout.
    plan : Plan, default that of this course
        What is still to come.

    Returns
    -------
    Evidence
        Whatever its problems, see `problems`.
    """
    modules = citations.modules(root)
    tests, unreadable = citations.marked_tests(root)
    book = read_book(root, PAGE)
    return Evidence(
        book,
        [function for module in modules for function in module.functions],
        [citation for module in modules for citation in module.citations()],
        tests,
        unreadable,
        plan,
        [*book.broken, *citations.unreadable(root)],
    )
