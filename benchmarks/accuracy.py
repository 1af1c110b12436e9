"""How far float32 results are from exact ones, ours and torch's, on batches hard to sum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bncourse import nn, oracle
from bncourse.tolerances import relative_error

VALUES, CHANNELS = 65_536, 4
QUANTITIES = ("y", "dx", "dgamma", "dbeta")
EPS = 1e-5


@dataclass(frozen=True)
class Accuracy:
    """The largest errors on one batch.

    Attributes
    ----------
    batch : str
    ours, torch : dict
        By quantity; relative to the scale that `bncourse.oracle` gives for it.
    """

    batch: str
    ours: dict[str, float]
    torch: dict[str, float]


def batches(values: int = VALUES) -> dict[str, Tensor]:
    """Return float32 batches by name, in all orders in memory, of what `accuracies` takes."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(values, CHANNELS, generator=generator)
    images = normal.view(values // 64, 8, 8, CHANNELS).permute(0, 3, 1, 2)
    first, far = normal.clone(), normal.clone()
    first[0], far[values // 2] = 1e4, -1e6
    signs = torch.tensor([1.0, -1.0]).repeat(values // 2)[:, None]
    hard = {
        "first value 1e4": first,
        "one value -1e6": far,
        "alternating signs": signs * (1 + 1e-3 * normal),
        "sorted": normal.sort(0).values,
        "constant 0.1": torch.full_like(normal, 0.1),
    }
    about = {
        f"{name}, mean {mean:,}": x + mean
        for mean in (0, 100, 10_000, 1_000_000)
        for name, x in {
            "(N, C)": normal,
            "images": images.contiguous(),
            "images, channels last": images,
        }.items()
    }
    return about | {f"(N, C), {name}": x for name, x in hard.items()}


def accuracies(values: int = VALUES) -> list[Accuracy]:
    """Return the errors on each batch.

    Parameters
    ----------
    values : int
        In a channel: a multiple of 64.

    Returns
    -------
    list of Accuracy
    """
    return [
        Accuracy(
            name, errors(nn.functional.batch_norm, x), errors(torch.nn.functional.batch_norm, x)
        )
        for name, x in batches(values).items()
    ]


def errors(batch_norm: Callable[..., Tensor], x: Tensor) -> dict[str, float]:
    """Return the largest error of each quantity that a function computes of a batch."""
    generator = torch.Generator().manual_seed(1)
    dy = torch.empty_like(x).normal_(generator=generator)
    gamma = torch.rand(CHANNELS, generator=generator) + 0.5
    beta = torch.randn(CHANNELS, generator=generator)
    leaves = [tensor.clone().requires_grad_() for tensor in (x, gamma, beta)]
    y = batch_norm(leaves[0], None, None, *leaves[1:], training=True, eps=EPS)
    results = (y.detach(), *torch.autograd.grad(y, leaves, dy))
    exact = oracle.batch_norm(*(np.asarray(tensor) for tensor in (x, gamma, beta, dy)), eps=EPS)
    return {
        name: relative_error(result.numpy(), exact.values[name], exact.scales[name])
        for name, result in zip(QUANTITIES, results, strict=True)
    }


def table(rows: Sequence[Accuracy]) -> str:
    """Return the errors as lines for a person to read."""
    lines = [
        "Largest errors in float32: ours, torch" + "".join(f"{name:>18}" for name in QUANTITIES)
    ]
    for row in rows:
        pairs = (f"{row.ours[name]:.0e}, {row.torch[name]:.0e}" for name in QUANTITIES)
        lines.append(f"{row.batch:<38}" + "".join(f"{pair:>18}" for pair in pairs))
    return "\n".join(lines)
