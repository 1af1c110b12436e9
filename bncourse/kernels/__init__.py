"""Batch normalization, fast: the equations of `bncourse.scratch`, compiled.

`bncourse.kernels.cpu` works on tensors of PyTorch whose memory is dense. `bncourse.nn` is the
face that looks like torch.nn.
"""

from bncourse._extras import need

with need("fast"):
    import numba  # noqa: F401
    import torch  # noqa: F401
