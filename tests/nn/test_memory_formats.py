"""How results lie in memory, beside torch's, and inputs that lie in it in other ways."""

from itertools import product

import pytest
import torch

from bncourse.nn import functional

RANKS = {3: (4, 3, 5), 4: (4, 3, 5, 2), 5: (2, 3, 2, 3, 2)}
LAYOUTS = {
    "contiguous": lambda x: x,
    "channels_last": lambda x: x.to(memory_format=torch.channels_last),
    "channels_last_3d": lambda x: x.to(memory_format=torch.channels_last_3d),
    "every other sample": lambda x: x.repeat_interleave(2, 0)[::2],
    "every other location": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "some channels": lambda x: torch.cat([x, x], 1)[:, :3],
    "some channels of channels_last": lambda x: torch.cat([x, x], 1).to(
        memory_format=torch.channels_last
    )[:, :3],
    "transposed locations": lambda x: x.transpose(-1, -2).contiguous().transpose(-1, -2),
    "samples last": lambda x: x.movedim(0, -1).contiguous().movedim(-1, 0),
    "channels first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "channels before the last": lambda x: x.movedim(1, -2).contiguous().movedim(-2, 1),
    "channels last of three axes": lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1),
    "expanded samples": lambda x: x[:1].expand(x.shape),
    "expanded locations": lambda x: x[..., :1].expand(x.shape),
    "expanded channels": lambda x: x[:, :1].expand(x.shape),
    "offset": lambda x: torch.cat([torch.ones(1, dtype=x.dtype), x.reshape(-1)])[1:].view(x.shape),
    "overlapping": lambda x: x.reshape(-1).as_strided(x.shape, (2, *[1] * (x.ndim - 1))),
    "of a gap": lambda x: torch.nn.functional.pad(x, (0, 3))[..., : x.shape[-1]],
}  # fmt: skip
FOR = {"channels_last": (4,), "channels_last_3d": (5,), "some channels of channels_last": (4,)}
CASES = [
    (layout, shape)
    for layout in LAYOUTS
    for rank, shape in RANKS.items()
    if rank in FOR.get(layout, RANKS)
]
ONES = [
    (4, 1, 3, 2), (1, 3, 4, 2), (4, 3, 1, 1), (4, 1, 1, 1), (1, 3, 1, 5), (4, 3, 5, 1), (4, 1, 5),
    (4, 3, 1), (1, 3, 5), (4, 1), (2, 1, 1, 1, 3), (2, 3, 1, 1, 1), (1, 1, 2, 2, 2),
]  # fmt: skip
TWO_AXES = {
    "transposed": lambda x: x.t().contiguous().t(),
    "every other channel": lambda x: x.repeat_interleave(2, 1)[:, ::2],
    "every other sample": lambda x: x.repeat_interleave(2, 0)[::2],
    "expanded samples": lambda x: x[:1].expand(x.shape),
    "expanded channels": lambda x: x[:, :1].expand(x.shape),
}


@pytest.fixture(params=[True, False], ids=["training", "evaluation"])
def training(request):
    return request.param


def laid_out(tensor, layout):
    return layout(tensor.detach()).requires_grad_(tensor.requires_grad)


@pytest.mark.parametrize(("layout", "shape"), CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_results__lie_in_memory_as_torchs(
    engine, arguments, beside_torch, training, layout, shape, dtype
):
    given, dy = arguments(shape, dtype)
    given["input"] = laid_out(given["input"], LAYOUTS[layout])
    beside_torch(given | {"training": training}, dy)


@pytest.mark.parametrize("layout", TWO_AXES.values(), ids=list(TWO_AXES))
def test_results_of_two_axes__lie_in_memory_as_torchs(
    engine, arguments, beside_torch, training, layout
):
    if training and layout is TWO_AXES["expanded samples"]:
        pytest.skip("without any variance all is rounding")
    given, dy = arguments((6, 4))
    given["input"] = laid_out(given["input"], layout)
    beside_torch(given | {"training": training}, layout(dy))


@pytest.mark.parametrize("shape", ONES, ids=str)
def test_axes_of_one__lie_in_memory_as_torchs(engine, arguments, beside_torch, training, shape):
    given, dy = arguments(shape)
    layouts = [LAYOUTS["contiguous"], LAYOUTS["channels first"]]
    if len(shape) in (4, 5):
        layouts.append(LAYOUTS["channels_last" if len(shape) == 4 else "channels_last_3d"])
    for layout in layouts:
        case = given | {"input": laid_out(given["input"], layout)}
        beside_torch(case | {"training": training}, dy)


@pytest.mark.parametrize("of_dy", list(LAYOUTS))
@pytest.mark.parametrize("of_x", ["contiguous", "channels_last"])
def test_dy__may_lie_in_memory_in_any_way(engine, arguments, beside_torch, training, of_x, of_dy):
    if of_dy == "channels_last_3d":
        pytest.skip("of five axes")
    given, dy = arguments(RANKS[4], torch.float32)
    given["input"] = laid_out(given["input"], LAYOUTS[of_x])
    beside_torch(given | {"training": training}, LAYOUTS[of_dy](dy))


@pytest.mark.parametrize("of_x", ["contiguous", "channels_last", "channels first"])
def test_dy_of_a_sum__is_one_number_expanded(engine, arguments, training, of_x):
    given, _ = arguments(RANKS[4])
    given["input"] = laid_out(given["input"], LAYOUTS[of_x])
    results = []
    for batch_norm in (functional.batch_norm, torch.nn.functional.batch_norm):
        y = batch_norm(**given, training=training)
        inputs = (given["input"], given["weight"], given["bias"])
        results.append(torch.autograd.grad(y.sum(), inputs))
    torch.testing.assert_close(*results, rtol=1e-11, atol=1e-12)
    if engine == "numba":  # torch's operations let dy decide
        assert results[0][0].stride() == results[1][0].stride()


@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "channels last of three axes"])
@pytest.mark.parametrize("shape", list(product((1, 2), (1, 3), (1, 2), (1, 4))), ids=str)
def test_strides_of_axes_of_one__are_torchs_too(shape, layout, training):
    x = LAYOUTS[layout](torch.randn(shape)).requires_grad_()
    if training and x.numel() == shape[1]:
        pytest.skip("one value in a channel")
    strides = []
    for batch_norm in (functional.batch_norm, torch.nn.functional.batch_norm):
        running = torch.zeros(shape[1]), torch.ones(shape[1])
        y = batch_norm(x, *running, training=training)
        (dx,) = torch.autograd.grad(y, x, torch.ones_like(y))
        strides.append((y.stride(), dx.stride()))
    assert strides[0] == strides[1]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(0, 3, 2, 2), (2, 3, 0, 2), (2, 0, 2, 2)], ids=str)
def test_empty_batches__lie_in_memory_as_torchs(
    engine, beside_torch, training, memory_format, shape
):
    given = {
        "input": torch.empty(shape).to(memory_format=memory_format).requires_grad_(),
        "running_mean": torch.zeros(shape[1]),
        "running_var": torch.ones(shape[1]),
        "weight": torch.ones(shape[1], requires_grad=True),
        "bias": torch.ones(shape[1], requires_grad=True),
    }
    beside_torch(given | {"training": training}, torch.empty(shape))


def test_input__is_left_as_it_was(engine, arguments, training):
    for layout in ("contiguous", "channels_last", "every other location"):
        given, dy = arguments(RANKS[4])
        x = laid_out(given["input"], LAYOUTS[layout])
        before, dy_before = x.detach().clone(), dy.clone()
        y = functional.batch_norm(**given | {"input": x}, training=training)
        y.backward(dy)
        assert torch.equal(x, before)
        assert torch.equal(dy, dy_before)
        assert y.data_ptr() != x.data_ptr()
