"""Try the links that lead out of the book and of the other pages: `python -m tools.links`.

The links inside the book are tested with the built pages (`make test`); these need the network, so
they are tried once a week, and by hand.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.book import JUPYTER_BOOK
from tools.environment import BUILD, ROOT
from tools.repository import files

PLACE = BUILD / "links"
SETTINGS: dict[str, Any] = {
    "linkcheck_retries": 3,
    "linkcheck_timeout": 20,
    "linkcheck_rate_limit_timeout": 60.0,
    "linkcheck_report_timeouts_as_broken": False,
    # A DOI is made to last, and publishers turn programs away (403) whatever lies behind it.
    "linkcheck_ignore": [r"https://doi\.org/"],
}


@dataclass(frozen=True, order=True)
class Link:
    """A link that was tried.

    Parameters
    ----------
    page : str
        The file in which it stands.
    line : int
        The line there; in a notebook, as Sphinx counts.
    address : str
        Where it leads.
    status : str
        Such as ``working``, ``redirected``, ``broken``, ``timeout``, ``ignored``, ``unchecked``.
    why : str
        What is wrong, empty if nothing is.
    """

    page: str
    line: int
    address: str
    status: str
    why: str


def try_book() -> list[Link]:
    """Try the links of the pages of the book; the notebooks are not run."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["execute"]["execute_notebooks"] = "off"
    config["sphinx"]["config"] |= SETTINGS
    # Jupyter Book looks for them beside the file of settings, and ours is elsewhere.
    extensions = config["sphinx"]["local_extensions"]
    config["sphinx"]["local_extensions"] = {
        name: str(ROOT / folder) for name, folder in extensions.items()
    }
    path = PLACE / "_config.yml"
    path.write_text(yaml.safe_dump(config))
    command = [str(JUPYTER_BOOK), "build", str(ROOT), "--path-output", str(PLACE), "--all"]
    command += ["--config", str(path), "--builder", "custom", "--custom-builder", "linkcheck"]
    return run(command, PLACE / "_build" / "linkcheck")


def try_other_pages() -> list[Link]:
    """Try the links of the pages that are not in the book, such as README.md."""
    names = [str(path.relative_to(ROOT)) for path, _ in files() if path.suffix == ".md"]
    others = [name for name in names if not name.startswith("book/")]
    settings = SETTINGS | {"extensions": ["myst_parser"], "root_doc": "README"}
    settings |= {"include_patterns": others}
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    (PLACE / "conf.py").write_text("".join(lines))
    target = PLACE / "others"
    command = [sys.executable, "-m", "sphinx", "-Q", "-b", "linkcheck", "-c", str(PLACE)]
    return run([*command, str(ROOT), str(target)], target)


def run(command: list[str], target: Path) -> list[Link]:
    """Run Sphinx and read which links it tried; it exits with 1 if one of them is broken."""
    result = target / "output.json"
    result.unlink(missing_ok=True)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if not result.exists():
        raise SystemExit(f"links: {command[0]} ended with status {status} before it tried any link")
    return [
        Link(
            os.path.relpath(ROOT / entry["filename"], ROOT),
            entry["lineno"],
            entry["uri"],
            entry["status"],
            reason(entry["info"]),
        )
        for entry in map(json.loads, result.read_text().splitlines())
    ]


def reason(info: str) -> str:
    """Return what matters of what the library for HTTP said."""
    return info.rpartition("): ")[2].strip("()\"' ") if "Caused by" in info else info


def report(links: list[Link]) -> str:
    """Return the broken links, a line for each, and the counts in a last line."""
    broken = sorted(link for link in links if link.status in {"broken", "timeout"})
    tried = {
        link.address
        for link in links
        if link.address.startswith("http") and link.status not in {"ignored", "unchecked"}
    }
    lines = [f"  {link.page}:{link.line}: {link.address} ({link.why})" for link in broken]
    title = ["", "Links that lead nowhere:", *lines] if broken else []
    counts = f"{len(tried)} addresses tried, {len({link.address for link in broken})} lead nowhere"
    return "\n".join([*title, "", counts])


def main() -> int:
    """Try all links and print those that lead nowhere; return the exit status."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    links = [*try_book(), *try_other_pages()]
    print(report(links), flush=True)
    return 1 if any(link.status in {"broken", "timeout"} for link in links) else 0


if __name__ == "__main__":
    sys.exit(main())
