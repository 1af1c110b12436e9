"""bncourse.nn.functional.batch_norm beside torch.nn.functional.batch_norm."""

import inspect
import itertools
import re

import numpy as np
import pytest
import torch

from bncourse.nn import functional

FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
SHAPES = [(7, 5), (2, 3), (6, 1), (4, 3, 5), (1, 2, 2), (3, 5, 4, 3), (2, 3, 3, 2, 2), (2, 40, 2)]


def test_batch_norm__has_torchs_signature():
    def described(function):
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    assert described(functional.batch_norm) == described(torch.nn.functional.batch_norm)


@pytest.mark.parametrize("dtype", FLOATING, ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_gradients_and_statistics__are_torchs(
    engine, arguments, beside_torch, shape, training, dtype
):
    given, dy = arguments(shape, dtype)
    beside_torch(given | {"training": training, "momentum": 0.3, "eps": 1e-3}, dy)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("missing", [1, 2, 3, 4, 5, 6, 7])
def test_weight_bias_and_running_statistics__may_be_missing(
    engine, arguments, beside_torch, training, missing
):
    given, dy = arguments((4, 3, 2), torch.float32)
    groups = [("weight",), ("bias",), ("running_mean", "running_var")]
    for i, names in enumerate(groups):
        if missing >> i & 1:
            given |= dict.fromkeys(names)
    beside_torch(given | {"training": training}, dy)


def test_batch_norm__evaluates_by_default_with_torchs_momentum_and_eps(
    engine, arguments, beside_torch
):
    given, dy = arguments((4, 3, 2), std=1e-2)
    beside_torch(given, dy)
    beside_torch(given | {"training": True}, dy)


@pytest.mark.parametrize("momentum", [0.0, 1.0, 1.6, -0.4, 1, float("nan"), float("inf")])
def test_momentum__is_not_checked_as_in_torch(engine, arguments, beside_torch, momentum):
    given, dy = arguments((5, 3))
    beside_torch(given | {"training": True, "momentum": momentum}, dy)


def test_eps__may_be_zero_in_evaluation(engine, arguments, beside_torch):
    given, dy = arguments((5, 3))
    beside_torch(given | {"eps": 0.0}, dy)
    beside_torch(given | {"eps": 0}, dy)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtypes", list(itertools.product(FLOATING, repeat=3)), ids=str)
def test_mixed_dtypes__are_taken_or_refused_as_in_torch(
    engine, arguments, beside_torch, training, dtypes
):
    x_dtype, parameters, statistics = dtypes
    given, dy = arguments((4, 3, 2), x_dtype, parameters=parameters)
    given |= {name: given[name].to(statistics) for name in ("running_mean", "running_var")}
    beside_torch(given | {"training": training}, dy)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["weight", "bias", "running_mean", "running_var"])
@pytest.mark.parametrize("other", [torch.float32, torch.float64, torch.int64, torch.complex128])
def test_one_tensor_of_another_dtype__is_taken_or_refused_as_in_torch(
    engine, arguments, beside_torch, training, name, other
):
    for dtype in (torch.float32, torch.float16):
        given, dy = arguments((4, 3, 2), dtype)
        given[name] = given[name].detach().to(other)
        beside_torch(given | {"training": training}, dy)


def extreme(value, kind):
    """Return a batch, finite but for one value in one channel."""
    x = torch.arange(24.0, dtype=torch.float64).sin().reshape(4, 3, 2)
    x[2, 1, 0] = value
    return x.to(kind)


@pytest.mark.parametrize("kind", FLOATING, ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity__poison_their_own_channel_only(
    engine, beside_torch, arguments, value, training, kind
):
    given, dy = arguments((4, 3, 2), kind)
    given["input"] = extreme(value, kind).requires_grad_()
    result = beside_torch(given | {"training": training}, dy)
    assert result.tensors["y"].isfinite().all(dim=2).all(dim=0).tolist() == [True, False, True]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("name", ["weight", "bias", "running_mean", "running_var"])
def test_parameters_that_are_nan_infinite_or_zero__act_as_in_torch(
    engine, beside_torch, arguments, name, value, training
):
    if (name, value) == ("weight", float("inf")):
        pytest.skip("torch multiplies weight by the mean and gets NaN; ours gives infinities")
    given, dy = arguments((4, 3, 2))
    with torch.no_grad():
        given[name][1] = value
    beside_torch(given | {"training": training}, dy)


def strided(tensor):
    """Return the same numbers, apart from one another in memory."""
    return torch.stack([tensor.detach(), tensor.detach() + 9.0], dim=1)[:, 0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["weight", "bias", "running_mean", "running_var"])
def test_parameters_and_statistics__may_be_strided_views(
    engine, arguments, beside_torch, training, dtype, name
):
    given, dy = arguments((4, 3, 5), dtype)
    given[name] = strided(given[name]).requires_grad_(given[name].requires_grad)
    beside_torch(given | {"training": training}, dy)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_parameters__may_be_expanded(engine, arguments, beside_torch, training, name):
    given, dy = arguments((4, 3, 5))
    given[name] = torch.tensor([1.5], dtype=torch.float64).expand(3).requires_grad_()
    beside_torch(given | {"training": training}, dy)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["input", "weight", "bias", "running_mean", "running_var"])
def test_tensors__may_be_lazily_negated(engine, arguments, beside_torch, name, training):
    if training and name.startswith("running"):
        pytest.skip("torch writes the statistics of a negated view without their sign")
    given, dy = arguments((4, 3, 5))
    given[name] = torch._neg_view(-given[name].detach())
    beside_torch(given | {"training": training}, dy)


def test_statistics__may_share_their_memory_with_other_numbers(engine, arguments):
    given, _ = arguments((4, 3, 5))
    memory = torch.stack([given["running_mean"], given["running_var"], torch.zeros(3)], dim=1)
    given |= {"running_mean": memory[:, 0], "running_var": memory[:, 1], "training": True}
    functional.batch_norm(**given)
    assert memory[:, 2].tolist() == [0, 0, 0]


WRONG = {
    "weight's shape": {"weight": torch.ones(2)},
    "weight of one entry": {"weight": torch.ones(1)},
    "weight of two axes": {"weight": torch.ones(3, 1)},
    "bias's shape": {"bias": torch.zeros(4)},
    "bias of two axes": {"bias": torch.zeros(1, 3)},
    "running_mean's shape": {"running_mean": torch.zeros(1)},
    "running_var's shape": {"running_var": torch.ones(4)},
    "no running_mean": {"running_mean": None},
    "no running_var": {"running_var": None},
    "no statistics": {"running_mean": None, "running_var": None},
    "one axis": {"input": torch.ones(3)},
    "no axis": {"input": torch.tensor(1.0)},
    "one value a channel": {"input": torch.ones(1, 3)},
    "one location": {"input": torch.ones(1, 3, 1, 1)},
    "integers": {"input": torch.ones(4, 3, dtype=torch.int64)},
    "complex numbers": {"input": torch.ones(4, 3, dtype=torch.complex64)},
    "booleans": {"input": torch.ones(4, 3, dtype=torch.bool)},
    "eight bits": {"input": torch.ones(4, 3).to(torch.float8_e4m3fn)},
    "eight bits alone": {
        "input": torch.ones(4, 3).to(torch.float8_e4m3fn),
        **dict.fromkeys(("weight", "bias", "running_mean", "running_var")),
        "training": True,
    },
    "sparse": {"input": torch.eye(3).to_sparse()},
    "eps zero": {"eps": 0.0},
    "eps below zero": {"eps": -1e-5},
    "eps that is no number": {"eps": float("nan")},
    "eps of a tensor": {"eps": torch.tensor(0.1)},
    "eps of an array": {"eps": np.float64(0.1)},
    "eps None": {"eps": None},
    "eps a word": {"eps": "small"},
    "momentum None": {"momentum": None},
    "momentum a word": {"momentum": "much"},
    "momentum of a tensor": {"momentum": torch.tensor(0.1)},
    "momentum of an array": {"momentum": np.float32(0.1)},
    "momentum complex": {"momentum": 1j},
    "no input": {"input": None},
    "an array": {"input": np.ones((4, 3))},
    "a list": {"input": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]},
    "weight a list": {"weight": [1.0, 2.0, 3.0]},
    "weight an array": {"weight": np.ones(3, np.float32)},
    "bias a number": {"bias": 1.0},
    "running_mean a list": {"running_mean": [0.0, 0.0, 0.0]},
    "meta weight": {"weight": torch.ones(3, device="meta")},
    "meta running_var": {"running_var": torch.ones(3, device="meta")},
    "empty batch, weight's shape": {"input": torch.ones(0, 3), "weight": torch.ones(2)},
    "empty batch, running_var's shape": {"input": torch.ones(0, 3), "running_var": torch.ones(4)},
    "running_mean wants a gradient": {"running_mean": torch.zeros(3, requires_grad=True)},
    "running_var wants a gradient": {"running_var": torch.ones(3, requires_grad=True)},
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("wrong", list(WRONG.values()), ids=list(WRONG))
# torch's answer to a complex batch that it means to refuse.
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
def test_what_torch_refuses__is_refused_with_torchs_words(
    engine, arguments, beside_torch, training, wrong
):
    given, _ = arguments((4, 3), torch.float32)
    beside_torch(given | {"training": training} | wrong)


@pytest.mark.parametrize("training", [1, 0, None, "yes", torch.tensor(True)])
def test_training__is_taken_or_refused_as_in_torch(engine, arguments, beside_torch, training):
    given, _ = arguments((4, 3), torch.float32)
    beside_torch(given | {"training": training})


def test_errors__leave_the_statistics_as_they_were(engine, arguments):
    given, _ = arguments((4, 3))
    before = given["running_mean"].clone()
    with pytest.raises(RuntimeError, match=re.escape("weight should contain 3 elements")):
        functional.batch_norm(**given | {"weight": torch.ones(2), "training": True})
    assert torch.equal(given["running_mean"], before)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "shape", [(0, 3), (0, 3, 4), (2, 3, 0), (0, 3, 2, 2), (0, 0), (4, 0), (4, 0, 2)]
)
def test_empty_batches__are_as_in_torch(engine, arguments, beside_torch, shape, training):
    given, _ = arguments((4, max(shape[1], 1)), torch.float32)
    given = {name: tensor.detach()[: shape[1]] for name, tensor in given.items()}
    given["input"] = torch.ones(shape, requires_grad=True)
    given["weight"].requires_grad_(), given["bias"].requires_grad_()
    for without in ((), ("weight",), ("running_mean", "running_var")):
        case = given | dict.fromkeys(without) | {"training": training}
        ours = beside_torch(case, torch.ones(shape))
        for name in {"running_mean", "running_var"} - set(without):
            assert torch.equal(ours.tensors[name], given[name])


@pytest.mark.parametrize("training", [True, False])
def test_empty_tensor_of_one_axis__is_as_in_torch(engine, beside_torch, training):
    beside_torch(
        {"input": torch.ones(0), "running_mean": torch.ones(0), "running_var": torch.ones(0)}
        | {"training": training}
    )
