"""What the package needs beside NumPy is named with the extra that brings it."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
# Imports each module of the package where some others are missing.
WALK = """\
import importlib, json, pathlib, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
failed = {}
for path in sorted(pathlib.Path("bncourse").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = [error.name, str(error)]
print(json.dumps(failed))
"""


def brings(extra):
    """Return the distributions that an extra brings."""
    found = set()
    for requirement in EXTRAS[extra]:
        name, _, inner = requirement.partition(">")[0].partition("[")
        found |= brings(inner.strip("]")) if name == "bncourse" else {name}
    return found


TORCH = {"kernels", "lab.twins", "nn", "oracle", "tolerances"}


@pytest.mark.parametrize(
    ("missing", "parts"),
    [
        ("numba llvmlite", {"kernels"}),
        ("matplotlib", {"figures"}),
        ("IPython", {"figures"}),
        ("torch", TORCH),
        ("torch numba llvmlite matplotlib IPython", TORCH | {"figures"}),
    ],
)
def test_part_that_misses_something__names_the_extra_that_brings_it(missing, parts):
    command = [sys.executable, "-c", WALK, *missing.split()]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    failed = json.loads(result.stdout)
    assert parts <= {name.removeprefix("bncourse.") for name in failed}
    for name, (module, said) in failed.items():
        assert name.removeprefix("bncourse.").startswith(tuple(parts))
        assert module in missing.split()
        extra = said.partition('pip install "bncourse[')[2].partition("]")[0]
        assert module.lower() in brings(extra), f"{name}: {said}"
