"""The images that the chapters train on: 5,000 real digits of MNIST, inside the package.

A notebook needs no download. `MNIST-LICENSE.md` beside this module states source and license;
`python -m tools.build_mnist` rebuilds `MNIST_FILE` byte for byte.
"""

import socket
import warnings
from dataclasses import dataclass
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
from numpy.typing import NDArray

MNIST_FILE = Path(__file__).with_name("mnist_5k.npz")
MNIST_SHA256 = "354673aaa382c64db432737140aae8ee609f4581e1854dd1c237cb5b2a0ec768"

_FULL_TRAINING = 60_000
_FULL_SHAPE = (70_000, 784)
_SILENCE_S = 15.0  # seconds without a byte after which the network counts as missing


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of handwritten digits and their labels, in two parts.

    Attributes
    ----------
    train_images : array of float32, shape (N, 28, 28)
        Grey values, from 0 (paper) to 1 (ink).
    train_labels : array of int64, shape (N,)
        The digits shown, 0 to 9.
    test_images : array of float32, shape (N_test, 28, 28)
    test_labels : array of int64, shape (N_test,)
    """

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def mnist(*, full: bool = False, data_home: str | PathLike[str] | None = None) -> Digits:
    """Return 5,000 images of MNIST from the package, or all 70,000 from the network.

    The 5,000 are the first 500 of each digit in MNIST's training set: 400 for training, then
    100 for the test. Each part is in the order of the SHA-256 of its images' 784 bytes, which
    mixes the digits. A writer may appear in both parts, so an accuracy measured here does not
    compare with published ones. The full set keeps MNIST's own split, 60,000 and 10,000.

    Parameters
    ----------
    full : bool
        Fetch all 70,000 images from OpenML, which needs scikit-learn and, the first time, a
        network and a minute of patience.
    data_home : path, optional
        The folder in which scikit-learn keeps what it fetched; by default its own. Only with
        `full`.

    Returns
    -------
    Digits
        Images of shape (4000, 28, 28) and (1000, 28, 28), or (60000, 28, 28) and
        (10000, 28, 28); float32 in [0, 1]. Labels of shape (4000,) and (1000,), or (60000,) and
        (10000,); int64.

    Raises
    ------
    ValueError
        If `data_home` is given without `full`, or if what OpenML sends is not MNIST.
    ImportError
        If `full` and scikit-learn is missing.
    ConnectionError
        If `full` and OpenML cannot be reached.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (11), 1998, 2278-2324.
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits",
    http://yann.lecun.com/exdb/mnist/.

    Examples
    --------
    >>> digits = mnist()
    >>> digits.train_images.shape, digits.test_images.shape
    ((4000, 28, 28), (1000, 28, 28))
    >>> print(digits.train_labels[:10])
    [2 0 9 3 4 7 9 4 2 4]
    """
    if full:
        return _from_openml(*_fetch(data_home))
    if data_home is not None:
        raise ValueError(f"data_home: want None unless full=True, got {data_home!r}")
    # Fresh arrays on each call: read-only ones would make torch.from_numpy warn.
    with np.load(MNIST_FILE, allow_pickle=False) as parts:
        return Digits(
            train_images=_unit(parts["train_images"]),
            train_labels=parts["train_labels"].astype(np.int64),
            test_images=_unit(parts["test_images"]),
            test_labels=parts["test_labels"].astype(np.int64),
        )


def _fetch(data_home: str | PathLike[str] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return pixels, shape (70000, 784), and labels, shape (70000,), as OpenML has them."""
    try:
        from sklearn.datasets import fetch_openml
    except ModuleNotFoundError as error:
        raise ImportError(
            f'mnist(full=True): want scikit-learn (pip install "bncourse[data]"), got {error}; '
            "mnist() works without it"
        ) from error
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)  # scikit-learn sets none, and would hang
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="A network error occurred")
            bunch = fetch_openml(
                "mnist_784",
                version=1,
                data_home=data_home,
                as_frame=False,
                parser="liac-arff",  # the one that needs no pandas
                n_retries=1,  # the least that scikit-learn accepts
                delay=0.1,
            )
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        raise ConnectionError(
            "mnist(full=True): want mnist_784 (version 1) from https://www.openml.org, "
            f"got {type(error).__name__}: {error}; mnist() works offline"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)
    return bunch.data, bunch.target


def _from_openml(pixels: NDArray[Any], labels: NDArray[Any]) -> Digits:
    """Return OpenML's rows, which keep the order of MNIST, as images in two parts."""
    if pixels.shape != _FULL_SHAPE:
        raise ValueError(f"pixels: want shape {_FULL_SHAPE}, got {pixels.shape}")
    if labels.shape != _FULL_SHAPE[:1]:
        raise ValueError(f"labels: want shape {_FULL_SHAPE[:1]}, got {labels.shape}")
    images = _unit(pixels).reshape(-1, 28, 28)
    digits = labels.astype(np.int64)  # OpenML's labels are strings
    return Digits(
        train_images=images[:_FULL_TRAINING],
        train_labels=digits[:_FULL_TRAINING],
        test_images=images[_FULL_TRAINING:],
        test_labels=digits[_FULL_TRAINING:],
    )


def _unit(grey: NDArray[Any]) -> NDArray[np.float32]:
    """Return grey values 0 to 255 as float32 in [0, 1]."""
    return grey.astype(np.float32) / np.float32(255)
