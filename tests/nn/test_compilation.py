"""torch.compile and torch.export, beside the same layers uncompiled."""

import pytest
import torch
from torch import nn

from bncourse.nn import BatchNorm1d, BatchNorm2d, convert, engine, functional

pytestmark = [
    # torch's own: Inductor, where it is first loaded, and the writer of exported programs.
    pytest.mark.filterwarnings("ignore:`torch.jit.*is deprecated"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
]


@pytest.fixture(autouse=True)
def fresh():
    """Forget what was compiled before, so that nothing counts as compiled anew too often."""
    torch.compiler.reset()


def network():
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 5),
        nn.BatchNorm1d(5),
    )
    return convert(nn.Sequential(*layers)).double()


def step(compiled, module, x):
    """Return y, all gradients and the state after a step forward and back."""
    leaf = x.clone().requires_grad_()
    y = compiled(leaf)
    module.zero_grad()
    y.backward(y.detach().cos())
    return y.detach(), leaf.grad, [p.grad for p in module.parameters()], module.state_dict()


@pytest.mark.parametrize("backend", ["inductor", "aot_eager"])
def test_compiled_network__trains_and_evaluates_as_uncompiled(backend):
    ours, other = network(), network()
    compiled = torch.compile(ours, fullgraph=True, backend=backend)
    x = torch.randn(6, 3, 4, 4, dtype=torch.float64)
    for training in (True, True, False):
        ours.train(training), other.train(training)
        torch.testing.assert_close(
            step(compiled, ours, x), step(other, other, x), rtol=1e-9, atol=1e-10
        )


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=str)
def test_compiled_function__updates_statistics_and_takes_other_batches(kind):
    compiled = torch.compile(
        functional.batch_norm, fullgraph=True, backend="aot_eager", dynamic=True
    )
    for n in (4, 6, 9):
        x = torch.randn(n, 3, 5).to(kind)
        results = []
        for batch_norm in (compiled, functional.batch_norm):
            running = torch.zeros(3), torch.ones(3)
            y = batch_norm(x, *running, torch.ones(3), torch.ones(3), training=True, momentum=0.3)
            results.append((y, *running))
        assert results[0][0].dtype == kind
        torch.testing.assert_close(*results)


def test_compiled_layer__is_compiled_as_torchs():
    x = 1e4 + torch.randn(50, 3)  # far enough from zero to tell them apart
    ours, theirs = (
        torch.compile(kind(3), fullgraph=True)(x) for kind in (BatchNorm1d, nn.BatchNorm1d)
    )
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, BatchNorm1d(3)(x))


def test_engine_within_a_compiled_function__is_torchs():
    named = torch.compile(lambda x: (x + 1, engine(x)), fullgraph=True, backend="eager")
    assert named(torch.ones(4, 3))[1] == "torch"


def test_compiled_layer__keeps_channels_last():
    layer = BatchNorm2d(3)
    x = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    y = torch.compile(layer, fullgraph=True, backend="aot_eager")(x)
    assert y.stride() == x.stride()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_exported_network__takes_batches_of_any_size(training, strict):
    ours, other = network().train(training), network().train(training)
    batch = torch.export.Dim("batch", min=2)
    x = torch.randn(6, 3, 4, 4, dtype=torch.float64)
    program = torch.export.export(ours, (x,), dynamic_shapes=({0: batch},), strict=strict)
    module = program.module()
    for n in (6, 3, 11):
        x = torch.randn(n, 3, 4, 4, dtype=torch.float64)
        torch.testing.assert_close(module(x), other(x), rtol=1e-10, atol=1e-10)
    # What evaluation does not use may be missing.
    state, expected = module.state_dict(), other.state_dict()
    assert "1.running_mean" in state
    expected = {name: expected[name] for name in state}
    torch.testing.assert_close(dict(state), expected, rtol=1e-10, atol=1e-10)


def test_exported_program__is_decomposed_and_saved(tmp_path):
    layer = BatchNorm2d(3).eval()
    x = torch.randn(2, 3, 4, 4)
    program = torch.export.export(layer, (x,)).run_decompositions()
    torch.export.save(program, tmp_path / "layer.pt2")
    loaded = torch.export.load(tmp_path / "layer.pt2")
    torch.testing.assert_close(loaded.module()(x), layer(x))
