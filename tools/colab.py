"""Run the notebooks as Colab would, and compare what they show: `python -m tools.colab`.

Colab has its own versions of everything, the notebook alone, and no bncourse: the notebook's first
cell installs it from GitHub. Here that cell runs as it stands; git is told to take the address for
a snapshot of this checkout, changes that are not committed included. Every notebook starts without
the package, has to install it by itself, and has to show what is stored in it.

`--here` takes the Python that runs this for Colab's, as in a container of Colab's image;
`--published` lets git go to the address itself, as for a reader.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import toc
from tools.check import SANITIZE, Result, read_report
from tools.environment import BUILD, ROOT
from tools.surroundings import surroundings

PLACE = BUILD / "colab"
PINS = ROOT / "tools" / "colab.txt"
PACKAGE = "bncourse"
KERNEL = "bncourse-colab"
DRIVER = ("nbval", "pytest", "pyyaml")  # what runs the notebooks, when it cannot be .venv
SECONDS_A_CELL = 300
# What pip knows may be of another place on the path; what can be imported decides.
STATE = """\
import importlib.metadata as metadata, importlib.util, json, platform
names = ["numpy", "torch", "matplotlib", "ipython", "ipykernel", "pip"]
have = {one.name.lower(): one.version for one in reversed(list(metadata.distributions()))}
versions = {name: have.get(name, "none") for name in names} | {"python": platform.python_version()}
source = None
if importlib.util.find_spec("bncourse"):
    source = json.loads(metadata.distribution("bncourse").read_text("direct_url.json") or "{}")
print(json.dumps([versions, source]))
"""


class ColabError(Exception):
    """Something that a person has to mend; its text says what and how."""


@dataclass(frozen=True)
class Colab:
    """A Python that stands for Colab's, and one that runs the notebooks in its kernels.

    Parameters
    ----------
    python : str
        What stands for Colab's; bncourse comes and goes there.
    driver : str
        A Python with nbval.
    place : Path
        A folder for all that is made on the way.
    """

    python: str
    driver: str
    place: Path

    def pip(self, *arguments: str) -> None:
        """Run Colab's pip."""
        run([self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments])

    def state(self) -> tuple[dict[str, str], dict[str, Any] | None]:
        """Return the versions of what matters, and where bncourse is from, None if it is not here.

        The latter is as in PEP 610: its address, and the commit.
        """
        versions, source = json.loads(run([self.python, "-c", STATE], cwd=self.place))
        return versions, source

    def variables(self, source: Path | None) -> dict[str, str]:
        """Return the environment variables in which the notebooks run.

        Parameters
        ----------
        source : Path or None
            The repository that git takes for the one on GitHub, if any.
        """
        variables = without_checkout(surroundings(self.python, self.place / "home"))
        variables |= {"JUPYTER_PATH": str(self.place / "share" / "jupyter")}
        variables |= {"PIP_LOG": str(self.place / "pip.log"), "PIP_USER": "0"}
        if source is None:
            return variables
        count = int(variables.get("GIT_CONFIG_COUNT", "0"))
        return variables | {
            "GIT_CONFIG_COUNT": str(count + 1),
            f"GIT_CONFIG_KEY_{count}": f"url.{source.as_uri()}.insteadOf",
            f"GIT_CONFIG_VALUE_{count}": f"{toc.repository()}.git",
        }

    def run_notebook(self, notebook: Path, variables: dict[str, str]) -> Result:
        """Run one notebook with no bncourse at hand; compare its outputs, and count its cells."""
        self.pip("uninstall", "--yes", PACKAGE)
        Path(variables["PIP_LOG"]).unlink(missing_ok=True)
        report = self.place / f"{notebook.stem}.xml"
        report.unlink(missing_ok=True)
        command = [self.driver, "-m", "pytest", "--nbval", f"--nbval-kernel-name={KERNEL}"]
        command += [f"--nbval-sanitize-with={ROOT / SANITIZE}", f"--junitxml={report}"]
        command += [f"--nbval-cell-timeout={SECONDS_A_CELL}", "-p", "no:cacheprovider", "-q"]
        command += [f"--rootdir={self.place}", "-c", os.devnull, str(alone(notebook, self.place))]
        status = subprocess.run(command, cwd=self.place, env=variables, check=False).returncode
        result = read_report(report) if report.exists() else Result()
        if status != 0 and result.failed == 0:
            result.failed = 1
            result.failures.append(f"pytest ended with status {status}")
        return result


def without_checkout(variables: dict[str, str]) -> dict[str, str]:
    """Return the variables without the one that may lead Python to this checkout."""
    return {name: value for name, value in variables.items() if name != "PYTHONPATH"}


def run(command: list[str], **options: Any) -> str:
    """Run a command that has to succeed; return what it printed."""
    result = subprocess.run(
        command,
        env=without_checkout(dict(os.environ)),
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if result.returncode != 0:
        said = (result.stdout + result.stderr).strip()
        raise ColabError(f"{' '.join(command)[:200]} ended with {result.returncode}:\n{said}")
    return result.stdout


def snapshot(place: Path) -> Path:
    """Make a repository of all that git knows here, changes not yet committed included."""
    copy = place / "snapshot"
    shutil.rmtree(copy, ignore_errors=True)
    here = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
    listed = run([*here, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    for name in sorted(set(listed.split("\0")) - {""}):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    author = ["-c", "user.name=colab", "-c", "user.email=colab@localhost"]
    git = ["git", "-C", str(copy), *author, "-c", "commit.gpgSign=false"]
    run(["git", "init", "--quiet", str(copy)])
    run([*git, "add", "--all", "--force"])
    run([*git, "commit", "--quiet", "--message", "A snapshot of the checkout"])
    return copy


def alone(notebook: Path, place: Path) -> Path:
    """Copy a notebook to a folder where nothing else is, as in Colab.

    What the first cell prints is left out of the comparison: Colab's IPython adds a note after each
    installation, and where the outputs were stored there was nothing to install.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    first = next(cell for cell in content["cells"] if cell["cell_type"] == "code")
    first["metadata"].setdefault("tags", []).append("nbval-ignore-output")
    folder = place / "content"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    copy = folder / notebook.name
    copy.write_text(json.dumps(content), encoding="utf-8")
    return copy


def why_not(variables: dict[str, str]) -> str:
    """Return what pip said about an installation that failed."""
    log = Path(variables["PIP_LOG"])
    said = log.read_text(errors="replace").splitlines() if log.exists() else []
    lines = [line.partition(" ")[2].strip() for line in said]  # each begins with the time
    bad = [line for line in lines if line.startswith(("ERROR:", "error:", "fatal:"))]
    return "".join(f"\n  {line}" for line in dict.fromkeys(bad)) or ": pip was never run"


def make_environment(python: str) -> Colab:
    """Make a fresh environment with Colab's versions."""
    environment = PLACE / "environment"
    torch = next(
        line for line in (ROOT / "requirements.txt").read_text().splitlines() if "torch==" in line
    )
    say(f"Making {environment.relative_to(ROOT)} with Colab's versions (some minutes) ...")
    run([python, "-m", "venv", "--clear", str(environment)])
    colab = Colab(str(environment / "bin" / "python"), sys.executable, PLACE)
    colab.pip("install", "--requirement", str(PINS), torch)
    return colab


def take_this() -> Colab:
    """Take the Python that runs this for Colab's, and make a driver beside it."""
    folder = PLACE / "driver"
    driver = folder / "bin" / "python"
    say(f"Making {folder.relative_to(ROOT)}, which runs the notebooks in this Python ...")
    # Colab's Python has no ensurepip; its pip can install into another environment all the same.
    run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
    pip = [sys.executable, "-m", "pip", f"--python={driver}", "--quiet"]
    run([*pip, "install", f"--constraint={ROOT / 'requirements.txt'}", *DRIVER])
    return Colab(sys.executable, str(driver), PLACE)


def run_all(colab: Colab, notebooks: list[Path], published: bool) -> int:
    """Run the notebooks and say what came of each; return the exit status."""
    command = ["-m", "ipykernel", "install", "--prefix", str(colab.place), "--name", KERNEL]
    run([colab.python, *command])
    source = None if published else snapshot(colab.place)
    variables = colab.variables(source)
    versions, _ = colab.state()
    say("  ".join(f"{name} {version}" for name, version in versions.items()))
    passed, failed, lines = 0, 0, []
    for notebook in notebooks:
        say(f"\n{os.path.relpath(notebook)} ...")
        result = colab.run_notebook(notebook, variables)
        after, installed = colab.state()
        problems = installation_problems(installed, source, variables)
        if after != versions:
            problems.append(f"its first cell changed Colab's versions: they are now {after}")
        passed += result.passed
        failed += result.failed + len(problems)
        lines.append(f"{notebook.name}: {result.passed} cells as stored, {result.failed} not")
        lines += [f"  {problem}" for problem in problems]
        if installed is not None:
            lines.append("  installed by its first cell: " + json.dumps(installed))
    say("\n" + "\n".join(lines))
    say(f"\n{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


def installation_problems(
    installed: dict[str, Any] | None, source: Path | None, variables: dict[str, str]
) -> list[str]:
    """Find out whether the first cell installed the package that it had to install.

    Parameters
    ----------
    installed : dict of str to Any or None
        Where the package is from, None if it is not there.
    source : Path or None
        Where it should be from, if not from GitHub.
    variables : dict of str to str
        In which the cell ran.

    Returns
    -------
    list of str
        What is wrong.
    """
    if installed is None:
        return [f"its first cell did not install {PACKAGE}{why_not(variables)}"]
    commit = installed.get("vcs_info", {}).get("commit_id")
    if source is not None:
        wanted = run(["git", "-C", str(source), "rev-parse", "HEAD"]).strip()
        if commit != wanted:
            return [f"{PACKAGE}: want commit {wanted} of the snapshot, got {commit}"]
    return []


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def main() -> int:
    """Run the notebooks that are named, or all of the book; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of the book if none is named")
    parser.add_argument("--python", default=sys.executable, help="make the environment with this")
    parser.add_argument("--here", action="store_true", help="this Python is Colab's")
    parser.add_argument("--published", action="store_true", help="install from the address itself")
    arguments = parser.parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    try:
        colab = take_this() if arguments.here else make_environment(arguments.python)
        return run_all(colab, arguments.notebooks or toc.notebooks(), arguments.published)
    except ColabError as problem:
        say(f"colab: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
