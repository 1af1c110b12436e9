"""The machine's limit: the least bytes of a pass, moved by the fastest plain copy or triad."""

from importlib.util import find_spec

import torch
from torch import Tensor

from benchmarks.cases import Batch
from benchmarks.timing import Call

ORDINARY, STREAMING = "limit, ordinary stores", "limit, non-temporal stores"
LIMITS = (ORDINARY, STREAMING)


def limits(batch: Batch, threads: int) -> dict[str, dict[str, Call]]:
    """Return calls that move what a pass has to: x to y; or x and dy, added, to dx.

    By ordinary stores torch moves them; by non-temporal ones, which go past the caches, a kernel
    of ours, if Numba is installed. The output is there already, so that nothing is allocated.

    Parameters
    ----------
    batch : Batch
    threads : int

    Returns
    -------
    dict of dict of functions
        By the kind of stores and the pass.
    """
    out = torch.empty_like(batch.x)
    made = {ORDINARY: _by_torch(batch, out)}
    if find_spec("numba") is not None:
        from benchmarks.moves import move

        copy, triad = move(batch.x, None, out, threads), move(batch.x, batch.dy, out, threads)
        made[STREAMING] = {"forward": copy, "backward": triad, "inference": copy}
    return made


def _by_torch(batch: Batch, out: Tensor) -> dict[str, Call]:
    return {
        "forward": lambda: out.copy_(batch.x),
        "backward": lambda: torch.add(batch.x, batch.dy, out=out),
        "inference": lambda: out.copy_(batch.x),
    }
