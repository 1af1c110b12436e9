"""Tools that look for torch's layer or operator: which find it in ours, and which after revert."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.ao import quantization
from torch.ao.quantization import quantize_fx
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from bncourse.nn import BatchNorm2d, convert, revert

# torch deprecates its own quantization of modules, and says so in several ways.
pytestmark = pytest.mark.filterwarnings("ignore")

X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def network(*exchanges):
    """Return a small network in evaluation mode after some exchanges of its layers."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    net[1].running_mean.normal_()
    for exchange in exchanges:
        exchange(net)
    return net.eval()


def exported(net, strict=False):
    program = torch.export.export(net, (X,), strict=strict)
    return [str(node.target) for node in program.graph.nodes if node.op == "call_function"]


def dispatched(net):
    """Return the operators that a mode sees, as a counter of operations does."""

    class Recording(TorchDispatchMode):
        operators: tuple[str, ...] = ()

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.operators += (str(function),)
            return function(*args, **kwargs or {})

    with Recording() as mode:
        net(X)
    return mode.operators


def checkpointed(net):
    """Return the running mean after a step that saves the results of batch norm alone."""
    saved = (torch.ops.aten.native_batch_norm.default,)

    def policy(ctx, operator, *args, **kwargs):
        save = operator in saved
        return CheckpointPolicy.MUST_SAVE if save else CheckpointPolicy.PREFER_RECOMPUTE

    contexts = partial(create_selective_checkpoint_contexts, policy)
    x = X.clone().requires_grad_()
    y = checkpoint(net.train(), x, use_reentrant=False, context_fn=contexts)
    y.sum().backward()
    return net[1].running_mean


def frozen(net):
    graph = torch.jit.freeze(torch.jit.script(net)).graph
    return [node.kind() for node in graph.nodes() if node.kind() != "prim::Constant"]


SEE_OURS = {
    "torch.export": exported,
    "torch.export, strict": partial(exported, strict=True),
    "torch.export in training": lambda net: exported(net.train()),
    "dispatch mode": dispatched,
    "selective checkpoint": checkpointed,
    "fuse_conv_bn_eval": lambda net: fuse_conv_bn_eval(net[0], net[1])(X),
    "torch.jit.freeze": frozen,
    "update_bn": lambda net: (torch.optim.swa_utils.update_bn([X], net), net[1].running_mean)[1],
    "replace_all_batch_norm_modules_": lambda net: (
        torch.func.replace_all_batch_norm_modules_(net)[1].running_mean
    ),
}


@pytest.mark.parametrize("tool", SEE_OURS.values(), ids=list(SEE_OURS))
def test_tools_that_look_for_the_operator__find_it_in_ours(tool):
    expected, result = tool(network()), tool(network(convert))
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(result, expected)
    else:
        assert result == expected


def test_exported_program__has_torchs_one_operator():
    assert "aten.batch_norm.default" in exported(network(convert))


def quantized(net):
    net = nn.Sequential(quantization.QuantStub(), *net, quantization.DeQuantStub()).eval()
    net.qconfig = quantization.get_default_qconfig("x86")
    prepared = quantization.prepare(net)
    prepared(X)
    result = quantization.convert(prepared)
    result(X)
    return [type(layer).__name__ for layer in result]


def quantized_by_fx(net):
    mapping = quantization.get_default_qconfig_mapping("x86")
    graph = quantize_fx.convert_fx(quantize_fx.prepare_fx(net, mapping, (X,))).graph
    return [str(node.target) for node in graph.nodes if node.op == "call_module"]


def fused_by_fx(net):
    from torch.fx.experimental.optimization import fuse  # warns when it is imported

    return [node.target for node in fuse(net).graph.nodes if node.op == "call_module"]


LOOK_FOR_THE_CLASS = {
    "fuse_modules": lambda net: [
        type(layer).__name__ for layer in quantization.fuse_modules(net, ["0", "1", "2"])
    ],
    "torch.fx fuse": fused_by_fx,
    "quantization": quantized,
    "quantization by torch.fx": quantized_by_fx,
}


@pytest.mark.parametrize("tool", LOOK_FOR_THE_CLASS.values(), ids=list(LOOK_FOR_THE_CLASS))
def test_tools_that_look_for_torchs_class__want_revert_first(tool):
    expected = tool(network())
    # Should this begin to work without, the page need not send for revert any more.
    try:
        without = tool(network(convert))
    except (AssertionError, NotImplementedError):
        without = None
    assert without != expected
    assert tool(network(convert, revert)) == expected


def test_print__tells_our_layers_from_torchs():
    assert "(1): bncourse.nn.BatchNorm2d(4, " in repr(network(convert))
    assert "(1): BatchNorm2d(4, " in repr(network(convert, revert))


def test_symbolic_trace_of_a_lone_layer__is_refused_as_in_torch():
    errors = []
    for layer in (BatchNorm2d(4), nn.BatchNorm2d(4)):
        with pytest.raises(torch.fx.proxy.TraceError) as error:
            torch.fx.symbolic_trace(layer)
        errors.append(str(error.value))
    assert errors[0] == errors[1]


def test_profiler__names_the_layer():
    with torch.profiler.profile() as profile:
        network(convert)(X)
        network(convert).train()(X).sum().backward()
    names = [event.key for event in profile.key_averages()]
    assert "bncourse::batch_norm" in names
    assert "BncourseBatchNormBackward" in names


def test_anomaly_mode__names_the_layer():
    layer = convert(nn.BatchNorm2d(3))
    with torch.autograd.set_detect_anomaly(True):
        y = layer(X.clone().requires_grad_())
        with pytest.raises(RuntimeError, match="BncourseBatchNormBackward"):
            y.backward(torch.full_like(y, float("inf")))


def test_state__moves_between_networks_that_do_not_know_each_other(tmp_path):
    trained = network(convert)
    torch.save(trained.state_dict(), tmp_path / "state.pt")
    theirs = network()
    theirs.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    torch.testing.assert_close(theirs(X), trained(X))
