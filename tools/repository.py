"""Give the repository another address: `python -m tools.repository https://github.com/YOU/FORK`.

The address stands in `_config.yml`. Wherever else a file has to spell it out, as in the cell that
installs the package in Colab, it is a copy: this rewrites the copies, and `strangers` finds those
that are not in step.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools import toc
from tools.environment import ROOT

WANTED = "https://github.com/OWNER/NAME"
ADDRESS = re.compile(
    r"(?:https://github\.com/|git@github\.com:)"
    r"(?P<owner>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)/(?P<name>[\w.-]+?)(?:\.git)?/?"
)
IN_CONFIG = re.compile(r"(?<=^repository:\n  url: )\S+", re.MULTILINE)
END = r"(?![\w-]|\.(?!git\b)\w)"  # not in the middle of a longer name
# Tests plant wrong addresses, and whoever cites a fork cites the course that it is made from.
LEFT_ALONE = ("tests/", "CITATION.cff")


class RepositoryError(Exception):
    """Something that a person has to mend; its text says what was wanted and what came."""


def normalized(url: str) -> str:
    """Return the one form in which we write the address of a repository.

    Parameters
    ----------
    url : str
        As people copy it: with or without ``.git`` or a slash at the end, or git's own form.

    Returns
    -------
    str
        As in ``https://github.com/OWNER/NAME``.

    Raises
    ------
    RepositoryError
        If it is not the address of a repository on GitHub: Colab opens notebooks from nowhere
        else.
    """
    found = ADDRESS.fullmatch(url.strip())
    if found is None or found["name"].strip(".") == "":
        raise RepositoryError(f"URL: want {WANTED}, got {url.strip() or 'nothing'}")
    return f"https://github.com/{found['owner']}/{found['name']}"


def forms(address: str) -> list[str]:
    """Return what names a repository: its address, its notebooks in Colab, and its site."""
    owner, name = address.split("/")[-2:]
    colab = f"https://colab.research.google.com/github/{owner}/{name}"
    site = f"https://{owner.lower()}.github.io"
    # Where the repository has the name of the host, its site is all of the host.
    own = name.lower() == site.removeprefix("https://")
    return [address, colab, site if own else f"{site}/{name}"]


def files(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Yield the text files of the checkout and their texts, but what is ignored or left alone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in sorted(set(said.split("\0"))):
        if name == "" or name.startswith(LEFT_ALONE) or not (root / name).is_file():
            continue
        try:
            # Bytes, so that the ends of the lines stay as they are.
            yield root / name, (root / name).read_bytes().decode()
        except UnicodeDecodeError:
            continue


def rewritten(text: str, old: str, new: str) -> str:
    """Return the text with the new address wherever the old one stood.

    A notebook may be given as its JSON: no character of an address is escaped there.
    """
    for before, after in zip(forms(old), forms(new), strict=True):
        text = re.sub(re.escape(before) + END, after, text)
    return text


def change(url: str, root: Path = ROOT) -> list[Path]:
    """Rewrite the address in `_config.yml` and its copies everywhere.

    Parameters
    ----------
    url : str
        The new address, in any form that `normalized` knows.
    root : Path
        The checkout.

    Returns
    -------
    list of Path
        The files that changed.
    """
    new = normalized(url)
    found = IN_CONFIG.findall((root / "_config.yml").read_text())
    if len(found) != 1:
        raise RepositoryError(f"_config.yml: want one repository.url, got {len(found)}")
    changed = []
    for path, text in files(root):
        after = rewritten(text, found[0], new)
        if after != text:
            path.write_bytes(after.encode())
            changed.append(path)
    return changed


def strangers(root: Path = ROOT) -> list[str]:
    """Find addresses of this repository that are not the one in `_config.yml`.

    Ours are those that git clones or pip installs, and those of a repository of our name; the
    addresses of other people's repositories are left alone.

    Returns
    -------
    list of str
        A line for each, with the file, the line and what is wanted.
    """
    (wanted,) = IN_CONFIG.findall((root / "_config.yml").read_text())
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"]
    names = "|".join(map(re.escape, {project, wanted.rsplit("/", 1)[1]}))
    owner = r"[\w.-]+"
    ours = re.compile(
        rf"(?:git\+|git clone [^\n]*?)(?P<fetched>https?://[\w./-]+?)(?:\.git)?(?=[\s\"'`#@]|$)"
        rf"|https?://(?:colab\.research\.google\.com/)?github(?:\.com)?/{owner}/(?:{names}){END}"
        rf"|https?://{owner}\.github\.io/(?:{names}){END}",
        re.MULTILINE,
    )
    return [
        f"{path.relative_to(root)}:{text.count(chr(10), 0, found.start()) + 1}: "
        f"want {wanted}, got {found['fetched'] or found[0]}"
        for path, text in files(root)
        # What ends an address in the JSON of a notebook; the text stays as long as it is.
        for found in ours.finditer(text.replace("\\n", " \n").replace('\\"', ' "'))
        if (found["fetched"] or found[0]) not in forms(wanted)
    ]


def main() -> int:
    """Change the address and say which files changed; return the exit status."""
    try:
        changed = change(" ".join(sys.argv[1:]))
    except RepositoryError as problem:
        print(f"repository: {problem}", file=sys.stderr)
        return 1
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed; the address is {toc.repository()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
