"""The package as a whole: what it imports, how fast, and what it offers."""

import inspect
import subprocess
import sys

import pytest

from bncourse import scratch

IMPORT = """
import sys, time
import numpy
before, start = set(sys.modules), time.process_time()
import bncourse.scratch
print(time.process_time() - start)
for name in sorted(set(sys.modules) - before):
    if getattr(sys.modules[name], "__file__", None):
        print(name.split(".")[0])
"""

INTERFACE = {
    "batch_norm_forward": "(x, gamma, beta, *, eps=1e-05)",
    "batch_norm_backward": "(dy, cache)",
    "batch_norm_backward_staged": "(dy, cache)",
    "batch_norm_inference": "(x, mean, var, gamma, beta, *, eps=1e-05)",
    "batch_norm": "(x, running_mean, running_var, weight=None, bias=None, training=False,"
    " momentum=0.1, eps=1e-05)",
    "population_moments": "(batches)",
    "BatchNorm": "(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
    "Moments": "(count, mean, m2)",
}


def test_import__is_instant_and_needs_numpy_alone():
    runs = [
        subprocess.run(
            [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert min(float(seconds) for seconds, *_ in runs) < 0.2
    imported = set(runs[0][1:]) - sys.stdlib_module_names
    assert imported <= {"bncourse", "numpy"}


@pytest.mark.parametrize("name", INTERFACE)
def test_interface__stays_as_others_rely_on_it(name):
    signature = inspect.signature(getattr(scratch, name))
    bare = signature.replace(
        parameters=[q.replace(annotation=q.empty) for q in signature.parameters.values()],
        return_annotation=signature.empty,
    )
    assert str(bare) == INTERFACE[name]


def test_public_names__are_listed_and_documented():
    public = {name for name, value in vars(scratch).items() if not inspect.ismodule(value)}
    assert set(scratch.__all__) == {name for name in public if not name.startswith("_")}
    for name in scratch.__all__:
        assert getattr(scratch, name).__doc__, name
