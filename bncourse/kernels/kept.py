"""Compiled kernels on disk: whatever is wrong there, a call computes.

Numba's own cache lets a damaged file or a full disk stop a call, and does not check that object
code is whole before it runs. Here a kernel is one file, which begins with a digest of the rest and
of its own name, and the name says all that the code depends on. Where it is kept, Numba decides:
in NUMBA_CACHE_DIR, beside the sources, or in the user's cache.
"""

import hashlib
import os
import pickle
import uuid
import warnings
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

_warned = False


def cache_of(function: FunctionType) -> FunctionCache | NullCache:
    """Return a cache for a function; one that keeps nothing, and a warning, if there is no place.

    Parameters
    ----------
    function : function
        Its name must be different for everything that is compiled differently: see `version`.
    """
    try:
        if version() is None:
            raise RuntimeError("the sources cannot be read")
        return _KernelCache(function)
    except Exception as error:
        _warn_once(error)
        return NullCache()


@cache
def version() -> str | None:
    """Return a digest of all that compiled code depends on: sources, compiler, processor, settings.

    Returns
    -------
    str or None
        None if the sources cannot be read, as in a zip archive.
    """
    try:
        sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    except OSError:
        return None
    settings = {k: v for k, v in os.environ.items() if k.startswith("NUMBA_")}
    settings.pop("NUMBA_CACHE_DIR", None)
    processor = cpu_target.target_context.codegen().magic_tuple()
    digest = hashlib.sha256(repr((numba.__version__, processor, sorted(settings.items()))).encode())
    for source in sources:
        digest.update(source)
    return digest.hexdigest()[:16] if sources else None


class _KernelCache(FunctionCache):  # type: ignore[misc]
    def __init__(self, function: FunctionType) -> None:
        super().__init__(function)
        self._cache_file = _KernelFile(Path(self.cache_path, f"{self._impl.filename_base}.nbc"))

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return compiled code; None if there is none, or it is of no use."""
        try:
            code = super().load_overload(signature, context)
            if code is not None:
                code.library.get_pointer_to_function(code.fndesc.llvm_cfunc_wrapper_name)
        except Exception:
            return None
        return code

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep compiled code, or warn that it cannot be kept."""
        try:
            super().save_overload(signature, code)
        except Exception as error:
            _warn_once(error)


class _KernelFile:
    """What stands for Numba's index and data files: they are read and written apart."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, key: object) -> Any:
        """Return what was saved; None if there is nothing, or it is not whole."""
        if not self.path.is_file():  # to read a pipe would not end
            return None
        try:
            digest, body = self.path.read_bytes().split(b"\n", 1)
        except (OSError, ValueError):
            return None
        return pickle.loads(body) if digest == self._digest(body) else None

    def save(self, key: object, data: Any) -> None:
        """Replace the file at one go: who reads it meanwhile gets the old one."""
        body = dumps(data)
        unfinished = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        try:
            unfinished.write_bytes(self._digest(body) + b"\n" + body)
            unfinished.replace(self.path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _digest(self, body: bytes) -> bytes:
        return hashlib.sha256(self.path.name.encode() + body).hexdigest().encode()


def _warn_once(error: Exception) -> None:
    global _warned
    if not _warned:
        _warned = True
        text = f"Compiled at each start, since kernels cannot be kept: {error}"
        if isinstance(error, OSError) or "no locator" in str(error):
            text += "; NUMBA_CACHE_DIR can name another folder for them"
        warnings.warn(text, RuntimeWarning, stacklevel=2)
