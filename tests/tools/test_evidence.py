"""Each fault of the evidence is found, and the page is written when there is none."""

import json
from dataclasses import replace

import pytest

from tools.evidence import citations
from tools.evidence.__main__ import main
from tools.evidence.checks import problems
from tools.evidence.collected import collect
from tools.evidence.page import render
from tools.evidence.still_to_come import Gap, Plan

TOC = """\
format: jb-book
root: book/intro
chapters:
- file: book/page
- file: book/evidence
"""
FORWARD = '''\
"""About {eq}`eq-sum`."""


def total(x):
    """Return the sum, {eq}`eq-sum`.

    Not {eq}`eq-mean`.
    """
    return sum(x)  # eq-sum


class Values:
    """Some values."""

    def mean(self, x):
        """Return the mean, {eq}`eq-mean` (of the values)."""
        return total(x) / len(x)  # eq-mean


def later(x):
    """Return what comes later, {eq}`eq-later`."""
    return _later(x)


def _later(x):
    return x  # eq-later
'''
TESTS = """\
import pytest


@pytest.mark.equation("eq-sum")
@pytest.mark.statement("S1")
def test_total__is_the_sum(): ...


@pytest.mark.equation("eq-mean")
@pytest.mark.parametrize("n", [1, 2])
def test_mean__is_that_of_the_values(n): ...


@pytest.mark.equation("eq-later")
@pytest.mark.statement("S2")
def test_later__comes(): ...
"""
INTRO = "# Intro\n\nWelcome.\n"
RAN = {"execution_count": 1, "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}]}


def text(name, source, **record):
    metadata = {"bncourse": record} if record else {}
    return {"cell_type": "markdown", "id": name, "metadata": metadata, "source": source}


def code(name, source, **metadata):
    return {"cell_type": "code", "id": name, "metadata": metadata, "source": source} | RAN


CELLS = [
    text("title", "# A page\n\nAs said in {eq}`eq-sum`, and by `{eq}` too."),
    code(
        "setup",
        "%pip install it\nfrom bncourse import scratch\nfrom bncourse.scratch import Values",
    ),
    text(
        "sum",
        "## Sums\n\n**Statement S1.** A sum\nis $a$.\n\n$$\nt = a + b .\n$$ (eq-sum)",
        defines=["eq-sum"],
        proves=["S1"],
    ),
    text(
        "mean", "### Means\n\n$$\n\\mu = t / m\n$$ (eq-mean)\n\n$$x$$ (step-x)", proves=["eq-mean"]
    ),
    code("run", "print(scratch.total([1]))", bncourse={"measures": ["S1", "eq-sum"]}),
    code(
        "draw",
        "Values().mean([1])",
        bncourse={"measures": ["eq-mean"], "measured": "0123456789ab"},
        mystnb={"figure": {"name": "fig-mean", "caption": "By {eq}`eq-mean`."}},
    ),
]
PLAN = Plan(
    titles={"S1": "Sums", "S2": "Later"},
    chapters={"book/later": "what is later"},
    open={"S2": "book/later", "eq-later": "book/later"},
)
FILES = {
    "toc": "_toc.yml",
    "page": "book/page.ipynb",
    "intro": "book/intro.md",
    "forward": "bncourse/scratch/forward.py",
    "tests": "tests/scratch/test_forward.py",
}
MARKER = '@pytest.mark.equation("eq-mean")\n'


@pytest.fixture
def root(tmp_path):
    """Return a checkout of one chapter, one module and one file of tests."""
    notebook = {"cells": CELLS, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    contents = {
        "toc": TOC,
        "page": json.dumps(notebook),
        "intro": INTRO,
        "forward": FORWARD,
        "tests": TESTS,
    }
    for name, file in FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(contents[name], encoding="utf-8")
    (tmp_path / "bncourse/__init__.py").touch()
    package = tmp_path / "bncourse/scratch/__init__.py"
    package.write_text("from bncourse.scratch.forward import Values, total\n", encoding="utf-8")
    return tmp_path


def change(root, name, old, new):
    path = root / FILES[name]
    content = path.read_text(encoding="utf-8")
    assert content.count(old) == 1, old
    path.write_text(content.replace(old, new), encoding="utf-8")


def test_sound_evidence__has_no_problem(root):
    assert problems(collect(root, PLAN)) == []


IN_PAGE, PLANNED = "book/page.ipynb, cell", "tools/evidence/still_to_come.py"
TEST, MODULE = "tests/scratch/test_forward.py", "bncourse/scratch/forward.py"
NO_LABEL = "and no page has that label"
FAULTS = {
    "label without a function": (
        ("forward", "mean, {eq}`eq-mean` (", "mean ("),
        [f"{IN_PAGE} mean: eq-mean: no function cites it in the summary of its docstring"],
    ),
    "open label without a function": (
        ("forward", ", {eq}`eq-later`", ""),
        [f"{PLANNED}: eq-later: no function cites it in the summary of its docstring"],
    ),
    "two functions that claim one label": (
        ("forward", "the sum, {eq}`eq-sum`", "the sum, {eq}`eq-sum`, {eq}`eq-mean`"),
        [
            f"{IN_PAGE} mean: eq-mean: want one function that computes it, "
            "got bncourse.scratch.total, bncourse.scratch.Values.mean"
        ],
    ),
    "label without a test": (
        ("tests", MARKER, ""),
        [f'{IN_PAGE} mean: eq-mean: no test carries @pytest.mark.equation("eq-mean")'],
    ),
    "statement without a test": (
        ("tests", '@pytest.mark.statement("S1")\n', ""),
        [f'{IN_PAGE} sum: S1: no test carries @pytest.mark.statement("S1")'],
    ),
    "missing label in a docstring": (
        ("forward", "Not {eq}`eq-mean`", "Not {eq}`eq-men`"),
        [f"{MODULE}: total cites eq-men, {NO_LABEL}"],
    ),
    "missing label in a module's docstring": (
        ("forward", "About {eq}`eq-sum`", "About {eq}`eq-sun`"),
        [f"{MODULE} cites eq-sun, {NO_LABEL}"],
    ),
    "missing label in a comment": (
        ("forward", "# eq-mean", "# the mean, eq-men"),
        [f"{MODULE}:17 cites eq-men, {NO_LABEL}"],
    ),
    "missing label in a marker": (
        ("tests", MARKER, '@pytest.mark.equation("eq-men")\n' + MARKER),
        [f"{TEST}: test_mean__is_that_of_the_values cites eq-men, {NO_LABEL}"],
    ),
    "missing statement in a marker": (
        ("tests", MARKER, '@pytest.mark.statement("S3")\n' + MARKER),
        [f"{TEST}: test_mean__is_that_of_the_values cites S3, and there is no such statement"],
    ),
    "marker that names nothing literally": (
        ("tests", MARKER, "@pytest.mark.equation(LABEL)\n" + MARKER),
        [
            f"{TEST}:9: want pytest.mark.equation as the decorator of a test, with one name, "
            'as in @pytest.mark.equation("eq-dx")'
        ],
    ),
    "marker of a whole file": (
        ("tests", "import pytest\n", 'import pytest\n\npytestmark = pytest.mark.statement("S1")\n'),
        [
            f"{TEST}:3: want pytest.mark.statement as the decorator of a test, with one name, "
            'as in @pytest.mark.equation("eq-dx")'
        ],
    ),
    "missing label in a page": (
        ("intro", "Welcome", "See {eq}`eq-men`"),
        [f"book/intro.md: cites eq-men, {NO_LABEL}"],
    ),
    "label in a page before its chapter": (
        ("intro", "Welcome", "See {eq}`eq-later`"),
        [f"book/intro.md: cites eq-later, {NO_LABEL}"],
    ),
    "missing label in a caption": (
        ("page", "By {eq}`eq-mean`", "By {eq}`eq-men`"),
        [f"{IN_PAGE} draw: cites eq-men, {NO_LABEL}"],
    ),
    "label twice": (
        ("page", "As said in", "$$\\n1\\n$$ (eq-mean)\\n\\nAs said in"),
        [f"{IN_PAGE} title: want eq-mean in one place, got it in {IN_PAGE} mean, too"],
    ),
    "statement twice": (
        ("page", "As said in", "**Statement S1.** As said in"),
        [f"{IN_PAGE} title: want S1 in one place, got it in {IN_PAGE} sum, too"],
    ),
    "statement that cannot be read": (
        ("page", "**Statement S1.** A", "**Statement 1**: A"),
        [
            f"{IN_PAGE} sum: want a statement to begin as in **Statement S7.**, "
            "got '**Statement 1**: A sum\\nis $a$.'",
            f"{IN_PAGE} sum: proves S1, and no page has that label or statement",
            f"{IN_PAGE} run: measures S1, and no page has that label or statement",
            f"{PLANNED}: no page states S1, and it is not declared as still to come",
        ],
    ),
    "label in a page without cells": (
        ("intro", "Welcome.", "$$\na\n$$ (eq-later)"),
        [
            "book/intro.md: eq-later: no cell says that it proves or defines it",
            "book/intro.md: eq-later: no cell says that it measures it",
            f"{PLANNED}: eq-later is declared open, and a page has it",
        ],
    ),
    "label of a directive": (
        ("intro", "Welcome.", "```{math}\n:label: eq-later\n\na\n```"),
        [
            "book/intro.md: eq-later: no cell says that it proves or defines it",
            "book/intro.md: eq-later: no cell says that it measures it",
            f"{PLANNED}: eq-later is declared open, and a page has it",
        ],
    ),
    "record of an unknown label": (
        ("page", '"measures": ["eq-mean"]', '"measures": ["eq-mean", "eq-men"]'),
        [f"{IN_PAGE} draw: measures eq-men, and no page has that label or statement"],
    ),
    "record of an unknown statement": (
        ("page", '"proves": ["S1"]', '"proves": ["S1", "S3"]'),
        [f"{IN_PAGE} sum: proves S3, and no page has that label or statement"],
    ),
    "record of an unknown kind": (
        ("page", '"proves": ["eq-mean"]', '"prove": ["eq-mean"]'),
        [
            f'{IN_PAGE} mean: want "bncourse" to hold proves, defines, measures, got prove',
            f"{IN_PAGE} mean: eq-mean: no cell says that it proves or defines it",
        ],
    ),
    "record that is no list": (
        ("page", '"measures": ["eq-mean"]', '"measures": "eq-mean"'),
        [
            f"{IN_PAGE} draw: measures: want a list of different names, got 'eq-mean'",
            f"{IN_PAGE} mean: eq-mean: no cell says that it measures it",
        ],
    ),
    "measurement in a text": (
        ("page", '"proves": ["eq-mean"]', '"proves": ["eq-mean"], "measures": ["eq-mean"]'),
        [f"{IN_PAGE} mean: measures: want this in a code cell, got it in a markdown cell"],
    ),
    "measurement that shows nothing": (
        ("page", json.dumps(CELLS[-1]), json.dumps(CELLS[-1] | {"outputs": []})),
        [
            f"{IN_PAGE} draw: measures: want a cell that shows or draws something, "
            "got one without an output",
            f"{IN_PAGE} mean: eq-mean: no cell says that it measures it",
        ],
    ),
    "statement without a measurement": (
        ("page", '"measures": ["S1", "eq-sum"]', '"measures": ["eq-sum"]'),
        [f"{IN_PAGE} sum: S1: no cell says that it measures it"],
    ),
    "measurement that does not run the function": (
        ("page", "scratch.total([1])", "sum([1])"),
        [f"{IN_PAGE} sum: eq-sum: no cell that measures it runs bncourse.scratch.total"],
    ),
    "forgotten proof": (
        ("page", '"bncourse": {"proves": ["eq-mean"]}', ""),
        [f"{IN_PAGE} mean: eq-mean: no cell says that it proves or defines it"],
    ),
    "equation both proved and defined": (
        ("page", '"proves": ["eq-mean"]', '"proves": ["eq-mean"], "defines": ["eq-mean"]'),
        [f"{IN_PAGE} mean: eq-mean: want it proved or defined, got cells that say both"],
    ),
    "definition in another cell than the equation": (
        ("page", json.dumps(CELLS[0]), json.dumps(text("title", "# A page", defines=["eq-sum"]))),
        [f"{IN_PAGE} title: defines eq-sum, and it stands in another cell, sum"],
    ),
    "chapter that has come": (
        ("toc", "- file: book/page\n", "- file: book/page\n- file: book/later\n"),
        [f"{PLANNED}: book/later is declared as still to come, and _toc.yml names it"],
    ),
}


@pytest.mark.parametrize(("fault", "lines"), FAULTS.values(), ids=FAULTS)
def test_fault_of_the_sources__is_named(root, fault, lines):
    (root / "book/later.md").write_text("# Later\n", encoding="utf-8")
    change(root, *fault)
    assert problems(collect(root, PLAN)) == lines


FAULTS_OF_THE_PLAN = {
    "statement that is nowhere": (
        {"titles": PLAN.titles | {"S3": "Nowhere"}},
        [f"{PLANNED}: no page states S3, and it is not declared as still to come"],
    ),
    "statement without a title": (
        {"titles": {"S2": "Later"}},
        [
            f"{TEST}: test_total__is_the_sum cites S1, and there is no such statement",
            f"{IN_PAGE} sum: S1: a page states it, and {PLANNED} has no title for it",
        ],
    ),
    "statement declared open that a page has": (
        {"open": PLAN.open | {"S1": "book/later"}},
        [f"{PLANNED}: S1 is declared open, and a page has it"],
    ),
    "equation declared open that a page has": (
        {"open": PLAN.open | {"eq-sum": "book/later"}},
        [f"{PLANNED}: eq-sum is declared open, and a page has it"],
    ),
    "chapter that nobody plans": (
        {"open": PLAN.open | {"S2": "book/never"}},
        [f"{PLANNED}: S2 comes with book/never, which is not among the chapters to come"],
    ),
    "gap of what is nowhere": (
        {"gaps": (Gap("S2", "proof", "a proof"),)},
        [f"{PLANNED}: S2 is said to lack something, and no page has it"],
    ),
    "proof said to lack": (
        {"gaps": (Gap("eq-mean", "proof", "a proof"),)},
        [f"{PLANNED}: eq-mean is said to lack a proof, and a cell has it"],
    ),
    "measurement said to lack": (
        {"gaps": (Gap("S1", "measurement", "a measurement"),)},
        [f"{PLANNED}: S1 is said to lack a measurement, and a cell has it"],
    ),
    "part that no chapter brings": (
        {"gaps": (Gap("S1", "part", "the rest"),)},
        [f"{PLANNED}: S1 lacks a part that no chapter to come brings"],
    ),
}


@pytest.mark.parametrize(
    ("fault", "lines"), FAULTS_OF_THE_PLAN.values(), ids=FAULTS_OF_THE_PLAN.keys()
)
def test_fault_of_the_plan__is_named(root, fault, lines):
    assert problems(collect(root, replace(PLAN, **fault))) == lines


def notebook(*cells, minor=5):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": minor})


NO_PYTHON = b"\0def"
WHAT_CANNOT_BE_READ = {
    "table that is no mapping": (
        "_toc.yml",
        b"- book/page",
        "_toc.yml: want the pages of a book, got",
    ),
    "table that is no YAML": ("_toc.yml", b"root: [", "_toc.yml: want the pages of a book, got"),
    "page that is not there": (
        "_toc.yml",
        b"root: book/intro\nchapters: [{file: book/paeg}]",
        "_toc.yml: want pages that are there, got book/paeg",
    ),
    "notebook that is no JSON": ("book/page.ipynb", b"{", "book/page.ipynb: want a page of a book"),
    "notebook that is none": ("book/page.ipynb", b"[]", "book/page.ipynb: want a page of a book"),
    "notebook that lacks what it needs": (
        "book/page.ipynb",
        notebook({"cell_type": "code", "metadata": {}, "source": "1"}, minor=4).encode(),
        "book/page.ipynb: want a page of a book, got NotebookValidationError: ",
    ),
    "page in another encoding": ("book/intro.md", b"\xd6", "book/intro.md: want a page of a book"),
    "module that is no Python": (MODULE, b"\n\ndef x(:", f"{MODULE}:3: want Python, got invalid"),
    "module in another encoding": (
        MODULE,
        b"# \xd6",
        f"{MODULE}:1: want Python, got 'utf-8' codec",
    ),
    "package that is no Python": (
        "bncourse/scratch/__init__.py",
        b"from (",
        "bncourse/scratch/__init__.py:1: want Python, got invalid syntax",
    ),
    "test that is no Python": (TEST, b"def x():\nx", f"{TEST}:2: want Python, got expected an"),
}


@pytest.mark.parametrize(
    ("file", "content", "line"), WHAT_CANNOT_BE_READ.values(), ids=WHAT_CANNOT_BE_READ
)
def test_what_cannot_be_read__is_named_and_nothing_else(root, file, content, line):
    (root / file).write_bytes(content)
    (problem,) = problems(collect(root, PLAN))
    assert problem.startswith(line)


WANT_RECORDS = 'want "bncourse" to hold proves, defines, measures, got'
CELLS_OF_A_NEW_AUTHOR = {
    "nothing in a text": (text("new", ""), []),
    "headings of nothing": (text("new", "#\n\n##"), []),
    "what IPython alone knows": (code("new", "%time x\n!ls\ny = !ls\nx?\nz = %pwd"), []),
    "another language": (code("new", "%%bash\nls -l | grep x"), []),
    "mistake that is meant": (code("new", "x = = 1", tags=["raises-exception"]), []),
    "mistake": (code("new", "1\nx = = 1"), [", line 2: want Python, got invalid syntax"]),
    "null byte": (code("new", "\0"), [", line 1: want Python, got source code string cannot"]),
    "record that is a list": (text("new", "") | {"metadata": {"bncourse": ["S1"]}}, [WANT_RECORDS]),
    "record that is nothing": (text("new", "") | {"metadata": {"bncourse": None}}, [WANT_RECORDS]),
    "names that are lists": (text("new", "", proves=[["S1"]]), [": proves ['S1'], and no page"]),
    "names that are a mapping": (text("new", "", proves={"S1": 1}), [": proves: want a list"]),
    "figure that is a name": (
        code("new", "1", bncourse={"measures": ["S1"]}, mystnb={"figure": "fig"}),
        [],
    ),
    "settings that are a word": (code("new", "1", bncourse={"measures": ["S1"]}, mystnb="x"), []),
    "statement of nothing": (text("new", "**Statement S1.**"), [": want a statement to begin"]),
    "equation without a label": (text("new", "$$\nx\n$$\n\n$$\ny\n$$"), []),
    "equation that nothing computes": (
        text("new", "$$\nx\n$$ (eq-new)"),
        [f": eq-new: no {what}" for what in ("function", "test", "cell says", "cell says")],
    ),
    "statement that is not planned": (
        text("new", "**Statement S99.** True."),
        [f": S99: {what}" for what in ("a page", "no test", "no cell", "no cell")],
    ),
}


@pytest.mark.parametrize(
    ("cell", "wanted"), CELLS_OF_A_NEW_AUTHOR.values(), ids=CELLS_OF_A_NEW_AUTHOR
)
def test_whatever_an_author_writes__gets_a_sentence_with_its_place(root, cell, wanted):
    path = root / FILES["page"]
    path.write_text(notebook(*CELLS, cell), encoding="utf-8")
    evidence = collect(root, PLAN)
    got = problems(evidence)
    for problem, part in zip(got, wanted, strict=True):
        assert problem.startswith(f"{IN_PAGE} new")
        assert part in problem
    if not got:
        render(evidence)


def test_notebook_without_ids__has_its_cells_counted(root):
    cells = [{key: value for key, value in cell.items() if key != "id"} for cell in CELLS]
    cells.append({"cell_type": "markdown", "metadata": {"bncourse": {}}, "source": "{eq}`eq-no`"})
    (root / FILES["page"]).write_text(notebook(*cells, minor=4), encoding="utf-8")
    assert problems(collect(root, PLAN)) == [f"{IN_PAGE} 7: cites eq-no, {NO_LABEL}"]


def test_summary_of_one_letter__is_that_letter(root):
    change(root, "forward", "Return the sum, {eq}`eq-sum`.", "t, {eq}`eq-sum`")
    assert "**Equation {eq}`eq-sum`.** T.\n" in render(collect(root, PLAN))


def test_declared_gap__stands_for_a_proof_and_a_measurement(root):
    change(root, "page", '"bncourse": {"proves": ["eq-mean"]}', "")
    change(root, "page", '"measures": ["eq-mean"], ', "")
    gaps = Gap("eq-mean", "proof", "a proof"), Gap("eq-mean", "measurement", "a run")
    assert problems(collect(root, replace(PLAN, gaps=gaps))) == []


def test_page__has_each_statement_and_equation_with_its_evidence(root):
    gap = Gap("S1", "part", "the rest", "book/later")
    written = render(collect(root, replace(PLAN, gaps=(gap,))))
    statement = written[written.index("### S1. Sums") : written.index("(s2)=")]
    assert "> A sum is $a$." in statement
    assert "**Proof**: [Sums](page.ipynb#sums)" in statement
    assert "**Measurement**: [Means](page.ipynb#means)" in statement
    assert "**Functions**: {py:obj}`~bncourse.scratch.total`" in statement
    assert "**Open**: the rest (comes with the chapter on what is later)" in statement
    assert "test_<wbr>total__<wbr>is_<wbr>the_<wbr>sum</code>" in statement
    assert "### S2. Later (open)\n\nComes with the chapter on what is later." in written
    equation = written[written.index("**Equation {eq}`eq-sum`.** The sum.") :]
    assert equation.index("$$\nt = a + b\n$$") < equation.index("**Definition**: [Sums]")
    assert "(page.ipynb#means) ({numref}`fig-mean`)" in equation
    assert "**Open.** What comes later." in equation


def test_page__is_stale_once_a_test_has_another_name(root, capsys):
    path = root / "book/evidence.md"
    assert main(root, PLAN) == 0
    assert "is written" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == render(collect(root, PLAN))
    change(root, "tests", "test_total__is_the_sum", "test_total__adds_up")
    assert path.read_text(encoding="utf-8") != render(collect(root, PLAN))


def test_page__stays_as_it_was_where_something_is_wrong(root, capsys):
    path = root / "book/evidence.md"
    path.write_text("before", encoding="utf-8")
    change(root, "tests", MARKER, "")
    assert main(root, PLAN) == 1
    assert path.read_text(encoding="utf-8") == "before"
    assert f"{IN_PAGE} mean: eq-mean: no test carries" in capsys.readouterr().out


def test_lines_of_an_equation__are_the_functions_or_marked_where_it_hands_on(root):
    (module,) = (one for one in citations.modules(root) if one.file == MODULE)
    lines = {
        label: sorted(function.equation_lines(label))
        for function in module.functions
        for label in function.computes
    }
    assert lines == {"eq-sum": [9], "eq-mean": [17], "eq-later": [22, 26]}
