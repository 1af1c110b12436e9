"""What the package needs beside NumPy, and what brings it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def need(extra: str) -> Iterator[None]:
    """Say which extra of the package brings what is missing, if an import inside fails.

    Parameters
    ----------
    extra : str
        As in ``pip install "bncourse[fast]"``.

    Raises
    ------
    ModuleNotFoundError
        In the place of that of the import, with its `name`.

    Examples
    --------
    >>> with need("fast"):
    ...     import no_such_module
    Traceback (most recent call last):
    ModuleNotFoundError: want no_such_module (pip install "bncourse[fast]"), got No module named ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bncourse") or "pip install" in str(error):
            raise
        missing = error.name.partition(".")[0]
        raise ModuleNotFoundError(
            f'want {missing} (pip install "bncourse[{extra}]"), got {error}', name=error.name
        ) from error
