import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

USE = """
import importlib.metadata, sys, pathlib
import numpy as np
import bncourse
from bncourse import scratch
from bncourse.lab.data import mnist

assert pathlib.Path(bncourse.__file__).is_relative_to(sys.argv[1]), bncourse.__file__
assert pathlib.Path(bncourse.__file__).with_name("py.typed").exists()
assert bncourse.__version__ == importlib.metadata.version("bncourse")
images = mnist().train_images[:60].reshape(60, 784)
y, _ = scratch.batch_norm_forward(images, np.ones(784), np.zeros(784))
assert "torch" not in sys.modules
print(y.shape)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel and unpack it into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", target, wheel], check=True, capture_output=True
    )
    return target


def test_wheel__works_from_any_folder_with_its_data_and_types(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE, str(installed)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "(60, 784)"


def test_wheel__holds_every_module_and_nothing_else(installed):
    def modules(root):
        return {
            path.relative_to(root).as_posix()
            for path in (root / "bncourse").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert modules(installed) == modules(ROOT)
    assert {path.name.split("-")[0] for path in installed.iterdir()} == {"bncourse"}


def test_wheel__states_the_licenses_of_code_and_images(installed):
    (metadata,) = installed.glob("*.dist-info")
    licenses = {path.name for path in (metadata / "licenses").rglob("*") if path.is_file()}
    assert licenses == {"LICENSE", "MNIST-LICENSE.md"}
    assert "License-Expression: MIT AND CC-BY-SA-3.0" in (metadata / "METADATA").read_text()
