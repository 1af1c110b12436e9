"""Which functions of the package and which tests cite equations and statements, from their source.

Nothing is imported: a citation counts where it is written out.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LABEL = r"eq-[a-z0-9]+(?:-[a-z0-9]+)*"
ROLE = re.compile(r"\{eq\}`([^`]*)`")
IN_COMMENT = re.compile(rf"\b{LABEL}")
MARKERS = ("equation", "statement")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Citation:
    """A place that names an equation or a statement.

    Attributes
    ----------
    where : str
        The place, as a problem's line begins.
    name : str
        The equation's label or the statement's number.
    """

    where: str
    name: str


@dataclass(frozen=True, eq=False)
class Function:
    """A function, method or class of the package.

    Attributes
    ----------
    name : str
        Under which readers import it, as in ``bncourse.scratch.Moments.merge``.
    module : Module
        Where it is written.
    node : Definition
        Its syntax tree.
    """

    name: str
    module: "Module"
    node: Definition

    @cached_property
    def docstring(self) -> str:
        """Its documentation, empty if it has none."""
        return ast.get_docstring(self.node) or ""

    @cached_property
    def computes(self) -> tuple[str, ...]:
        """The labels that the summary cites: equations that this function computes."""
        return tuple(ROLE.findall(self.docstring.split("\n\n")[0]))

    @cached_property
    def cites(self) -> tuple[str, ...]:
        """All labels that its docstring cites."""
        return tuple(ROLE.findall(self.docstring))

    @cached_property
    def lines(self) -> set[int]:
        """The numbers of its lines, decorators and docstring left out."""
        body = self.node.body[bool(self.docstring) :]
        return {line for statement in body for line in _lines(statement)}

    @cached_property
    def words(self) -> set[str]:
        """All names that its code uses, those of attributes too."""
        nodes = list(ast.walk(self.node))
        return {node.id for node in nodes if isinstance(node, ast.Name)} | {
            node.attr for node in nodes if isinstance(node, ast.Attribute)
        }

    def equation_lines(self, label: str) -> set[int]:
        """Return the lines that compute an equation.

        They are the function's, and where it hands the work on to functions of its module, also
        the statements there that a comment gives this label.
        """
        comments = self.module.comments
        if any(label in comments.get(line, ()) for line in self.lines):
            return self.lines
        calls = (node.func for node in ast.walk(self.node) if isinstance(node, ast.Call))
        called = {function.id for function in calls if isinstance(function, ast.Name)}
        return self.lines.union(
            *(
                _lines(statement)
                for other in self.module.functions
                if other.node.name in called
                for statement in ast.walk(other.node)
                if isinstance(statement, ast.Assign | ast.Return)
                and any(label in comments.get(line, ()) for line in _lines(statement))
            )
        )


@dataclass(frozen=True, eq=False)
class Module:
    """A module of the package.

    Attributes
    ----------
    file : str
        Its path, relative to the root of the checkout.
    source : str
        Its text.
    exported : frozenset of str
        The names that the package around it offers as its own.
    """

    file: str
    source: str
    exported: frozenset[str]

    @cached_property
    def comments(self) -> dict[int, list[str]]:
        """The labels that comments name, by line."""
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return {
            token.start[0]: IN_COMMENT.findall(token.string)
            for token in tokens
            if token.type == tokenize.COMMENT
        }

    @cached_property
    def functions(self) -> list[Function]:
        """Its functions, methods and classes."""
        return list(self._functions(ast.parse(self.source).body, ""))

    def _functions(self, body: list[ast.stmt], outer: str) -> Iterator[Function]:
        """Yield the functions of a module's or a class's body."""
        module = self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for node in body:
            if isinstance(node, Definition):
                name = f"{outer}{node.name}"
                exported = name.split(".")[0] in self.exported
                home = module.rpartition(".")[0] if exported else module
                yield Function(f"{home}.{name}", self, node)
                if isinstance(node, ast.ClassDef):
                    yield from self._functions(node.body, f"{name}.")

    def citations(self) -> Iterator[Citation]:
        """Yield every label that a docstring or a comment names."""
        for function in self.functions:
            for label in function.cites:
                yield Citation(f"{self.file}: {function.node.name}", label)
        for label in ROLE.findall(ast.get_docstring(ast.parse(self.source)) or ""):
            yield Citation(self.file, label)
        for line, labels in self.comments.items():
            for label in labels:
                yield Citation(f"{self.file}:{line}", label)


def _lines(node: ast.stmt) -> set[int]:
    """Return the numbers of the lines of a statement."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def python(path: Path) -> tuple[str, str]:
    """Return the code of a file and nothing; where it is no Python, no code and what is wrong."""
    try:
        source = path.read_text(encoding="utf-8")
        ast.parse(source)
    except (SyntaxError, ValueError) as problem:
        line = getattr(problem, "lineno", None) or 1
        return "", f"{line}: want Python, got {getattr(problem, 'msg', problem)}"
    return source, ""


def unreadable(root: Path) -> list[str]:
    """Return a line for each file of the package and of the tests that is no Python."""
    paths = [path for folder in ("bncourse", "tests") for path in (root / folder).rglob("*.py")]
    found = ((path.relative_to(root).as_posix(), python(path)[1]) for path in sorted(paths))
    return [f"{file}:{problem}" for file, problem in found if problem]


def modules(root: Path) -> list[Module]:
    """Return the modules of bncourse.

    Parameters
    ----------
    root : Path
        The root of the checkout.

    Returns
    -------
    list of Module
        In the order of their paths.
    """
    return [
        Module(
            path.relative_to(root).as_posix(),
            python(path)[0],
            _exported(path),
        )
        for path in sorted((root / "bncourse").rglob("*.py"))
    ]


def _exported(path: Path) -> frozenset[str]:
    """Return the names that the package around a module imports from it."""
    package = path.with_name("__init__.py")
    if path == package or not package.exists():
        return frozenset()
    return frozenset(
        alias.asname or alias.name
        for node in ast.walk(ast.parse(python(package)[0]))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1] == path.stem
        for alias in node.names
    )


@dataclass(frozen=True)
class Test:
    """A test that carries markers.

    Attributes
    ----------
    name, file : str
        The function, and its file relative to the root of the checkout.
    equations, statements : tuple of str
        What its markers name.
    """

    name: str
    file: str
    equations: tuple[str, ...]
    statements: tuple[str, ...]


def marked_tests(root: Path) -> tuple[list[Test], list[str]]:
    """Return the tests that carry a marker of an equation or a statement.

    Parameters
    ----------
    root : Path
        The root of the checkout.

    Returns
    -------
    tests : list of Test
        In the order of files and lines.
    problems : list of str
        A line for each marker that cannot be read, because it is no decorator of a test
        function or names nothing literally.
    """
    tests, problems = [], []
    for path in sorted((root / "tests").rglob("test_*.py")):
        file = path.relative_to(root).as_posix()
        tree = ast.parse(python(path)[0])
        uses = {
            node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _marker(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named: dict[str, list[str]] = {marker: [] for marker in MARKERS}
                for call in node.decorator_list:
                    match call:
                        case ast.Call(
                            func=ast.Attribute() as use,
                            args=[ast.Constant(value=str(name))],
                            keywords=[],
                        ) if use in uses:
                            named[use.attr].append(name)
                            uses.remove(use)
                if any(named.values()):
                    tests.append(Test(node.name, file, *map(tuple, named.values())))
        problems += [
            f"{file}:{use.lineno}: want pytest.mark.{_marker(use)} as the decorator of a test,"
            ' with one name, as in @pytest.mark.equation("eq-dx")'
            for use in sorted(uses, key=lambda use: use.lineno)
        ]
    return tests, problems


def _marker(node: ast.Attribute) -> str:
    """Return which of our markers this expression is, or nothing."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr="mark"), attr=name) if name in MARKERS:
            return name
    return ""
