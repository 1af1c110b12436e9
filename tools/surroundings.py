"""The surroundings in which notebooks and tests run: the same for everybody.

A user's own settings of Python, Jupyter, matplotlib and the like would find their way into the
outputs. What they are called nobody can list, so only the variables that are named here get in.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.environment import BUILD, ROOT, SOURCES

HOME = BUILD / "home"
# Of the user's variables, these: where things are on this machine, and how to reach others.
KEPT = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|TERM|TMPDIR|CI|CHROMIUM|(BNCOURSE|GITHUB|RUNNER)_.*"
    "|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE"
    "|GIT_(CONFIG|SSH|SSL).*|SSH_AUTH_SOCK|PIP_CONFIG_FILE|(LD|DYLD|NIX)_.*|LOCALE_ARCHIVE"
    "|OPENBLAS_(CORETYPE|L2_SIZE)"  # which processor this is, where OpenBLAS is wrong about it
)
# Processes side by side that each keep all cores busy wait for one another, and some for minutes.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# The kernel warns at every start that it talks to us over TCP; errors are enough.
KERNEL_SETTINGS = "c.IPKernelApp.log_level = 40\n"


def surroundings(python: str = sys.executable, home: Path = HOME) -> dict[str, str]:
    """Prepare the surroundings and return the environment variables that lead there.

    Parameters
    ----------
    python : str
        The Python that runs the kernels.
    home : Path
        Where to keep the settings; one folder for each Python, for their caches differ.

    Returns
    -------
    dict of str to str
        All that the process gets: what is kept of this one's, and ours.
    """
    kept = {key: os.environ[key] for key in os.environ if KEPT.fullmatch(key) or key in SOURCES}
    variables = (
        kept
        | ONE_THREAD
        | {
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),  # the package of this checkout
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
            "JUPYTER_DATA_DIR": str(home / "jupyter"),  # a user's own has kernels
            "MPLCONFIGDIR": str(home / "matplotlib"),
        }
    )
    settings = home / "ipython" / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(KERNEL_SETTINGS)
    if not list((home / "matplotlib").glob("fontlist*")):
        # The first import makes a list of all fonts and says so on stderr: not in a notebook.
        command = [python, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=variables, check=True, stderr=subprocess.DEVNULL)
    return variables


@contextlib.contextmanager
def entered() -> Iterator[None]:
    """Give this process, and all that it starts, the surroundings and no other variables."""
    variables, before = surroundings(), dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(variables)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
