"""Serve the built book as GitHub Pages does: below its path, with its own page for a 404."""

import functools
import http.server
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from tools import soundness, toc


def path_of(site: Path) -> str:
    """Return the path below which a site wants to be served.

    Parameters
    ----------
    site : Path
        The folder of the built book, whose pages name their own address.

    Returns
    -------
    str
        Such as ``"/bncourse/"``.
    """
    root = f"{toc.pages()[0]}.html"
    link = soundness.read(site / root).select_one('link[rel="canonical"]')
    assert link is not None, f"{root} does not say where it is to be served"
    return urlsplit(soundness.attribute(link, "href")).path.removesuffix(root)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answers for one site, given as `directory` and `path`."""

    def __init__(self, *arguments: Any, path: str, quiet: bool, **options: Any) -> None:
        self.site_path, self.quiet = path, quiet
        super().__init__(*arguments, **options)

    def handle(self) -> None:
        """Answer; a reader may leave a page before all of it is there."""
        with suppress(ConnectionError):
            super().handle()

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Lead from the root of the host to the site, and answer below the site's path."""
        if self.path == "/" and self.site_path != "/":
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", self.site_path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if not self.path.startswith(self.site_path):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.path = "/" + self.path.removeprefix(self.site_path)
        return super().send_head()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with the site's own page if there is nothing at an address."""
        if code != HTTPStatus.NOT_FOUND:
            super().send_error(code, message, explain)
            return
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Log a request, unless that would disturb."""
        if not self.quiet:
            super().log_message(*arguments)


@contextmanager
def serving(site: Path, port: int = 0, *, quiet: bool = True) -> Iterator[str]:
    """Serve a site on this machine alone, as long as the context lasts.

    Parameters
    ----------
    site : Path
        The folder of the built book.
    port : int, default 0
        The port to listen on; 0 takes a free one.
    quiet : bool, default True
        Whether requests are not logged.

    Yields
    ------
    str
        The site's address, with a slash at the end.

    Raises
    ------
    OSError
        If the port cannot be had.
    """
    path = path_of(site)
    handler = functools.partial(Handler, directory=str(site), path=path, quiet=quiet)
    with http.server.ThreadingHTTPServer(("localhost", port), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}{path}"
        finally:
            server.shutdown()
            thread.join()
