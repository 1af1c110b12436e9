"""The inputs that PyTorch's own tests have for batch norm, through ours and torch's."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import bncourse.nn
from bncourse import tolerances

FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Return PyTorch's own inputs: `calls` of the function, and of `layers`."""
    file = tmp_path_factory.mktemp("inputs") / "inputs.pt"
    program = Path(__file__).with_name("torchs_own_inputs.py")
    subprocess.run([sys.executable, "-W", "ignore", program, file], check=True)
    return torch.load(file)


@pytest.mark.parametrize("dtype", FLOATING, ids=str)
def test_calls_of_the_function__give_what_torch_gives(engine, inputs, beside_torch, dtype):
    calls = [arguments for kind, arguments in inputs["calls"] if kind == dtype]
    assert len(calls) >= 24
    generator = torch.Generator().manual_seed(0)
    for arguments in calls:
        x = arguments["input"]
        dy = torch.randn(x.shape, generator=generator).to(dtype)
        ours = beside_torch(arguments, dy)
        assert ours.error is None


def taken_forward_and_back(name, library, made, x, dy, training, dtype):
    args, keywords = made
    layer = getattr(library, name)(*args, dtype=dtype, **keywords).train(training)
    leaf = x.detach().clone().to(dtype).requires_grad_()
    y = layer(leaf)
    y.backward(dy.to(dtype))
    gradients = {f"gradient of {k}": p.grad for k, p in layer.named_parameters()}
    return {"y": y.detach(), "dx": leaf.grad} | gradients | dict(layer.named_buffers())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", FLOATING, ids=str)
def test_calls_of_layers__give_what_torch_gives(engine, inputs, bound_of, dtype, training):
    calls = [call[2:] for call in inputs["layers"] if call[:2] == (dtype, training)]
    good = [call[:-1] for call in calls if call[-1] is None]
    assert len(good) >= 22
    for name, args, keywords, x in good:
        dy = torch.linspace(-1, 2, x.numel(), dtype=torch.float64).sin().view(x.shape)
        dy = dy.to(dtype)
        given = (args, keywords), x, dy, training
        ours = taken_forward_and_back(name, bncourse.nn, *given, dtype)
        theirs = taken_forward_and_back(name, torch.nn, *given, dtype)
        exact = taken_forward_and_back(name, torch.nn, *given, torch.float64)
        assert ours.keys() == exact.keys()
        for key, tensor in ours.items():
            assert (tensor.dtype, tensor.shape) == (theirs[key].dtype, theirs[key].shape)
            scale = max([1.0, *exact[key].abs().view(-1)])
            error = tolerances.relative_error(tensor.double(), exact[key], scale)
            bound = 0 if key == "num_batches_tracked" else bound_of(tensor)
            assert error <= bound, (name, args, key)


def test_calls_of_layers_that_are_errors__are_errors(inputs):
    bad = [call for call in inputs["layers"] if call[-1] is not None]
    assert len(bad) >= 3 * 2 * 2 * len(FLOATING)
    for dtype, training, name, args, keywords, x, (kind, regex) in bad:
        outcomes = []
        for library in (bncourse.nn, torch.nn):
            layer = getattr(library, name)(*args, dtype=dtype, **keywords).train(training)
            try:
                outcomes.append(("taken", str(layer(x).dtype)))
            except Exception as error:
                outcomes.append((type(error).__name__, str(error)))
        assert outcomes[0] == outcomes[1]
        if training:
            assert outcomes[0][0] == kind
            assert regex in outcomes[0][1]
