"""Batch normalization from scratch, proved against PyTorch.

The package of the bncourse book. Each equation of the book is one function of
`bncourse.scratch`; import what you use, for example ``from bncourse import scratch``.
"""

__version__ = "0.1.0"
