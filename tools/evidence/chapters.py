"""What the pages of the book define, state, prove and measure, and which equations they cite."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from myst_parser.mdit_to_docutils.base import default_slugify

from tools import toc
from tools.evidence.citations import LABEL, ROLE, Citation

KINDS = {"proves": "markdown", "defines": "markdown", "measures": "code"}
STATEMENT = re.compile(r"\*\*Statement (S\d+)\.\*\* (.+)", re.DOTALL)
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False}).use(dollarmath_plugin, allow_labels=True)


@dataclass(frozen=True)
class Place:
    """Where in the book something stands.

    Attributes
    ----------
    file : str
        The page, relative to the root of the checkout.
    chapter, heading, anchor : str
        The page's title, the heading above the place, and that heading's anchor.
    figure : str
        The name of the figure that the place is, empty where it is none.
    """

    file: str
    chapter: str = ""
    heading: str = ""
    anchor: str = ""
    figure: str = ""


@dataclass(frozen=True)
class Exact:
    """An equation or a statement as a page has it.

    Attributes
    ----------
    name : str
        The equation's label or the statement's number.
    text : str
        The formula in LaTeX, or the sentence.
    place : Place
        Where it stands.
    cell : str
        The id of its cell.
    """

    name: str
    text: str
    place: Place
    cell: str


@dataclass(frozen=True)
class Record:
    """What a cell says that it is evidence of.

    Attributes
    ----------
    kind, name : str
        "proves", "defines" or "measures", and the equation's label or statement's number.
    place : Place
        Where the cell stands.
    cell : str
        Its id.
    functions : tuple of str
        The functions of bncourse that it runs.
    """

    kind: str
    name: str
    place: Place
    cell: str
    functions: tuple[str, ...] = ()


@dataclass
class Book:
    """What all pages say, in the order of reading.

    Attributes
    ----------
    pages : list of str
        Names as `_toc.yml` has them, as in ``book/forward``.
    equations, statements : list of Exact
    records : list of Record
    citations : list of Citation
    problems : list of str
        A line for each thing that cannot be read.
    broken : list of str
        A line for each file of which nothing can be read.
    """

    pages: list[str] = field(default_factory=list)
    equations: list[Exact] = field(default_factory=list)
    statements: list[Exact] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def read_book(root: Path, leave_out: str) -> Book:
    """Read the pages that `_toc.yml` names.

    Parameters
    ----------
    root : Path
        The root of the checkout.
    leave_out : str
        A page that is made from what the others say, as in ``book/evidence``.

    Returns
    -------
    Book
        What they say.
    """
    book = Book()
    # Whatever an author can write becomes a line: parsers raise errors of many kinds.
    try:
        book.pages += [page for page in toc.pages(root) if page != leave_out]
    except Exception as problem:
        book.broken.append(_unreadable("_toc.yml", "the pages of a book", problem))
    for page in book.pages:
        file = next(root.glob(f"{page}.ipynb"), root / f"{page}.md")
        name = file.relative_to(root).as_posix()
        try:
            cells = _cells(file)
        except FileNotFoundError:
            book.broken.append(f"_toc.yml: want pages that are there, got {page}")
        except Exception as problem:
            book.broken.append(_unreadable(name, "a page of a book", problem))
        else:
            _Reader(book, name, cells).read()
    return book


def _unreadable(file: str, wanted: str, problem: Exception) -> str:
    """Return in a line what is wrong with a file."""
    said = " ".join(f"{type(problem).__name__}: {problem}".split())
    return f"{file}: want {wanted}, got {said[:200]}"


def _cells(path: Path) -> list[Any]:
    """Return the cells of a page; a page without any is one cell of text."""
    if path.suffix == ".md":
        text = {"source": path.read_text(encoding="utf-8"), "id": "", "metadata": {}}
        return [nbformat.from_dict(text | {"cell_type": "markdown"})]
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for number, cell in enumerate(notebook.cells, 1):
        cell.setdefault("id", str(number))  # notebooks of before 2021 have none
    return list(notebook.cells)


class _Reader:
    """Reads one page into a book."""

    def __init__(self, book: Book, file: str, cells: list[Any]) -> None:
        self.book = book
        self.cells = cells
        self.place = Place(file)
        self.anchors: Counter[str] = Counter()
        self.names = _imported(cell.source for cell in cells if cell.cell_type == "code")

    def read(self) -> None:
        """Read the cells from top to bottom."""
        for cell in self.cells:
            start = self.place
            if cell.cell_type == "markdown":
                self._read_text(cell)
            problem = _parse(cell.source)[1] if cell.cell_type == "code" else ""
            if problem and "raises-exception" not in cell.metadata.get("tags", []):
                self.book.problems.append(f"{self._where(cell)}, {problem}")
            # Captions of figures cite equations too, and stand in the metadata.
            cited = ROLE.findall(cell.source) if cell.cell_type == "markdown" else []
            for label in (*cited, *ROLE.findall(str(cell.metadata))):
                self.book.citations.append(Citation(self._where(cell), label))
            self._read_records(cell, start)

    def _where(self, cell: Any) -> str:
        """Return a cell's place, as a problem's line begins."""
        return f"{self.place.file}, cell {cell.id}" if cell.id else self.place.file

    def _read_text(self, cell: Any) -> None:
        """Read the headings, equations and statements of a cell."""
        tokens = MARKDOWN.parse(cell.source)
        for token, content in pairwise([*tokens, Token("", "", 0)]):
            if token.type == "heading_open":
                self._enter(token.tag, content)
            elif token.type == "math_block_label":
                self._equation(cell, token.info, token.content)
            elif token.type == "fence" and token.info.startswith("{math}"):
                if label := re.search(rf"^:label: *({LABEL})$", token.content, re.MULTILINE):
                    self._equation(cell, label[1], token.content.replace(label[0], ""))
            elif token.type == "paragraph_open" and content.content.startswith("**Statement"):
                self._statement(cell, content.content)

    def _enter(self, tag: str, content: Token) -> None:
        """Take note of a heading."""
        heading = "".join(child.content for child in content.children or ())
        anchor = default_slugify(heading)
        times, self.anchors[anchor] = self.anchors[anchor], self.anchors[anchor] + 1
        self.place = Place(
            self.place.file,
            heading if tag == "h1" else self.place.chapter,
            heading,
            f"{anchor}-{times}" if times else anchor,
        )

    def _equation(self, cell: Any, label: str, text: str) -> None:
        """Take note of a formula that has a label; steps of derivations are not ours."""
        if label.startswith("eq-"):
            self.book.equations.append(Exact(label, text.strip(), self.place, cell.id))

    def _statement(self, cell: Any, text: str) -> None:
        """Take note of a statement."""
        if match := STATEMENT.fullmatch(text):
            exact = Exact(match[1], " ".join(match[2].split()), self.place, cell.id)
            self.book.statements.append(exact)
        else:
            self.book.problems.append(
                f"{self._where(cell)}: want a statement to begin as in **Statement S7.**, "
                f"got {text[:40]!r}"
            )

    def _read_records(self, cell: Any, start: Place) -> None:
        """Read what a cell is evidence of."""
        records = cell.metadata.get("bncourse", {})
        if not isinstance(records, dict):
            records = {"": records}
        for kind, names in records.items():
            if kind == "measured":  # by tools.outputs
                continue
            if problem := _problem_of_a_record(cell, kind, names):
                self.book.problems.append(f"{self._where(cell)}: {problem}")
                continue
            functions = tuple(_functions(cell.source, self.names)) if kind == "measures" else ()
            for name in names:
                place = self._place_in(cell, name, start)
                place = replace(place, figure=_figure_name(cell))
                self.book.records.append(Record(kind, name, place, cell.id, functions))

    def _place_in(self, cell: Any, name: str, start: Place) -> Place:
        """Return where in a cell something stands: its own place, or the cell's last heading."""
        for exact in (*self.book.equations, *self.book.statements):
            if (exact.name, exact.cell, exact.place.file) == (name, cell.id, self.place.file):
                return exact.place
        return self.place if cell.cell_type == "markdown" else start


def _problem_of_a_record(cell: Any, kind: str, names: object) -> str:
    """Return what is wrong with a record, or nothing."""
    if kind not in KINDS:
        return f'want "bncourse" to hold {", ".join(KINDS)}, got {kind or names}'
    if not isinstance(names, list) or not names or len(set(map(str, names))) < len(names):
        return f"{kind}: want a list of different names, got {names!r}"
    if KINDS[kind] != cell.cell_type:
        return f"{kind}: want this in a {KINDS[kind]} cell, got it in a {cell.cell_type} cell"
    if kind == "measures" and not cell.outputs:
        return "measures: want a cell that shows or draws something, got one without an output"
    return ""


def _figure_name(cell: Any) -> str:
    """Return the name of the figure that a cell draws, empty if it has none."""
    found: Any = cell.metadata
    for key in ("mystnb", "figure", "name"):
        found = found.get(key, "") if isinstance(found, dict) else ""
    return str(found)


def _parse(source: str) -> tuple[ast.Module, str]:
    """Parse a cell's code as IPython reads it; where it is no Python, return what is wrong."""
    source = re.sub(r"\A\s*%%(?:capture|prun|time|timeit)\b.*", "", source)
    try:
        return ast.parse(TransformerManager().transform_cell(source)), ""
    except (SyntaxError, ValueError) as problem:
        line = getattr(problem, "lineno", None) or 1
        return ast.Module(
            [], []
        ), f"line {line}: want Python, got {getattr(problem, 'msg', problem)}"


def _imported(sources: Iterator[str]) -> dict[str, str]:
    """Return what the imports of bncourse in these cells name, by the name used there."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for source in sources
        for node in ast.walk(_parse(source)[0])
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "bncourse"
        for alias in node.names
    }


def _functions(source: str, imported: dict[str, str]) -> Iterator[str]:
    """Yield the names in bncourse that a cell's code uses, each once, in their order."""
    used: dict[str, tuple[int, int]] = {}
    for node in ast.walk(_parse(source)[0]):
        if isinstance(node, ast.Attribute | ast.Name):
            first, *rest = ast.unparse(node).split(".")
            if first in imported:
                used.setdefault(".".join([imported[first], *rest]), (node.lineno, node.col_offset))
    for name in sorted(used, key=lambda name: used[name]):
        if not any(other.startswith(f"{name}.") for other in used):
            yield name
