"""Make `.venv`, whole or not at all, and know in an instant that it is whole."""

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "whole.json"
BUILD = ROOT / "_build"
LOG = BUILD / "reports" / "set_up.log"

# Where packages come from is for the user's own settings of pip to say, as variables or in files.
# All other settings stay outside: they can say where to install, and whether at all.
SOURCES = {
    f"PIP_{name}"
    for name in (
        *("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "TRUSTED_HOST", "PROXY"),
        *("CERT", "CLIENT_CERT", "KEYRING_PROVIDER", "USE_FEATURE", "USE_DEPRECATED"),
        *("TIMEOUT", "DEFAULT_TIMEOUT", "RETRIES", "RESUME_RETRIES", "CACHE_DIR", "NO_CACHE_DIR"),
    )
}
PYPI = "https://pypi.org/simple"
SILENCE_S = 8.0  # to connect; an index that connects and is slow to answer is left to pip
UNREACHABLE = re.compile(r"Retrying \(|NewConnectionError|name resolution|Max retries exceeded")
# What make runs: a .venv that cannot import this is not whole, whatever pip said.
IMPORTED = "bncourse, jupyter_book, matplotlib, mypy, nbclient, nbval, numba, pytest, ruff, torch"


class SetUpError(Exception):
    """Something that a person has to mend; its text says what and how."""


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock of this name, so that two makes at once wait for each other.

    Parameters
    ----------
    name : str
        What is being made, as in ``".venv"``; said to whoever has to wait.
    """
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{name.strip('.')}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another make is at work on {name}: waiting for it ...", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        # The lock lasts as long as the file is open, also in a child that outlives this process.
        os.set_inheritable(lock.fileno(), True)
        yield


def wanted_stamp() -> dict[str, str]:
    """Return what a whole `.venv` has to be made of, a digest for each part.

    Returns
    -------
    dict of str to str
        The checkout's place is among them: a `.venv` that was copied points to where it came from.
    """

    def digest(name: str) -> str:
        return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()

    return {
        "place": str(ROOT),
        "python": platform.python_version(),
        "requirements.txt": digest("requirements.txt"),
        "pyproject.toml": digest("pyproject.toml"),
    }


def stored_stamp() -> dict[str, str]:
    """Return the stamp of the `.venv` that is there; an empty one unless it is whole and runs."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
        subprocess.run([PYTHON, "-I", "-S", "-c", ""], check=True, capture_output=True)
        gone = set(stamp.pop("installed").split()) - set(installed())
    except (OSError, KeyError, ValueError, subprocess.CalledProcessError):
        return {}
    return {} if gone else stamp


def installed() -> list[str]:
    """Return the names of what is installed in `.venv`: packages, and their versions."""
    found = {path.name for path in VENV.glob("lib/python*/site-packages/*")}
    return sorted(found - {"__pycache__"})


def main() -> int:
    """Make `.venv` if it is missing, half made or out of date.

    Returns
    -------
    int
        The exit status: 0 when `.venv` is whole, 1 when somebody has to mend something first.
    """
    if stored_stamp() == wanted_stamp():
        return 0
    try:
        with alone(".venv"):
            make_whole()
    except SetUpError as problem:
        print(f"set-up: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"set-up: .venv could not be made: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: stopped half-way; the next make starts anew", file=sys.stderr)
        return 130
    return 0


def make_whole() -> None:
    """Bring `.venv` up to date with as little work as will do."""
    stored, wanted = stored_stamp(), wanted_stamp()  # another make may have been here by now
    if stored == wanted:
        return
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_text("")
    changed = [part for part in wanted if stored.get(part) != wanted[part]]
    STAMP.unlink(missing_ok=True)
    if changed == ["pyproject.toml"]:
        say("pyproject.toml has changed: installing bncourse again ...")
    else:
        make_environment(why(stored, changed))
    run_pip("bncourse", "--no-deps", "--no-build-isolation", "--editable", ".")
    if run([str(PYTHON), "-I", "-c", f"import {IMPORTED}"]) != 0:
        raise SetUpError(
            f"what was installed does not work ({LOG.read_text().splitlines()[-1]}); "
            f"check it against this system, then run make again. There is more in {name(LOG)}"
        )
    stamp = wanted | {"installed": " ".join(installed())}
    STAMP.write_text(json.dumps(stamp, indent=1) + "\n")  # last: only a whole .venv has it
    say(".venv is ready")


def why(stored: dict[str, str], changed: list[str]) -> str:
    """Say why `.venv` has to be made from scratch."""
    if stored:
        return f"Making .venv anew ({' and '.join(changed)} changed) ..."
    if VENV.exists():
        return "Making .venv anew (the one that is there is half made or broken) ..."
    return "Making .venv ..."


def make_environment(announcement: str) -> None:
    """Make an empty `.venv` and install the pinned packages in it."""
    say(announcement)
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    if run([sys.executable, "-m", "venv", str(VENV)]) != 0:
        raise SetUpError(
            f"{sys.executable} could not make .venv. On Debian and Ubuntu, "
            f"'sudo apt install python3-venv' mends it; what went wrong is in {name(LOG)}"
        )
    sources = pip_sources()
    for index in indexes(sources):
        if reason := silence(index, sources.get("PIP_PROXY")):
            raise SetUpError(
                f"the package index {index} could not be reached ({reason}): check the network and "
                "the settings of pip (pip config list), then run make again"
            )
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    count = sum(line[:1].isalnum() for line in pins)
    say(f"Installing {count} packages (the first time this takes some minutes) ...")
    run_pip("the packages", "--requirement", "requirements.txt", **sources)
    say("Installing bncourse ...")


def neutral() -> dict[str, str]:
    """Return this process's variables without those that lead pip or Python elsewhere."""
    return {key: text for key, text in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))}


def pip_sources() -> dict[str, str]:
    """Return the user's settings of pip that say where packages come from, as variables."""
    own = {key: os.environ[key] for key in SOURCES | {"PIP_CONFIG_FILE"} if key in os.environ}
    # In a file these would keep pip from telling, or from telling all.
    silent = {"PIP_LOG": os.devnull, "PIP_PYTHON": str(PYTHON)}
    silent |= {f"PIP_{name}": "0" for name in ("QUIET", "USER", "GLOBAL", "SITE")}
    command = [str(PYTHON), "-I", "-m", "pip", "config", "list"]
    variables = neutral() | own | silent
    told = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        raise SetUpError(f"pip cannot read its settings: {' '.join(told.stderr.split())}")
    found = {}
    for section in ("global", "install", ":env:"):  # the later outranks the earlier
        for key, text in re.findall(rf"^{section}\.([a-z-]+)=(.+)$", told.stdout, re.MULTILINE):
            if said := ast.literal_eval(text):  # an empty setting is none
                found[f"PIP_{key.upper().replace('-', '_')}"] = said
    return {key: text for key, text in found.items() if key in SOURCES}


def indexes(sources: dict[str, str]) -> list[str]:
    """Return the addresses in the web where pip will look for packages, without passwords."""
    found = sources.get("PIP_FIND_LINKS", "").split()
    if sources.get("PIP_NO_INDEX", "0").lower() in ("0", "false", "f", "no", "n", "off"):
        found += sources.get("PIP_INDEX_URL", PYPI).split()
        found += sources.get("PIP_EXTRA_INDEX_URL", "").split()
    return [re.sub("//[^/]*@", "//", one) for one in found if one.startswith("http")]


def silence(index: str, proxy: str | None) -> str:
    """Return why an index cannot be reached; nothing if it answers, or if pip has to find out."""
    through = ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    try:
        build_opener(through).open(f"{index.rstrip('/')}/pip/", timeout=SILENCE_S).close()
    except HTTPError as answer:
        return f"it answers {answer.code} {answer.reason}" if answer.code >= 500 else ""
    except URLError as problem:  # while connecting; certificates are pip's to judge
        return "" if isinstance(problem.reason, ssl.SSLError) else str(problem.reason)
    except (OSError, HTTPException, ValueError):
        return ""
    return ""


def run_pip(what: str, *arguments: str, **variables: str) -> None:
    """Run `pip install`; if it fails, say in one line what is wrong and what to do."""
    if run([str(PYTHON), "-m", "pip", "install", *arguments], **variables) == 0:
        return
    log = LOG.read_text(errors="replace")
    reasons = re.findall(r"^ERROR: (?!Exception)(.+)", log, re.MULTILINE)
    reason = reasons[-1].rstrip(".") if reasons else "pip failed"
    remedy = (
        "the package index could not be reached: check the network"
        if UNREACHABLE.search(log)
        else "check requirements.txt and the package index "
        f"({' '.join(indexes(variables))}) against this Python and this system"
    )
    raise SetUpError(
        f"{what} could not be installed ({reason}); {remedy}, then run make again. "
        f"All that pip said is in {name(LOG)}"
    )


def run(command: list[str], **variables: str) -> int:
    """Run a command with its output in the log; on a terminal, show where pip is.

    Parameters
    ----------
    command : list of str
        The command and its arguments.
    **variables : str
        Environment variables beside those that lead nowhere else.

    Returns
    -------
    int
        Its exit status.
    """
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=neutral() | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            close_fds=False,  # pip holds the lock as well, in case this process is killed
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            if sys.stdout.isatty() and line.startswith(("Collecting", "Installing")):
                print(f"\r\033[K  {line.strip()[:70]}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    return process.returncode


def name(path: Path) -> str:
    """Return the path as seen from the root of the checkout."""
    return str(path.relative_to(ROOT))


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)
