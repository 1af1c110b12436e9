"""Code shown beside its equation: the function that runs, not a copy of it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from IPython.display import Markdown


def show_source(*functions: Callable[..., Any]) -> Markdown:
    """Show the code of functions, without their docstrings, as a block of Python.

    Parameters
    ----------
    *functions : functions
        Written in Python.

    Returns
    -------
    IPython Markdown
        Which a notebook renders with colors.

    Examples
    --------
    >>> from bncourse.scratch import unbiased_var
    >>> print(show_source(unbiased_var).data)
    ```python
    def unbiased_var(var: Floats, m: int) -> Floats:
        if m < 2:
            raise ValueError(f"m: want at least 2 values for an unbiased variance, got {m}")
        return var * m / (m - 1)  # eq-unbiased-var
    ```
    """
    blocks = [_without_docstring(function) for function in functions]
    return Markdown("```python\n" + "\n\n\n".join(blocks) + "\n```")


def _without_docstring(function: Callable[..., Any]) -> str:
    """Return the source of a function less its docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    if ast.get_docstring(definition) is None:
        return source.rstrip()
    docstring = definition.body[0]
    lines = source.splitlines()
    del lines[docstring.lineno - 1 : docstring.end_lineno]
    while lines[docstring.lineno - 1].strip() == "":
        del lines[docstring.lineno - 1]
    return "\n".join(lines).rstrip()
