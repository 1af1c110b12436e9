"""What the functions of this package accept, and the errors that say so."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]

# Infinities and NaN follow IEEE arithmetic without a warning, as in torch. Used as a decorator.
ieee = np.errstate(all="ignore")


def floating(name: str, value: ArrayLike) -> Floats:
    """Return `value` as an array, or raise TypeError unless its dtype is a floating one."""
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name}: want a floating dtype, got {array.dtype}")
    return array


def batch(name: str, value: ArrayLike, channels: int | None = None) -> Floats:
    """Return `value` as an array of shape (N, C, *locations).

    An empty array with one axis is accepted too, as torch's function accepts it.
    """
    x = floating(name, value)
    if x.shape == (0,) and channels is None:
        return x
    if x.ndim < 2:
        raise ValueError(f"{name}: want at least two axes (N, C, ...), got shape {x.shape}")
    if channels is not None and x.shape[1] != channels:
        raise ValueError(f"{name}: want shape (N, {channels}, ...), got {x.shape}")
    return x


def like(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return `value` as a floating array, or raise ValueError unless it has this shape."""
    array = floating(name, value)
    if array.shape != shape:
        raise ValueError(f"{name}: want shape {shape}, got {array.shape}")
    return array


def per_channel(name: str, value: ArrayLike, x: Floats) -> Floats:
    """Return `value` as an array with one entry a channel of `x`, as wide as we compute."""
    array = floating(name, value)
    # An empty one-axis x has no channel axis to compare with.
    want = x.shape[1:2] if x.ndim > 1 else array.shape
    return like(name, array, want).astype(wide(array.dtype))


def wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which a result of `dtype` is computed: float64, or wider."""
    return np.result_type(dtype, np.float64)


def values_per_channel(x: Floats) -> int:
    """Return m, the number of values that each channel of `x` is normalized over."""
    return x.shape[0] * int(np.prod(x.shape[2:], dtype=np.int64))


def enough_to_normalize(x: Floats) -> None:
    """Raise ValueError where a channel holds one value: its variance says nothing."""
    if values_per_channel(x) == 1:
        raise ValueError(
            f"x: want more than 1 value per channel when training, got shape {x.shape}"
        )


def eps_for_training(eps: float) -> None:
    """Raise ValueError unless `eps` is positive."""
    if not eps > 0:
        raise ValueError(f"eps: want a positive number when training, got {eps}")


def eps_for_inference(eps: float) -> None:
    """Raise ValueError unless `eps` is zero or positive."""
    if not eps >= 0:
        raise ValueError(f"eps: want zero or a positive number, got {eps}")


def both_or_neither(running_mean: object, running_var: object) -> None:
    """Raise ValueError where only one of the running arrays is there."""
    if (running_mean is None) != (running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise ValueError(f"{missing}: want both running arrays or neither, got None for this one")
