"""Fetch MathJax anew into `book/_static/mathjax`: `python -m tools.fetch_mathjax` (needs npm).

The files are taken unmodified from the npm package. To move to another version, change `VERSION`
and `SHA256`, run this, and look at some pages with no network.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "book" / "_static" / "mathjax"

VERSION = "3.2.2"
SHA256 = "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09"
# The parts of `tex-mml-chtml.js` that the book uses, 0.8 of its 1.2 MB: neither its menu nor the
# input of MathML. `_config.yml` names them too, less what they load by themselves.
PARTS = {"startup", "core", "input/tex", "output/chtml", "output/chtml/fonts/tex"}
PARTS |= {"a11y/assistive-mml"}
FONTS = "es5/output/chtml/fonts/woff-v2/"
# What the script loads by itself on the first use of a command such as \\boldsymbol or \\cancel.
EXTENSIONS = "es5/input/tex/extensions/"
AUTOLOADED = {"action", "amscd", "bbox", "boldsymbol", "braket", "bussproofs", "cancel", "color"}
AUTOLOADED |= {"enclose", "extpfeil", "html", "mhchem", "newcommand", "unicode", "verb"}


def is_wanted(name: str) -> bool:
    """Tell whether the site serves this file of the package, or has to carry it (the license)."""
    if name.startswith(EXTENSIONS):
        return Path(name).stem in AUTOLOADED
    part = name.removeprefix("es5/").removesuffix(".js")
    return name == "LICENSE" or part in PARTS or name.startswith(FONTS)


def fetch(folder: Path) -> Path:
    """Have npm put the package into a folder, and check that it is the one we know.

    Parameters
    ----------
    folder : Path
        Where to put it.

    Returns
    -------
    Path
        The package as npm serves it, a gzipped tar archive.

    Raises
    ------
    ValueError
        If its digest is not `SHA256`.
    """
    command = ["npm", "pack", "--silent", f"mathjax@{VERSION}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    package = folder / f"mathjax-{VERSION}.tgz"
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    if digest != SHA256:
        raise ValueError(f"mathjax {VERSION}: want SHA-256 {SHA256}, got {digest}")
    return package


def unpack(package: Path) -> int:
    """Replace the vendored files by those of the package; return how many they are."""
    shutil.rmtree(TARGET, ignore_errors=True)
    count = 0
    with tarfile.open(package) as archive:
        for member in archive:
            name = member.name.removeprefix("package/")
            if member.isfile() and is_wanted(name):
                target = TARGET / name.removeprefix("es5/")
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                target.write_bytes(content.read())
                count += 1
    return count


def main() -> int:
    """Fetch, check and unpack; return the exit status."""
    if shutil.which("npm") is None:
        print("fetch_mathjax: npm is not here (Debian, Ubuntu: sudo apt install npm)")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        try:
            package = fetch(Path(folder))
        except (subprocess.CalledProcessError, ValueError) as problem:
            print(f"fetch_mathjax: {problem}")
            return 1
        print(f"{unpack(package)} files of MathJax {VERSION} are in {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
