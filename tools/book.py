"""Build the book, and serve it: `python -m tools.book`."""

import argparse
import contextlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat

from tools.environment import BUILD, ROOT, alone
from tools.outputs import NotebookError, execute
from tools.server import serving
from tools.surroundings import surroundings

HTML = BUILD / "html"
DOCTREES = BUILD / ".doctrees"
UNFINISHED = BUILD / "unfinished"

JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
# Every warning is an error, and all of them are shown before the build fails.
COMMAND = [str(JUPYTER_BOOK), "build", str(ROOT), "-W", "-n", "--keep-going"]
COLOR = re.compile(r"\x1b\[[0-9;]*m")
TRACEBACK = "Traceback (most recent call last):"
# The file that Sphinx is at; nothing once it is through with it.
AT_FILE = re.compile(
    r"(?:(?:reading sources|writing output)\.\.\. \[ *\d+%\]|parsing bibtex file) ([\w./-]+\w)"
    r"|parsed \d+ entries|now-outdated|generating indices"
)
CELL = re.compile(r"^-{18,19}\n(.*?)\n-{18,19}$", re.MULTILINE | re.DOTALL)
RAISED = re.compile(r"^(\w[\w.]*) +Traceback \(most recent call last\)$", re.MULTILINE)


def build() -> list[str]:
    """Build the HTML; what has not changed is neither executed nor read again.

    Returns
    -------
    list of str
        What is wrong: nothing when the book is whole and without a warning.
    """
    if UNFINISHED.exists():
        # Sphinx remembers the pages that it read, not that it warned about them or that it was
        # stopped before it wrote them. The executed notebooks are kept in a cache of their own.
        shutil.rmtree(DOCTREES, ignore_errors=True)
    UNFINISHED.touch()
    problems = run_jupyter_book()
    if not problems:
        UNFINISHED.unlink()
    return problems


def run_jupyter_book() -> list[str]:
    """Run Jupyter Book with its output streamed; return what is wrong, a line for each problem."""
    if not JUPYTER_BOOK.exists():
        return [f"{JUPYTER_BOOK} is missing: remove .venv, then run make again"]
    variables = surroundings() | {"PYTHONUNBUFFERED": "1"}  # each warning stands in its place
    said = []
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            said.append(COLOR.sub("", line).replace(f"{ROOT}/", ""))
    if process.returncode == 0:
        return []
    text = "".join(said).replace("<unicode string>", "_config.yml")  # the one that is read so
    problems = [*dict.fromkeys(warnings(text)), *crash(text)]
    return problems or [f"jupyter-book ended with status {process.returncode}: see above"]


def warnings(said: str) -> list[str]:
    """Return the warnings and errors of Sphinx, with the cell and the error where a cell failed."""
    problems = []
    for warning in re.split(r"^(?=.*(?:WARNING|ERROR): )", said, flags=re.MULTILINE)[1:]:
        place, _, message = warning.partition(": WARNING: Executing notebook failed: ")
        if message:
            problems.append(failed_cell(place, message))
        elif "Notebook exception traceback saved in" not in warning:
            # MyST-NB counts 10,000 lines for each cell.
            problem = re.sub(r"(?<=\.ipynb):(\d+)\d{4}:", r", cell \1:", warning.splitlines()[0])
            problems.append(re.sub(r"^.*(?=WARNING: toctree)", "_toc.yml: ", problem))
    return problems


def failed_cell(place: str, message: str) -> str:
    """Return in a line which cell of a notebook failed, how it begins, and with what error."""
    cell, raised = CELL.search(message), RAISED.findall(message)
    source = cell[1].strip() if cell else ""
    sources = [one.source.strip() for one in nbformat.read(ROOT / place, as_version=4).cells]
    number = sources.index(source) + 1 if source in sources else "?"
    # The last line that begins with the error's name, which a syntax error and nbclient keep back.
    name = re.escape(raised[-1]) if raised else r"[\w.]*(?:Error|Exit|Interrupt)"
    errors = re.findall(rf"^{name}\b(?! +Traceback).*", message, re.MULTILINE) or [message]
    error = errors[-1].split("\n")[0].removeprefix("nbclient.exceptions.").rstrip(": ")
    return f"{place}, cell {number} ({source.partition(chr(10))[0]}): {error}"


def crash(said: str) -> list[str]:
    """Return the errors that ended Jupyter Book itself, with the file that it was at."""
    file = (AT_FILE.findall(said) or [""])[-1]
    if file and "DeadKernelError" in said:
        try:
            execute(ROOT / f"{file}.ipynb")  # once more: nobody has noted the cell
        except NotebookError as problem:
            return [" ".join(str(problem).split())]
    problems = []
    said = re.sub(r"Executing notebook failed: .*?\[mystnb\.exec\]", "", said, flags=re.DOTALL)
    for block in said.split(TRACEBACK)[1:]:
        error = re.sub(
            r"(?s)\A.*?^(?=\S)|^=+$|^(?:The above|During handling) .*", "", block, flags=re.M
        )
        if "Look above for the cause" not in error:  # of Jupyter Book about the one before
            problems.append(f"{file}: " * bool(file) + " ".join(error.split()))
    return problems


def serve(port: int) -> int:
    """Serve the built book on this machine alone until Ctrl-C.

    Parameters
    ----------
    port : int
        The port to listen on.

    Returns
    -------
    int
        The exit status.
    """
    try:
        with serving(HTML, port, quiet=False) as address:
            print(f"The book is on {address} (Ctrl-C stops it)", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
            print()
    except OSError as problem:
        print(f"serve: port {port}: {problem.strerror}; try make serve PORT={port + 1}")
        return 1
    return 0


def main() -> int:
    """Build the book and say which page to open, or serve the one that is built.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, metavar="PORT", help="serve the book that is built")
    arguments = parser.parse_args()
    if arguments.serve is not None:
        return serve(arguments.serve)
    with alone("book"):
        problems = build()
    if problems:
        print(
            "\nThe book was not built (there is more on each problem above):", *problems, sep="\n  "
        )
        return 1
    print(f"\nThe book is built. Open {(HTML / 'index.html').as_uri()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
