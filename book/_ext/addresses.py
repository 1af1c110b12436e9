"""Make the site that of the repository that builds it.

The repository's address stands in `_config.yml`. Here the site's own
address, for canonical links, the sitemap, cards and the 404 page, follows
from it; and a build by GitHub for a fork links to the fork.
"""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config


def address_of_build(
    configured: str, environ: Mapping[str, str] = os.environ
) -> str:
    """Return the address of the repository for which a site is built.

    Parameters
    ----------
    configured : str
        The address in `_config.yml`.
    environ : mapping of str to str
        Where GitHub says whose build this is.

    Returns
    -------
    str
        That of the fork if GitHub builds one, otherwise `configured`.
    """
    fork = environ.get("GITHUB_REPOSITORY")
    if not fork:
        return configured.rstrip("/")
    return (
        f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{fork}"
    )


def address_of_pages(repository: str) -> str:
    """Return where GitHub Pages serves the site of a repository.

    Parameters
    ----------
    repository : str
        Such as ``https://github.com/OWNER/NAME``.

    Returns
    -------
    str
        With a slash at the end.
    """
    owner, name = urlsplit(repository).path.strip("/").split("/")[-2:]
    host = f"{owner.lower()}.github.io"
    if name.lower() == host:
        return f"https://{host}/"
    return f"https://{host}/{name}/"


def set_addresses(app: Sphinx, config: Config) -> None:
    """Put the addresses wherever Sphinx and its extensions want them."""
    options = config.html_theme_options
    configured = options["repository_url"].rstrip("/")
    built_for = address_of_build(configured)
    config.site_repositories = [configured, built_for]
    options["repository_url"] = built_for
    config.html_baseurl = config.html_baseurl or address_of_pages(built_for)
    config.ogp_site_url = config.html_baseurl
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path


def name_the_fork(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let the text of a page name the repository that builds it."""
    configured, built_for = app.config.site_repositories
    source[0] = source[0].replace(configured, built_for)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above to Sphinx."""
    app.add_config_value("site_repositories", [], "env", list)
    # Before the theme and the extensions read their addresses.
    app.connect("config-inited", set_addresses, priority=400)
    app.connect("source-read", name_the_fork)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
