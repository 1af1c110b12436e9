"""What `_toc.yml` and `_config.yml` say, for whoever needs the order of the pages or an address."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


def pages(root: Path = ROOT) -> list[str]:
    """Return the pages of the book in the order of reading.

    Parameters
    ----------
    root : Path, default this checkout
        The root of the checkout.

    Returns
    -------
    list of str
        Names without a suffix, relative to the root of the checkout, as in ``book/forward``.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    names = [toc["root"], *_files(toc)]
    return [name.removesuffix(".md").removesuffix(".ipynb") for name in names]


def _files(node: dict[str, Any]) -> Iterator[str]:
    """Yield the files below a node of `_toc.yml`, in the order of reading."""
    for key in ("parts", "chapters", "sections", "subtrees", "entries"):
        for child in node.get(key, []):
            if "file" in child:
                yield child["file"]
            yield from _files(child)


def notebooks() -> list[Path]:
    """Return those pages that are notebooks, as paths, in the order of reading."""
    paths = [(ROOT / name).with_suffix(".ipynb") for name in pages()]
    return [path for path in paths if path.exists()]


def repository() -> str:
    """Return the address of the repository, as in ``https://github.com/OWNER/NAME``."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    return str(config["repository"]["url"])
