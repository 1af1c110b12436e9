"""Keep what the book shows in step with what it is made from.

The execution cache of Jupyter Book knows a notebook by its cells alone:
after a change in the package it would go on showing the old outputs. Here
the cache gets a folder whose name is a digest of all that the outputs
depend on beside the cells. Sphinx sees another folder as another
configuration, reads every page again, and finds nothing in the new cache.
"""

import hashlib
import platform
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

PACKAGE = "bncourse"
NO_SOURCE = {"__pycache__", ".ipynb_checkpoints"}


def digest_of(root: Path, *names: str) -> str:
    """Return a digest of these files, and of all files in these folders.

    Parameters
    ----------
    root : Path
        The folder in which the names are looked up.
    *names : str
        Files and folders; what Python and Jupyter leave there is left out.

    Returns
    -------
    str
        Sixteen hexadecimal digits, for the files' names and contents.
    """
    total = hashlib.sha256()
    for name in names:
        for path in sorted([root / name, *(root / name).rglob("*")]):
            relative = path.relative_to(root)
            if path.is_file() and not NO_SOURCE.intersection(
                relative.parts
            ):
                total.update(relative.as_posix().encode() + b"\0")
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def outputs_digest(root: Path) -> str:
    """Return a digest of what outputs depend on beside their cells."""
    files = digest_of(root, PACKAGE, "requirements.txt")
    return f"{files}-py{platform.python_version()}"


def choose_cache(app: Sphinx, config: Config) -> None:
    """Give the execution cache the folder of this digest; remove others."""
    caches = Path(app.outdir).parent / ".jupyter_cache"
    digest = outputs_digest(Path(app.srcdir))
    config.nb_execution_cache_path = str(caches / digest)
    for old in caches.glob("*"):
        if old.name != digest:
            shutil.rmtree(old) if old.is_dir() else old.unlink()


def see_changed_looks(app: Sphinx, config: Config) -> None:
    """Make every page again when an extension or a static file changed."""
    config.fresh_looks = digest_of(
        Path(app.srcdir), "book/_ext", "book/_static"
    )


def read_all_or_none(
    app: Sphinx, env: BuildEnvironment, docnames: list[str]
) -> None:
    """Read every page when any has changed: each shows titles of others."""
    if docnames:
        docnames[:] = sorted(env.found_docs)


def refuse_a_moving_package(
    app: Sphinx, exception: Exception | None
) -> None:
    """Fail if the package changed while the notebooks ran.

    Nobody knows which version of it their outputs come from.
    """
    cache = Path(app.config.nb_execution_cache_path)
    if exception is None and cache.name != outputs_digest(Path(app.srcdir)):
        shutil.rmtree(cache, ignore_errors=True)
        raise ExtensionError(
            f"{PACKAGE} changed during the build: build the book again"
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above to Sphinx."""
    app.add_config_value("fresh_looks", "", "env", str)
    app.connect("config-inited", choose_cache)
    app.connect("config-inited", see_changed_looks)
    app.connect("env-before-read-docs", read_all_or_none)
    app.connect("build-finished", refuse_a_moving_package)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
