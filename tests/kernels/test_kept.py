"""Compiled kernels on disk: whatever is wrong there, a call computes."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bncourse.kernels import kept

ROOT = Path(__file__).resolve().parents[2]
UNNEEDED = shutil.ignore_patterns("__pycache__", "*.npz")
# Prints y, whether something was compiled, and the beginnings of warnings.
CALL = """
import torch, warnings
from numba.core import event
from bncourse.kernels import cpu
{before}
with (
    warnings.catch_warnings(record=True) as said,
    event.install_recorder("numba:compile") as recorder,
):
    warnings.simplefilter("always")
    for dtype in {dtypes}:
        x = torch.tensor([[-1.0], [1.0]], dtype=dtype)
        y, _ = cpu.inference(x, None, None, torch.zeros_like(x[0]), torch.ones_like(x[0]), 0.0)
print(*y.flatten().tolist(), bool(recorder.buffer), *(str(w.message)[:22] for w in said))
"""
COMPILED, LOADED = "-1.0 1.0 True", "-1.0 1.0 False"
WARNED = f"{COMPILED} Compiled at each start"


def call(python, folder, before="", dtypes="[torch.float32]", package=ROOT, **variables):
    """Call a kernel in a Python of its own, whose kernels are kept in a folder."""
    code = CALL.format(before=before, dtypes=dtypes)
    return python(code, package, NUMBA_CACHE_DIR=str(folder), **variables).strip()


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path):
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def rename(path):
    """Give the file's place to the kernel of another function."""
    other = kept._KernelFile(path.with_name("other"))
    other.save("", "another kernel")
    other.path.replace(path)


DAMAGES = {
    "cut": cut,
    "flipped": flip,
    "foreign": rename,
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"\n"),
    "garbage": lambda path: path.write_bytes(os.urandom(10_000)),
    "gone": Path.unlink,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_damaged_file__holds_nothing_and_is_replaced(tmp_path, damage):
    file = kept._KernelFile(tmp_path / "kernel")
    file.save("", [1, 2, "x" * 5000])
    assert file.load("") == [1, 2, "x" * 5000]
    damage(file.path)
    assert file.load("") is None
    if file.path.is_file() or not file.path.exists():
        file.save("", "anew")
        assert file.load("") == "anew"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, python):
    """Keep a kernel in a folder."""
    folder = tmp_path_factory.mktemp("kept")
    assert call(python, folder) == COMPILED
    assert call(python, folder) == LOADED
    return folder


def hold_no_code(path):
    kept._KernelFile(path).save("", "no code")


@pytest.mark.parametrize("damage", [flip, hold_no_code])
def test_damaged_kernel__is_compiled_anew_and_replaced(python, whole, tmp_path, damage):
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (kernel,) = files(tmp_path)
    damage(kernel)
    assert call(python, tmp_path) == COMPILED
    assert call(python, tmp_path) == LOADED
    assert files(tmp_path) == [kernel]


@pytest.mark.parametrize("variable", [{"NUMBA_OPT": "1"}, {"NUMBA_ENABLE_AVX": "0"}])
def test_other_settings_of_the_compiler__have_kernels_of_their_own(python, whole, variable):
    assert call(python, whole, **variable) == COMPILED
    assert call(python, whole) == LOADED


# What cannot be written: a limit on the size of files acts as a full disk or a quota does.
LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"


def test_full_disk__stops_no_call_is_told_once_and_leaves_nothing(python, tmp_path):
    both = "[torch.float64, torch.float32]"
    assert call(python, tmp_path, before=LIMIT, dtypes=both) == WARNED
    assert files(tmp_path) == []
    assert call(python, tmp_path) == COMPILED
    assert call(python, tmp_path, before=LIMIT) == LOADED


NOWHERE = {
    "no place": "from numba.core import caching; caching.CacheImpl._locator_classes = []",
    "no such place": "import numba; numba.config.CACHE_LOCATOR_CLASSES = 'Nothing'",
    "no sources": "from bncourse.kernels import kept; kept.version = lambda: None",
    "no way to write": (
        "from bncourse.kernels import kept\n"
        "def save(*_): raise TypeError('cannot pickle')\n"
        "kept._KernelFile.save = save"
    ),
}


@pytest.mark.parametrize("before", NOWHERE.values(), ids=list(NOWHERE))
def test_kernels_that_cannot_be_kept__are_compiled_at_each_start(python, tmp_path, before):
    assert call(python, tmp_path, before=before) == WARNED


def test_package_in_an_archive__computes(python, tmp_path):
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (*(ROOT / "bncourse").glob("*.py"), *(ROOT / "bncourse/kernels").glob("*.py")):
            file.write(path, path.relative_to(ROOT))
    before = f"assert cpu.__file__.startswith({str(archive)!r})"
    said = python(CALL.format(before=before, dtypes="[torch.float32]"), tmp_path,
                  PYTHONPATH=str(archive), NUMBA_CACHE_DIR=str(tmp_path / "kept"))  # fmt: skip
    assert said.strip() == WARNED


def test_processes_that_compile_at_once__keep_their_code_apart(tmp_path):
    code = CALL.format(before="import sys", dtypes="[getattr(torch, sys.argv[1])]")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for again in (False, True):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, f"float{bits}"],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for bits in (32, 64) * 2
        ]
        for process in processes:
            out, _ = process.communicate(timeout=120)
            assert out.strip() == LOADED or (not again and out.strip() == COMPILED)
    assert len(files(tmp_path)) == 2  # one for each dtype


def test_code_for_both_dtypes__comes_right_from_what_several_processes_have_kept(python, tmp_path):
    # Each process numbers its types anew; the names of compiled functions must not depend on that.
    code = """
import torch
from bncourse.kernels import cpu
for bits in {order}:
    x = torch.randn(50, 3, dtype=getattr(torch, f"float{{bits}}"))
    running = torch.zeros_like(x[0]), torch.ones_like(x[0])
    y, _ = cpu.forward(x, None, None, *running, 0.5, 1e-5)
    expected = torch.nn.functional.batch_norm(x, None, None, training=True)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(running, (x.mean(0) / 2, (x.var(0) + 1) / 2))
"""
    for order in ([32], [64], [32, 64], [64, 32]):
        python(code.format(order=order), NUMBA_CACHE_DIR=str(tmp_path))


def test_compiled_code__is_made_anew_when_any_file_changes(python, tmp_path):
    package = tmp_path / "changed"
    shutil.copytree(ROOT / "bncourse", package / "bncourse", ignore=UNNEEDED)
    assert call(python, tmp_path / "kept", package=package) == COMPILED
    assert call(python, tmp_path / "kept", package=package) == LOADED
    values = package / "bncourse/kernels/values.py"
    times = values.stat().st_atime_ns, values.stat().st_mtime_ns
    text = values.read_text()
    assert "+ offset  # eq-normalize" in text
    values.write_text(text.replace("+ offset  # eq-normalize", "+ offset + 5.0  # eq-normalize"))
    os.utime(values, ns=times)
    assert call(python, tmp_path / "kept", package=package) == "4.0 6.0 True"
