"""Build the book, and serve it: `python -m tools.book`."""

import argparse
import contextlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tools.environment import BUILD, ROOT, alone
from tools.server import serving
from tools.surroundings import surroundings

HTML = BUILD / "html"
DOCTREES = BUILD / ".doctrees"
UNFINISHED = BUILD / "unfinished"

JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
# Every warning is an error, and all of them are shown before the build fails.
COMMAND = [str(JUPYTER_BOOK), "build", str(ROOT), "-W", "-n", "--keep-going"]
COLOR = re.compile(r"\x1b\[[0-9;]*m")


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
    problems = []
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=surroundings(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            if "WARNING: " in line or "ERROR: " in line:
                problems.append(COLOR.sub("", line.strip()))
    if process.returncode and not problems:
        problems.append(f"jupyter-book ended with status {process.returncode}: see above")
    return problems if process.returncode else []


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
