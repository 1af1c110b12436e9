"""Batch normalization with torch.nn's face: more exact, and on the CPU often faster."""

from bncourse._extras import need

with need("fast"):
    from bncourse.nn import functional
    from bncourse.nn.engines import engine
    from bncourse.nn.modules import BatchNorm1d, BatchNorm2d, BatchNorm3d, convert, revert

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "convert", "engine", "functional", "revert"]
