"""Batch norm whose tensors hang together: each way that a gradient takes counts once."""

import pytest
import torch
from torch.autograd import grad

from bncourse.nn import functional

TIES = {
    "weight made from x": lambda x, w: (x, x.mean((0, 2)) * w),
    "x made from the weight": lambda x, w: (x * w[:, None] + x**2, w),
    "both made from one": lambda x, w: (x * w[:, None], w * x.mean()),
}


def gradients(batch_norm, tie, training, create_graph):
    """Return the gradients of x and w, and if they have a graph, those of their squares."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(5, 3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    w = torch.rand(3, dtype=torch.float64, generator=draw, requires_grad=True)
    dy = torch.randn(5, 3, 4, dtype=torch.float64, generator=draw)
    running = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    y = batch_norm(*(TIES[tie](x, w)[:1]), *running, TIES[tie](x, w)[1], w, training)
    first = grad(y, (x, w), dy, create_graph=create_graph)
    second = grad(sum((g**2).sum() for g in first), (x, w)) if create_graph else ()
    return *first, *second


@pytest.mark.parametrize("create_graph", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("tie", TIES)
def test_tensors_that_hang_together__count_once(engine, tie, training, create_graph):
    ours = gradients(functional.batch_norm, tie, training, create_graph)
    theirs = gradients(torch.nn.functional.batch_norm, tie, training, create_graph)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("create_graph", [True, False])
def test_layer_that_is_used_twice__gets_both_gradients(engine, create_graph):
    def twice(batch_norm):
        draw = torch.Generator().manual_seed(1)
        x = torch.randn(6, 3, dtype=torch.float64, generator=draw)
        w = torch.rand(3, dtype=torch.float64, generator=draw, requires_grad=True)
        y = batch_norm(x, None, None, w, w, True)
        z = batch_norm(y**2, None, None, w, w, True)
        return grad((z**3).sum(), w, create_graph=create_graph)

    ours, theirs = twice(functional.batch_norm), twice(torch.nn.functional.batch_norm)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["weight", "dy"])
def test_zeros_without_memory__are_zeros(engine, name):
    x = torch.randn(4, 3, requires_grad=True)
    zeros = torch._efficientzerotensor((3,)) if name == "weight" else None
    y = functional.batch_norm(x, None, None, zeros, torch.ones(3), True)
    dy = torch._efficientzerotensor((4, 3)) if name == "dy" else torch.ones(4, 3)
    (dx,) = grad(y, x, dy)
    assert (dx == 0).all()
    if name == "weight":
        assert (y == 1).all()
