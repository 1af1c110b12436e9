"""What the tests of bncourse.nn share: the engines, and a call beside torch's."""

import copy
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

import bncourse.nn
from bncourse import oracle, tolerances
from bncourse.nn import engines, equations

BFLOAT16_BOUND = 8e-3  # of the table in design: bfloat16 keeps 8 binary digits


@pytest.fixture(params=["numba", "equations"])
def engine(request, monkeypatch):
    """Each engine of ours in turn; equations also where no transform asks for them."""
    if request.param == "equations":
        row = engines.Engine("equations", equations.is_usual, equations.batch_norm)
        monkeypatch.setattr(engines, "ENGINES", (row, engines.ENGINES[-1]))
    return request.param


@dataclass
class Outcome:
    """What a call gave: tensors by the oracle's names, or an error."""

    tensors: dict = field(default_factory=dict)
    error: Exception | None = None


def run(function, arguments, dy=None):
    """Call a function with copies of tensors, which keep strides and what they share."""
    given = copy.deepcopy(arguments)
    names = {"dx": "input", "dgamma": "weight", "dbeta": "bias"}
    outcome = Outcome()
    try:
        y = function(**given)
        outcome.tensors = {"y": y.detach()}
        if dy is not None and y.requires_grad:
            y.backward(dy.to(y.dtype))
            grads = {to: getattr(given.get(name), "grad", None) for to, name in names.items()}
            outcome.tensors |= {name: grad for name, grad in grads.items() if grad is not None}
    except Exception as error:
        outcome.error = error
    running = {name: given.get(name) for name in ("running_mean", "running_var")}
    outcome.tensors |= {k: v.detach() for k, v in running.items() if isinstance(v, torch.Tensor)}
    return outcome


def reference_of(arguments, dy):
    """Return the oracle's results for the arguments of functional.batch_norm."""

    def wide(name):
        tensor = arguments.get(name)
        return None if tensor is None else tensor.detach().double().resolve_neg().numpy()

    others = {
        name: arguments[name] for name in ("training", "momentum", "eps") if name in arguments
    }
    others = {name: float(value) if name == "eps" else value for name, value in others.items()}
    return oracle.batch_norm(
        wide("input"),
        wide("weight"),
        wide("bias"),
        None if dy is None else dy.double().numpy(),
        running_mean=wide("running_mean"),
        running_var=wide("running_var"),
        **({"training": False} | others),
    )


def bound_of_tensor(tensor, mean_over_std=0.0):
    if tensor.dtype == torch.bfloat16:
        return BFLOAT16_BOUND
    return tolerances.bound(tensor.numpy().dtype, mean_over_std)


def hold(tensors, reference):
    """Assert that each tensor agrees with the oracle's."""
    for name, tensor in tensors.items():
        if name not in reference.values:
            continue
        value, scale = reference.values[name], reference.scales[name]
        # Where a channel has a NaN or an infinity, its other entries are as large as the rest.
        scale = np.where(
            np.isfinite(scale), scale, np.abs(value[np.isfinite(value)]).max(initial=0)
        )
        error = tolerances.relative_error(tensor.double().resolve_neg().numpy(), value, scale)
        bound = bound_of_tensor(tensor, reference.mean_over_std)
        assert error <= bound, f"{name}: largest error {error:.1e} (bound {bound:.0e})"


def strides(tensor):
    """Return the strides that matter: not those of axes of one, nor of tensors without entries."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return [stride for size, stride in pairs if size > 1 and tensor.numel()]


def hold_beside_torch(arguments, dy=None, *, ours=bncourse.nn.functional.batch_norm):
    """Assert that a call gives what torch gives: tensors like torch's, or torch's error.

    Values are held against the oracle, all else against torch's own call.
    """
    ours = run(ours, arguments, dy)
    theirs = run(torch.nn.functional.batch_norm, arguments, dy)
    assert (type(ours.error), str(ours.error)) == (type(theirs.error), str(theirs.error))
    assert ours.tensors.keys() == theirs.tensors.keys()
    for name, tensor in ours.tensors.items():
        their = theirs.tensors[name]
        for attribute in ("dtype", "shape", "device"):
            assert getattr(tensor, attribute) == getattr(their, attribute), (name, attribute)
        assert strides(tensor) == strides(their), name
    if theirs.error is None and arguments["input"].numel():
        hold(ours.tensors, reference_of(arguments, dy))
    else:
        for name, tensor in ours.tensors.items():  # nothing is computed
            torch.testing.assert_close(tensor, theirs.tensors[name], rtol=0, atol=0)
    return ours


@pytest.fixture
def beside_torch():
    """`beside_torch(arguments, dy)` makes a call and asserts that it gives what torch gives."""
    return hold_beside_torch


@pytest.fixture
def bound_of():
    """`bound_of(tensor)` returns the bound on its relative error, of the table of tolerances."""
    return bound_of_tensor


@pytest.fixture
def agree():
    """`agree(tensors, reference)` asserts that tensors agree with the oracle's results."""
    return hold


@pytest.fixture
def arguments(problem):
    """`arguments(shape, dtype)` returns torch's arguments, which require gradients, and dy."""

    def make(shape, dtype=torch.float64, *, parameters=None, **options):
        p = problem(shape, np.float64, **options)
        tensors = {name: torch.tensor(array).to(dtype) for name, array in p.arrays().items()}
        if parameters is not None:
            tensors |= {
                name: tensor.to(parameters)
                for name, tensor in tensors.items()
                if name not in ("x", "dy")
            }
        given = {
            "input": tensors["x"].requires_grad_(),
            "running_mean": tensors["running_mean"],
            "running_var": tensors["running_var"],
            "weight": tensors["gamma"].requires_grad_(),
            "bias": tensors["beta"].requires_grad_(),
        }
        return given, tensors["dy"]

    return make
