"""Which engine computes when, and that torch's own operator does where Numba is missing."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import bncourse.nn
from bncourse.nn import engines, functional

ROOT = Path(__file__).parents[2]


def test_table__has_torchs_own_operator_last():
    assert [row.name for row in engines.ENGINES] == ["numba", "equations", "torch"]
    assert engines.ENGINES[-1].batch_norm is torch.nn.functional.batch_norm


TENSORS = {
    "float32": (torch.ones(4, 3), "numba"),
    "float64": (torch.ones(4, 3, dtype=torch.float64), "numba"),
    "float16": (torch.ones(4, 3, dtype=torch.float16), "numba"),
    "bfloat16": (torch.ones(4, 3, dtype=torch.bfloat16), "numba"),
    "channels_last": (torch.ones(4, 3, 2, 2).to(memory_format=torch.channels_last), "numba"),
    "expanded": (torch.ones(1, 3).expand(4, 3), "numba"),
    "strided": (torch.ones(4, 6)[:, ::2], "numba"),
    "that wants a gradient": (torch.ones(4, 3, requires_grad=True), "numba"),
    "parameter": (torch.nn.Parameter(torch.ones(4, 3)), "numba"),
    "on no device": (torch.ones(4, 3, device="meta"), "torch"),
    "sparse": (torch.eye(3).to_sparse(), "torch"),
    "zeros without memory": (torch._efficientzerotensor((4, 3)), "torch"),
    "lazily negated": (torch._neg_view(torch.ones(4, 3)), "torch"),
}


@pytest.mark.parametrize(("tensor", "name"), TENSORS.values(), ids=list(TENSORS))
def test_engine__tells_what_computes(tensor, name):
    assert bncourse.nn.engine(tensor) == name


@pytest.fixture
def computed(monkeypatch):
    """Record the names of engines that compute."""
    names = []

    def recording(row):
        def batch_norm(*arguments):
            names.append(row.name)
            return row.batch_norm(*arguments)

        return row._replace(batch_norm=batch_norm)

    monkeypatch.setattr(engines, "ENGINES", tuple(recording(row) for row in engines.ENGINES))
    return names


@pytest.mark.parametrize(("tensor", "name"), TENSORS.values(), ids=list(TENSORS))
def test_batch_norm__is_computed_by_that_engine(computed, tensor, name):
    if tensor.layout != torch.strided:
        pytest.skip("torch refuses it")
    functional.batch_norm(tensor, None, None, training=True)
    assert computed == [name]


def test_batches_that_torch_refuses_or_need_nothing_computed__are_torchs(computed):
    functional.batch_norm(torch.ones(0, 3), None, None, training=True)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        functional.batch_norm(torch.ones(1, 3), None, None, training=True)
    assert computed == ["torch"] * 2


@pytest.mark.parametrize("name", ["running_mean", "running_var", "weight", "bias"])
def test_parameters_without_memory_of_their_own__are_torchs(computed, arguments, name):
    given, _ = arguments((4, 3, 5))
    given[name] = torch._neg_view(-given[name].detach())
    functional.batch_norm(**given)
    assert computed == ["torch"]


# torch's own, when it first needs a formula of forward mode that it keeps as a script.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_transforms__are_computed_by_the_equations(computed):
    x = torch.arange(12.0).reshape(2, 2, 3)

    def f(x):
        return functional.batch_norm(x, None, None, training=True)

    torch.func.vmap(f)(x)
    torch.func.grad(lambda x: f(x).pow(3).sum())(x)
    with torch.autograd.forward_ad.dual_level():
        f(torch.autograd.forward_ad.make_dual(x, x))
        assert bncourse.nn.engine(x) == "equations"
    assert set(computed) == {"equations"}
    computed.clear()
    f(x)
    assert computed == ["numba"]


@pytest.mark.parametrize(("mean", "std"), [(1e4, 1.0), (1e6, 1.0), (-1e6, 1.0), (1.0, 1e-6)])
@pytest.mark.parametrize("shape", [(50, 3), (9, 3, 40), (64, 3, 16, 16)], ids=str)
def test_both_engines__keep_to_the_tolerances_far_from_zero(
    engine, problem, agree, arguments, shape, mean, std
):
    p = problem(shape, np.float32, mean=mean, std=std, eps=1e-12 if std < 1 else 1e-5)
    x, gamma, beta = (torch.tensor(a, requires_grad=True) for a in (p.x, p.gamma, p.beta))
    for training in (True, False):
        running = torch.tensor(p.running_mean), torch.tensor(p.running_var)
        y = functional.batch_norm(x, *running, gamma, beta, training, eps=p.eps)
        dx, dgamma, dbeta = torch.autograd.grad(y, (x, gamma, beta), torch.tensor(p.dy))
        results = {"y": y.detach(), "dx": dx, "dgamma": dgamma, "dbeta": dbeta}
        agree(results, p.reference() if training else p.inference_reference())


WITHOUT_NUMBA = """
import importlib.util, sys, warnings
{how}
import torch
import bncourse.nn
from torch.nn.functional import batch_norm as torchs
x = torch.randn(50, 3, 4)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    assert bncourse.nn.engine(x) == "torch"
    for _ in range(2):
        assert torch.equal(bncourse.nn.functional.batch_norm(x, None, None, training=True),
                           torchs(x, None, None, training=True))
print(*(w.message for w in said))
"""
WAYS = {
    "not found": (
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, p=None: None if n == 'numba' else find(n, p)",
        "",
    ),
    "None in sys.modules": ("sys.modules['numba'] = None", ""),
    "switched off": ("import os; os.environ['NUMBA_DISABLE_JIT'] = '1'", ""),
    "out of order": (
        "sys.modules['llvmlite'] = None",
        "bncourse.nn computes by torch's own operator, since Numba cannot be imported",
    ),
}


@pytest.mark.parametrize(("how", "warning"), WAYS.values(), ids=list(WAYS))
def test_without_numba__torchs_own_operator_computes(how, warning):
    program = WITHOUT_NUMBA.replace("{how}", how)
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().split(" (")[0] == warning
    assert ("bncourse[fast]" in result.stdout) == bool(warning)


def test_warning_that_is_an_error__is_raised_once():
    code = """
import sys, torch
sys.modules["llvmlite"] = None
from bncourse.nn import functional
x = torch.eye(3)
try:
    functional.batch_norm(x, None, None, training=True)
except RuntimeWarning:
    print(functional.batch_norm(x, None, None, training=True).shape)
"""
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT,
        check=False,
    )  # fmt: skip
    assert said.stdout.strip() == "torch.Size([3, 3])", said.stderr


def test_import__does_not_load_numba():
    program = "import sys, bncourse.nn; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="F16C is of x86")
def test_float16__where_the_processor_does_not_convert_it_is_left_to_torch(tmp_path):
    code = """
import torch
from bncourse import nn
for dtype in (torch.float16, torch.bfloat16, torch.float32):
    x = torch.tensor([[-1.0], [1.0]], dtype=dtype)
    print(nn.engine(x), nn.functional.batch_norm(x, None, None, training=True).tolist())
"""
    generic = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": tmp_path}
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {name: str(value) for name, value in generic.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr[-2000:]
    lines = said.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["torch", "numba", "numba"]
    assert all("[[-1.0], [1.0]]" in line or "[[-0.99999" in line for line in lines)
