"""Problems that only careful arithmetic solves."""

import numpy as np
import pytest

HARD = {
    "mean 1e4, float64": ((9, 3, 4), np.float64, {"mean": 1e4, "std": 1.0}),
    "mean -1e4, float32": ((9, 3, 4), np.float32, {"mean": -1e4, "std": 1.0}),
    "mean 1e6, float32": ((50, 3), np.float32, {"mean": 1e6, "std": 1.0}),
    "mean 1e6, eps 1e-5, m 2, float32": ((2, 5), np.float32, {"mean": 1e6, "eps": 1e-5}),
    "mean 100, float16": ((9, 3, 4), np.float16, {"mean": 100.0, "std": 1.0}),
    "std 1e-6, float64": ((7, 5), np.float64, {"mean": 1e-5, "std": 1e-6, "eps": 1e-5}),
    "std 1e-6, float32": ((7, 5), np.float32, {"mean": 1e-2, "std": 1e-6, "eps": 1e-5}),
    "eps over var, m 2": ((2, 3), np.float64, {"mean": 0.1, "std": 1e-3, "eps": 1e-1}),
    "eps 1e-12": ((7, 3), np.float64, {"eps": 1e-12}),
    "eps 1e-12, m 2": ((2, 3), np.float64, {"eps": 1e-12}),
    "eps 1e-12, m 2, float32": ((2, 5), np.float32, {"eps": 1e-12}),
    "std 1e8": ((7, 3), np.float64, {"mean": 0.0, "std": 1e8}),
}


@pytest.fixture(params=HARD, ids=str)
def hard(request, problem):
    """Each problem that loses digits in a careless program."""
    shape, dtype, options = HARD[request.param]
    return problem(shape, dtype, **options)
