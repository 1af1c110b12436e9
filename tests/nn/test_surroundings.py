"""Modes, subclasses, threads and processes around batch norm, beside torch's."""

import io
import multiprocessing
import threading

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from bncourse.nn import BatchNorm1d, BatchNorm2d, convert, functional

BOTH = (functional.batch_norm, torch.nn.functional.batch_norm)


@pytest.fixture(params=[True, False], ids=["training", "evaluation"])
def training(request):
    return request.param


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast__keeps_the_inputs_dtype_as_in_torch(
    engine, arguments, beside_torch, training, dtype
):
    for kind, parameters in ((torch.float32, None), (dtype, torch.float32), (torch.float64, None)):
        given, dy = arguments((4, 3, 5), kind, parameters=parameters)
        with torch.autocast("cpu", dtype=dtype):
            beside_torch(given | {"training": training}, dy)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_network_under_autocast__gets_gradients_like_torchs(engine, dtype):
    results = []
    for exchange in (convert, lambda network: network):
        torch.manual_seed(0)
        network = exchange(
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
        )
        x = torch.randn(5, 3, 4, 4)
        with torch.autocast("cpu", dtype=dtype):
            y = network(x)
        y.float().pow(2).sum().backward()
        results.append([y.detach(), *(p.grad for p in network.parameters())])
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype
        scale = theirs.abs().max() + 1
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=2e-2)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_modes_of_gradients__are_as_in_torch(engine, arguments, beside_torch, training, mode):
    given, _ = arguments((4, 3, 5))
    with mode():
        beside_torch(given | {"training": training})
        y = functional.batch_norm(**given, training=training)
    assert y.requires_grad is (mode is torch.enable_grad)
    assert y.is_inference() is (mode is torch.inference_mode)


def test_layer_made_in_inference_mode__trains_and_evaluates_there(engine):
    with torch.inference_mode():
        layer = BatchNorm1d(3)
        for _ in range(2):
            layer(torch.eye(3))
        y = layer.eval()(torch.eye(3))
    assert layer.num_batches_tracked == 2
    assert y.is_inference()


def test_meta_device__gives_shape_and_dtype(training):
    layer = BatchNorm2d(3, device="meta").train(training)
    x = torch.ones(2, 3, 4, 4, device="meta", requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert (y.device.type, y.shape, x.grad.shape) == ("meta", x.shape, x.shape)


def test_fake_tensors__pass_through(training):
    with FakeTensorMode():
        layer = BatchNorm2d(3).train(training)
        x = torch.ones(2, 3, 4, 4, requires_grad=True)
        y = layer(x.to(memory_format=torch.channels_last))
        y.sum().backward()
    assert type(y).__name__ == "FakeTensor"
    assert y.stride() == (48, 1, 12, 3)
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx__traces_the_equations(arguments, training, mode):
    given, _ = arguments((4, 3, 5))
    given = {name: tensor.detach() for name, tensor in given.items()}

    def f(*tensors):
        return functional.batch_norm(*tensors, training=training)

    order = ("input", "running_mean", "running_var", "weight", "bias")
    graph = make_fx(f, tracing_mode=mode)(*(given[name].clone() for name in order))
    tensors, others = ([given[name] * 2 for name in order] for _ in range(2))
    torch.testing.assert_close(graph(*tensors), f(*others), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(tensors, others, rtol=1e-11, atol=1e-12)


def test_flop_counter__runs_and_counts_what_is_beside():
    network = convert(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    with FlopCounterMode(display=False) as counter:
        network(torch.ones(5, 3)).sum().backward()
    assert counter.get_total_flops() == 2 * 5 * 3 * 4 * 2


def test_default_device__moves_new_layers_and_leaves_others(engine):
    layer = BatchNorm1d(3)
    expected = layer(torch.eye(3))
    with torch.device("meta"):
        assert BatchNorm1d(3).weight.is_meta
    with torch.device("cpu"):
        torch.testing.assert_close(layer(torch.eye(3)), expected)


def test_function_mode__sees_one_call():
    class Recording(TorchFunctionMode):
        names = ()

        def __torch_function__(self, function, types, args=(), kwargs=None):
            self.names += (function.__name__,)
            return function(*args, **kwargs or {})

    recorded = []
    for batch_norm in BOTH:
        x = torch.eye(3)
        with Recording() as mode:
            batch_norm(x, None, None, training=True)
        recorded.append(mode.names[0])
    assert recorded == ["batch_norm"] * 2


class Named(torch.Tensor):
    """A subclass that overrides nothing."""


def test_plain_subclass__is_kept_as_in_torch(arguments, training):
    for name in ("input", "weight", "running_mean"):
        given, _ = arguments((4, 3, 5))
        given[name] = given[name].as_subclass(Named)
        ours, theirs = (f(**given | {"running_var": given["running_var"].clone()}) for f in BOTH)
        assert type(ours) is type(theirs) is Named
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["input", "weight", "bias", "running_mean", "running_var"])
def test_subclass_of_two_tensors__takes_part_wherever_it_comes(arguments, training, name):
    if training and name.startswith("running"):
        pytest.skip("torch makes y of the subclass, though no statistic enters it")
    given, _ = arguments((4, 3, 5))
    given = {key: tensor.detach() for key, tensor in given.items()}
    results = []
    for batch_norm in BOTH:
        copies = {key: tensor.clone() for key, tensor in given.items()}
        copies[name] = TwoTensor(copies[name], 2 * copies[name])
        if training:
            copies |= {"running_mean": None, "running_var": None}
        results.append(batch_norm(**copies, training=training))
    ours, theirs = results
    assert type(ours) is type(theirs)
    if isinstance(theirs, TwoTensor):
        ours, theirs = (ours.a, ours.b), (theirs.a, theirs.b)
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


# torch deprecates tracing, and says that a size becomes a constant, as in its own batch norm.
@pytest.mark.filterwarnings("ignore:`torch.jit.*is deprecated")
@pytest.mark.filterwarnings("ignore:Converting a tensor to a Python:torch.jit.TracerWarning")
def test_traced_layer__computes_and_counts(training):
    layer, other = BatchNorm2d(3).train(training), BatchNorm2d(3).train(training)
    x = torch.arange(96.0).sin().view(2, 3, 4, 4)
    traced = torch.jit.trace(layer, x, check_trace=False)
    layer.load_state_dict(other.state_dict())
    torch.testing.assert_close(traced(2 * x), other(2 * x))
    torch.testing.assert_close(layer.state_dict(), other.state_dict())


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_scripted_layer__computes_and_counts(training):
    layer, other = BatchNorm2d(3).train(training), BatchNorm2d(3).train(training)
    scripted = torch.jit.script(layer)
    x = torch.arange(96.0).sin().view(2, 3, 4, 4)
    torch.testing.assert_close(scripted(x), other(x))
    torch.testing.assert_close(scripted.state_dict(), other.state_dict())


def test_symbolic_trace__has_the_layer_as_a_leaf(training):
    network = nn.Sequential(nn.Conv2d(3, 3, 1), BatchNorm2d(3), nn.ReLU()).train(training)
    graph = torch.fx.symbolic_trace(network)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == [*"012"]
    assert network[1].num_batches_tracked == 0
    x = torch.arange(96.0).sin().view(2, 3, 4, 4)
    torch.testing.assert_close(graph(x), network(x))


def test_saved_state__is_loaded_with_weights_only():
    layer, file = BatchNorm1d(3), io.BytesIO()
    layer(torch.eye(3))
    torch.save(layer.state_dict(), file)
    file.seek(0)
    for kind in (BatchNorm1d, nn.BatchNorm1d):
        other = kind(3)
        other.load_state_dict(torch.load(file, weights_only=True))
        torch.testing.assert_close(other.running_mean, layer.running_mean)
        file.seek(0)


def large_step():
    """Take a layer forward and back over enough numbers for several threads."""
    x = torch.arange(32 * 4 * 40 * 40.0).sin().view(32, 4, 40, 40).requires_grad_()
    layer = BatchNorm2d(4)
    y = layer(x)
    y.backward(x.detach())
    return y.detach(), x.grad, layer.weight.grad, layer.running_var


@pytest.fixture
def two_threads():
    """Let torch have two threads for a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_several_threads__compute_at_once(engine, two_threads):
    expected, results = large_step(), []

    def work():
        torch.set_num_threads(2)
        results.extend(large_step() for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 20
    for result in results:
        torch.testing.assert_close(result, expected, rtol=1e-6, atol=1e-6)


class Steps(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return large_step()[2]


# Python says that forking a process of many threads may lock; that is what is tried here.
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_forked_workers__compute(engine, two_threads):
    expected = large_step()[2]
    loader = DataLoader(Steps(), num_workers=2, multiprocessing_context="fork", timeout=60)
    for result in loader:
        torch.testing.assert_close(result[0], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_forked_child__computes_though_its_threads_stayed_behind(two_threads):
    x = large_step()[0]
    before = functional.batch_norm(x, None, None, training=True)

    def work():  # with nothing beside that torch would share among threads
        for _ in range(3):
            functional.batch_norm(x, None, None, training=True)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(30)
    alive = child.is_alive()
    child.kill()
    assert not alive
    assert child.exitcode == 0
    assert torch.equal(functional.batch_norm(x, None, None, training=True), before)


def test_layers__are_instances_of_torchs_classes():
    assert isinstance(BatchNorm2d(3), nn.modules.batchnorm._BatchNorm)
    assert isinstance(BatchNorm2d(3), nn.BatchNorm2d)
