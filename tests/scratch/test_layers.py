"""The small layers, each against torch's in float64."""

import numpy as np
import pytest
import torch

from bncourse.scratch import (
    BatchNorm,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    batch_norm_forward,
    to_rows,
)

CONVOLUTIONS = {
    "plain": ({}, (5, 6)),
    "stride 2": ({"stride": 2}, (6, 7)),
    "padding 1": ({"padding": 1}, (4, 3)),
    "stride 3, padding 2": ({"stride": 3, "padding": 2}, (7, 5)),
    "stride beyond the kernel": ({"kernel_size": 2, "stride": 3}, (8, 7)),
    "image smaller than the kernel": ({"padding": 1}, (1, 2)),
    "one by one": ({"kernel_size": 1}, (2, 3)),
    "even kernel": ({"kernel_size": 4, "padding": 1, "stride": 2}, (6, 5)),
    "kernel of the image's size": ({"kernel_size": 3}, (3, 3)),
}


def give_values(ours, theirs):
    """Give torch's layer the parameters of ours."""
    for (value, _), parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
        parameter.data = torch.tensor(value)


def assert_same_passes(ours, theirs, x, close):
    """Take both forward and backward twice, and hold all results and gradients together."""
    rng = np.random.default_rng(1)
    for factor in (1.0, -0.7):
        xt = torch.tensor(factor * x, requires_grad=True)
        yt = theirs(xt)
        y = ours.forward(factor * x)
        assert y.flags.c_contiguous
        close(y, yt.detach())
        dy = rng.standard_normal(y.shape)
        theirs.zero_grad()
        yt.backward(torch.tensor(dy))
        close(ours.backward(dy), xt.grad)
        gradients = [parameter.grad for parameter in theirs.parameters()]
        for (_, ours_grad), grad in zip(ours.parameters(), gradients, strict=True):
            close(ours_grad, grad)


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((4, 3))


@pytest.mark.parametrize("bias", [True, False])
def test_linear__agrees_with_torch(x, rng, close, bias):
    theirs = torch.nn.Linear(3, 5, bias=bias, dtype=torch.float64)
    ours = Linear(3, 5, bias=bias, rng=rng)
    assert ours.weight.shape == tuple(theirs.weight.shape)
    give_values(ours, theirs)
    assert_same_passes(ours, theirs, x, close)
    assert (ours.dbias is not None) is bias


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("settings", "size"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_conv2d__agrees_with_torch(rng, close, settings, size, bias):
    settings = {"kernel_size": 3, "bias": bias} | settings
    theirs = torch.nn.Conv2d(2, 5, dtype=torch.float64, **settings)
    ours = Conv2d(2, 5, **settings, rng=rng)
    assert ours.weight.shape == tuple(theirs.weight.shape)
    give_values(ours, theirs)
    x = np.random.default_rng(0).standard_normal((3, 2, *size))
    assert_same_passes(ours, theirs, x, close)
    assert (ours.dbias is not None) is bias


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Sigmoid, torch.nn.Sigmoid), (ReLU, torch.nn.ReLU), (Flatten, torch.nn.Flatten)],
)
def test_layers_without_parameters__agree_with_torch(close, ours, theirs):
    x = np.random.default_rng(0).standard_normal((4, 3, 2, 2))
    assert ours().parameters() == []
    assert_same_passes(ours(), theirs(), x, close)


def test_sigmoid__is_right_far_from_zero(close):
    x = np.array([-800.0, -40.0, 40.0, 800.0])
    y = Sigmoid().forward(x)
    np.testing.assert_allclose(y[1], np.exp(-40.0), rtol=1e-14)
    np.testing.assert_array_equal(y[[0, 2, 3]], [0.0, 1.0, 1.0])


def test_relu__has_slope_zero_at_zero_and_lets_nan_through():
    layer = ReLU()
    np.testing.assert_array_equal(layer.forward(np.array([0.0, -0.0, np.nan])), [0, 0, np.nan])
    np.testing.assert_array_equal(layer.backward(np.array([5.0, 5.0, 5.0]))[:2], [0, 0])
    layer.forward(np.array([-1.0, 1.0]))
    np.testing.assert_array_equal(layer.backward(np.array([np.inf, np.inf])), [0, np.inf])


LAYERS = {
    "Linear": (lambda rng: Linear(3, 2, rng=rng), (4, 3)),
    "Conv2d": (lambda rng: Conv2d(3, 2, 2, stride=2, padding=1, rng=rng), (4, 3, 4, 5)),
    "Sigmoid": (lambda rng: Sigmoid(), (4, 3)),
    "ReLU": (lambda rng: ReLU(), (4, 3)),
    "Flatten": (lambda rng: Flatten(), (4, 3, 2)),
    "BatchNorm": (lambda rng: BatchNorm(3), (4, 3)),
    "Sequential": (lambda rng: Sequential(ReLU(), Linear(3, 2, rng=rng)), (4, 3)),
}


@pytest.fixture(params=LAYERS)
def layer_and_x(request, rng):
    """Each layer with a batch for it."""
    make, shape = LAYERS[request.param]
    return make(rng), rng.standard_normal(shape)


def test_layers__keep_the_dtype_and_have_float64_gradients(layer_and_x, dtype):
    layer, x = layer_and_x
    x = x.astype(dtype)
    y = layer.forward(x)
    for dy_dtype in (dtype, np.float64):
        dx = layer.backward(np.ones(y.shape, dy_dtype))
        assert y.dtype == dtype
        assert dx.dtype == (dy_dtype if isinstance(layer, Flatten) else dtype)
        assert dx.shape == x.shape
        for value, grad in layer.parameters():
            assert value.dtype == grad.dtype == np.float64
            assert value.shape == grad.shape


def test_layers__modify_no_input_and_forget_what_happens_to_it(layer_and_x):
    layer, x = layer_and_x
    x.flags.writeable = False
    y = layer.forward(x)
    dy = np.random.default_rng(5).standard_normal(y.shape)
    dy.flags.writeable = False
    dx = layer.backward(dy).copy()
    grads = [grad.copy() for _, grad in layer.parameters()]

    changing = x.copy()
    y = layer.forward(changing)
    if not np.shares_memory(y, changing):
        y += 1.0
    changing += 1.0
    np.testing.assert_array_equal(layer.backward(dy), dx)
    for (_, grad), expected in zip(layer.parameters(), grads, strict=True):
        np.testing.assert_array_equal(grad, expected)


def test_layers__do_not_depend_on_the_layout_in_memory(layer_and_x, close):
    layer, x = layer_and_x
    y = layer.forward(x)
    dx = layer.backward(np.cos(y))
    close(layer.forward(np.asfortranarray(x)), y)
    np.testing.assert_allclose(layer.backward(np.asfortranarray(np.cos(y))), dx, atol=1e-12)


def test_layers__take_an_empty_batch(layer_and_x):
    layer, x = layer_and_x
    y = layer.forward(x[:0])
    assert len(y) == 0
    dx = layer.backward(y)
    assert dx.shape == x[:0].shape
    for _, grad in layer.parameters():
        np.testing.assert_array_equal(grad, np.zeros(grad.shape))


def test_layers__want_a_forward_before_a_backward(layer_and_x):
    layer, _ = layer_and_x
    with pytest.raises(RuntimeError, match="backward: want a call of forward before it, got none"):
        layer.backward(np.ones((4, 2)))


def test_layers__want_a_gradient_that_fits(layer_and_x):
    layer, x = layer_and_x
    y = layer.forward(x)
    with pytest.raises(ValueError, match=r"dy: want shape \(4,.*\), got \(1,.*\)"):
        layer.backward(y[:1])
    with pytest.raises(ValueError, match="dy: want shape"):
        layer.backward(np.moveaxis(y, 0, -1))
    with pytest.raises(TypeError, match="dy: want a floating dtype, got int64"):
        layer.backward(np.ones(y.shape, np.int64))


def test_layers__want_a_floating_dtype(layer_and_x):
    layer, x = layer_and_x
    with pytest.raises(TypeError, match="x: want a floating dtype, got int64"):
        layer.forward(np.ones(x.shape, np.int64))


@pytest.mark.parametrize(
    ("make", "shape", "want"),
    [
        (lambda: Linear(3, 2), (4, 2), r"x: want shape \(N, 3\), got \(4, 2\)"),
        (lambda: Linear(3, 2), (3,), r"x: want shape \(N, 3\), got \(3,\)"),
        (lambda: Linear(3, 2), (2, 4, 3), r"x: want shape \(N, 3\), got \(2, 4, 3\)"),
        (lambda: Conv2d(3, 2, 3), (4, 2, 5, 5), r"\(N, 3, H, W\).*, got \(4, 2, 5, 5\)"),
        (lambda: Conv2d(3, 2, 3), (4, 3, 5), r"\(N, 3, H, W\).*, got \(4, 3, 5\)"),
        (lambda: Conv2d(3, 2, 3), (4, 3, 5, 2), r"than the kernel, got \(4, 3, 5, 2\)"),
        (lambda: Conv2d(3, 2, 5, padding=1), (4, 3, 2, 5), "no smaller than the kernel"),
    ],
)
def test_layers__want_a_batch_that_fits(make, shape, want):
    with pytest.raises(ValueError, match=want):
        make().forward(np.ones(shape))


def test_layers__sum_narrow_gradients_in_float64():
    # 4097 is no float16.
    dy = np.ones((4097, 1), np.float16)
    linear = Linear(1, 1)
    linear.forward(dy)
    linear.backward(dy)
    assert linear.dbias == 4097
    assert linear.dweight == 4097
    convolution = Conv2d(1, 1, 1)
    images = dy.reshape(17, 1, 241, 1)
    convolution.forward(images)
    convolution.backward(images)
    assert convolution.dbias == 4097
    assert convolution.dweight == 4097


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (lambda rng: Linear(16, 500, rng=rng), 1 / 4),
        (lambda rng: Conv2d(4, 500, 3, rng=rng), 1 / 6),
    ],
    ids=["Linear", "Conv2d"],
)
def test_parameters__are_drawn_as_torch_draws_them(make, bound):
    layer = make(np.random.default_rng(0))
    for array in (layer.weight, layer.bias):
        # Uniform on (-bound, bound): all of it is used, nothing beyond.
        assert 0.98 * bound < array.max() < bound
        assert 0.98 * bound < -array.min() < bound
        assert np.abs(array).mean() == pytest.approx(bound / 2, rel=0.1)
    np.testing.assert_array_equal(make(np.random.default_rng(0)).weight, layer.weight)
    assert (make(np.random.default_rng(1)).weight != layer.weight).any()
    assert (make(None).weight != make(None).weight).any()


def test_sequential__hands_on_in_order_and_back_in_reverse(x, rng, close):
    first, second = Linear(3, 4, rng=rng), Linear(4, 2, bias=False, rng=rng)
    network = Sequential(first, Sigmoid(), second)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Sigmoid(), torch.nn.Linear(4, 2, bias=False)
    ).double()
    give_values(network, theirs)
    assert_same_passes(network, theirs, x, close)
    values = [value for value, _ in network.parameters()]
    assert [id(value) for value in values] == [
        id(value) for value in (first.weight, first.bias, second.weight)
    ]


def test_sequential__sets_the_mode_of_all_its_layers():
    inner = BatchNorm(3)
    network = Sequential(Linear(3, 3), Sequential(inner))
    assert network.eval() is network
    assert not network.training
    assert not inner.training
    assert network.train() is network
    assert network.training
    assert inner.training


def test_sequential_of_nothing__hands_on_what_is_floating(x):
    network = Sequential()
    np.testing.assert_array_equal(network.forward(x), x)
    np.testing.assert_array_equal(network.backward(x), x)
    with pytest.raises(TypeError, match="x: want a floating dtype, got int64"):
        network.forward(np.ones(1, np.int64))
    with pytest.raises(TypeError, match="dy: want a floating dtype, got int64"):
        network.backward(np.ones(1, np.int64))


def test_layer__is_only_a_protocol():
    layer = Layer()
    assert layer.parameters() == []
    assert layer.training
    with pytest.raises(NotImplementedError):
        layer.forward(np.ones(1))
    with pytest.raises(NotImplementedError):
        layer.backward(np.ones(1))


@pytest.mark.equation("eq-rows")
@pytest.mark.statement("S2")
def test_batch_norm_of_images__is_that_of_their_rows(problem, close):
    p = problem((3, 5, 4, 2))
    rows = to_rows(p.x)
    y, _ = batch_norm_forward(p.x, p.gamma, p.beta)
    y_rows, _ = batch_norm_forward(rows, p.gamma, p.beta)
    close(to_rows(y), y_rows)


@pytest.mark.equation("eq-rows")
def test_convolution_by_one__is_the_linear_map_of_the_rows(problem, rng, close):
    x = problem((3, 5, 4, 2)).x
    convolution, linear = Conv2d(5, 2, 1, rng=rng), Linear(5, 2)
    linear.weight[...], linear.bias[...] = convolution.weight[:, :, 0, 0], convolution.bias
    close(to_rows(convolution.forward(x)), linear.forward(to_rows(x)))


def test_sequential__wants_layers_and_each_once():
    layer = Linear(2, 2)
    with pytest.raises(ValueError, match="layers: want each layer once"):
        Sequential(layer, ReLU(), layer)
    with pytest.raises(TypeError, match="layers: want layers, got"):
        Sequential(ReLU)
    with pytest.raises(TypeError, match="layers: want layers, got"):
        Sequential([ReLU()])
