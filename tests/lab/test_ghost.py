import numpy as np
import pytest
import torch

from bncourse.lab.ghost import GhostBatchNorm
from bncourse.scratch import BatchNorm

SHAPES = [(12, 3), (12, 3, 5), (12, 3, 2, 4)]


@pytest.fixture(params=SHAPES, ids=str)
def x(request):
    rng = np.random.default_rng(0)
    # Each example has a mean of its own, so that chunks differ.
    return rng.normal(size=request.param) + rng.normal(size=(12, *[1] * (len(request.param) - 1)))


def layer(ghost):
    made = GhostBatchNorm(3, ghost)
    rng = np.random.default_rng(1)
    made.gamma[:], made.beta[:] = rng.normal(1, 0.5, 3), rng.normal(size=3)
    return made


@pytest.mark.equation("eq-ghost")
@pytest.mark.parametrize("ghost", [2, 3, 4, 12])
def test_ghost__is_torchs_batch_norm_of_each_chunk(x, ghost, close):
    made = layer(ghost)
    leaf = torch.tensor(x, requires_grad=True)
    norm = torch.nn.BatchNorm1d(3).double() if x.ndim < 4 else torch.nn.BatchNorm2d(3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor(made.gamma))
        norm.bias.copy_(torch.tensor(made.beta))
    y = torch.cat([norm(chunk) for chunk in leaf.split(ghost)])
    close(made.forward(x), y.detach().numpy())
    dy = np.random.default_rng(2).normal(size=x.shape)
    y.backward(torch.tensor(dy))
    close(made.backward(dy), leaf.grad.numpy())
    close(made.dgamma, norm.weight.grad.numpy())
    close(made.dbeta, norm.bias.grad.numpy())


@pytest.mark.equation("eq-ghost")
def test_running_averages__take_the_mean_of_the_chunks_statistics(x, close):
    made = layer(4)
    made.running_mean[:], made.running_var[:] = 5, 7
    made.forward(x)
    axes = (0, *range(2, x.ndim))
    chunks = x[:4], x[4:8], x[8:]
    mean = np.mean([chunk.mean(axis=axes) for chunk in chunks], axis=0)
    var = np.mean([chunk.var(axis=axes, ddof=1) for chunk in chunks], axis=0)
    close(made.running_mean, 0.9 * 5 + 0.1 * mean)
    close(made.running_var, 0.9 * 7 + 0.1 * var)


def test_cumulative_average__weighs_all_batches_alike(x, close):
    made = layer(4)
    made.momentum = None
    for part in (x, x + 1, x + 2):
        made.forward(part)
    axes = (0, *range(2, x.ndim))
    assert made.num_batches_tracked == 3
    close(made.running_mean, x.mean(axis=axes) + 1)


def test_eps__is_the_layers(x, close):
    made = layer(4)
    made.eps = 0.5
    y = made.forward(x)[:4]
    chunk = torch.nn.functional.batch_norm(
        torch.tensor(x[:4]), None, None, torch.tensor(made.gamma), torch.tensor(made.beta),
        training=True, eps=0.5,
    )  # fmt: skip
    close(y, chunk.numpy())


def test_ghosts_of_one_chunk_and_evaluation__are_batch_norm(x, close):
    made, plain = layer(12), BatchNorm(3)
    plain.load_state_dict(made.state_dict())
    for one in (made, plain):
        one.forward(x)
        one.eval()
    close(made.forward(x), plain.forward(x))
    dy = np.random.default_rng(2).normal(size=x.shape)
    close(made.backward(dy), plain.backward(dy))


@pytest.mark.parametrize("n", [0, 7])
def test_batch_that_chunks_do_not_fill__is_an_error(n):
    with pytest.raises(ValueError, match=f"want a multiple of 4 examples, got {n}"):
        layer(4).forward(np.ones((n, 3)))


def test_wrong_arguments__get_a_clear_error():
    with pytest.raises(ValueError, match="ghost: want at least 1, got 0"):
        GhostBatchNorm(3, 0)
    with pytest.raises(ValueError, match=r"x: want shape \(N, 3, ...\), got \(4, 2\)"):
        layer(4).forward(np.ones((4, 2)))
    made = layer(4)
    made.forward(np.random.default_rng(0).normal(size=(8, 3)))
    with pytest.raises(ValueError, match=r"dy: want shape \(8, 3\), got \(4, 3\)"):
        made.backward(np.ones((4, 3)))
