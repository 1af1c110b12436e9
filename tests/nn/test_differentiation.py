"""Derivatives of every order and in every mode, beside torch's."""

import warnings

import pytest
import torch
from torch.autograd import forward_ad, grad, gradcheck, gradgradcheck
from torch.utils.checkpoint import checkpoint

from bncourse.nn import BatchNorm1d, functional

pytestmark = [
    # torch's own, when it first needs a formula of forward mode that it keeps as a script.
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated"),
    # torch's own, from linearize of any function.
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node"),
]

NAMES = ("input", "weight", "bias")


@pytest.fixture(params=[True, False], ids=["training", "evaluation"])
def training(request):
    return request.param


@pytest.fixture
def small(arguments):
    """Return a small batch in float64 with its parameters and statistics, and dy."""
    return arguments((3, 2, 2), mean=0.5, std=1.2)


def of(given, training, names=NAMES, batch_norm=functional.batch_norm):
    """Return batch norm as a function of some tensors, with statistics of its own, and those."""

    def function(*tensors):
        running = {name: given[name].clone() for name in ("running_mean", "running_var")}
        rest = given | running | dict(zip(names, tensors, strict=True))
        return batch_norm(**rest, training=training, eps=1e-3)

    return function, tuple(given[name] for name in names)


def both(given, training, names=NAMES):
    """Return ours and torch's as functions of some tensors, and those."""
    ours, tensors = of(given, training, names)
    theirs, _ = of(given, training, names, torch.nn.functional.batch_norm)
    return ours, theirs, tensors


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


def test_gradients__pass_torchs_checks(engine, small, training):
    function, tensors = of(small[0], training)
    assert gradcheck(
        function, tensors, check_batched_grad=True, check_forward_ad=True,
        check_batched_forward_grad=True, check_undefined_grad=True,
    )  # fmt: skip


def test_second_gradients__pass_torchs_checks(engine, small, training):
    function, tensors = of(small[0], training)
    assert gradgradcheck(
        function, tensors, check_batched_grad=True, check_fwd_over_rev=True, check_rev_over_rev=True
    )


@pytest.mark.parametrize("missing", [("weight",), ("bias",), ("weight", "bias")], ids=str)
def test_gradients_without_weight_or_bias__pass_torchs_checks(engine, small, training, missing):
    given = small[0] | dict.fromkeys(missing)
    names = [name for name in NAMES if name not in missing]
    function, tensors = of(given, training, names)
    assert gradcheck(function, tensors, check_forward_ad=True)
    assert gradgradcheck(function, tensors)


@pytest.mark.parametrize("wanted", [*NAMES, ("input", "bias"), ("weight", "bias")], ids=str)
def test_some_tensors_alone__may_want_gradients(engine, arguments, beside_torch, training, wanted):
    given, dy = arguments((4, 3, 5))
    for name in NAMES:
        given[name].requires_grad_(name in wanted)
    result = beside_torch(given | {"training": training}, dy)
    got = {"input": "dx", "weight": "dgamma", "bias": "dbeta"}
    assert {name for name in NAMES if got[name] in result.tensors} == {
        n for n in NAMES if n in wanted
    }


def test_nothing_that_wants_gradients__gives_a_result_without_history(engine, small, training):
    given = {name: tensor.detach() for name, tensor in small[0].items()}
    y = functional.batch_norm(**given, training=training)
    assert y.grad_fn is None
    assert not y.requires_grad


def textbook(x, mean, var, weight, bias):
    """Return batch norm of x, shape (N, C, L), by the formula; mean None: of the batch."""
    if mean is None:
        mean = x.mean((0, 2))
        var = ((x - mean[:, None]) ** 2).mean((0, 2))
    return weight[:, None] * (x - mean[:, None]) / (var[:, None] + 1e-3).sqrt() + bias[:, None]


def test_third_gradients__are_those_of_the_formula(engine, small, training):
    # Not beside torch: in training its third gradients take the statistics for constants.
    given, _ = small
    ours, tensors = of(given, training)
    x, weight, bias = tensors
    running = (None, None) if training else (given["running_mean"], given["running_var"])
    results = []
    for y in (ours(*tensors), textbook(x, *running, weight, bias)):
        value = y.sin().sum()
        for _ in range(2):
            (first,) = grad(value, x, create_graph=True)
            value = first.sin().sum()
        results.append(grad(value, (x, weight, bias)))
    assert_same(*results)


def test_gradient_of_dy__is_torchs(engine, small, training):
    given, dy = small
    ours, theirs, tensors = both(given, training)
    v = torch.linspace(-1, 1, dy.numel(), dtype=dy.dtype).view_as(dy)
    results = []
    for function in (ours, theirs):
        leaf = dy.clone().requires_grad_()
        gradients = grad(function(*tensors), tensors, leaf, create_graph=True)
        results.append(grad(gradients, (*tensors[:2], leaf), (v, v[0, :, 0], v[1, :, 1])))
    assert_same(*results)


def test_batched_dy__gives_torchs_gradients(engine, small, training):
    given, dy = small
    ours, theirs, tensors = both(given, training)
    many = torch.stack([dy, 2 * dy, dy**2])
    results = [grad(f(*tensors), tensors, many, is_grads_batched=True) for f in (ours, theirs)]
    assert_same(*results)


def test_forward_mode__is_torchs_for_each_tensor(engine, small, training):
    ours, theirs, tensors = both(small[0], training)
    for which in range(3):
        results = []
        for function in (ours, theirs):
            with forward_ad.dual_level():
                duals = list(tensors)
                duals[which] = forward_ad.make_dual(duals[which], duals[which].detach().sin())
                results.append(forward_ad.unpack_dual(function(*duals)))
        assert_same(results[0].tangent, results[1].tangent)
        assert_same(results[0].primal, results[1].primal)


def test_tangent_of_dy__passes_through_a_graph_made_before(engine, small, training):
    given, dy = small
    ours, theirs, tensors = both(given, training)
    results = []
    for function in (ours, theirs):
        y = function(*tensors)
        with forward_ad.dual_level():
            gradients = grad(y, tensors, forward_ad.make_dual(dy, dy.cos()))
            results.append([forward_ad.unpack_dual(g).tangent for g in gradients])
    assert_same(*results)


TRANSFORMS = {
    "grad": lambda f, x: torch.func.grad(lambda x: f(x).pow(3).sum())(x),
    "grad of grad": lambda f, x: torch.func.grad(
        lambda x: torch.func.grad(lambda x: f(x).pow(3).sum())(x).pow(2).sum()
    )(x),
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x.sin(),)),
    "vjp": lambda f, x: torch.func.vjp(f, x)[1](f(x).sin()),
    "jacrev": lambda f, x: torch.func.jacrev(f)(x),
    "jacfwd": lambda f, x: torch.func.jacfwd(f)(x),
    "hessian": lambda f, x: torch.func.hessian(lambda x: f(x).pow(3).sum())(x),
    "vmap": lambda f, x: torch.func.vmap(f)(torch.stack([x, x.sin()])),
    "vmap of grad": lambda f, x: torch.func.vmap(torch.func.grad(lambda x: f(x).pow(3).sum()))(
        torch.stack([x, x.sin()])
    ),
    "linearize": lambda f, x: torch.func.linearize(f, x)[1](x.sin()),
    "functionalize": lambda f, x: torch.func.functionalize(f)(x),
}


@pytest.mark.parametrize("which", [0, 1, 2], ids=NAMES)
@pytest.mark.parametrize("transform", list(TRANSFORMS.values()), ids=list(TRANSFORMS))
def test_transforms_of_functions__give_what_torchs_give(engine, small, training, transform, which):
    results = []
    for batch_norm in (functional.batch_norm, torch.nn.functional.batch_norm):
        given = {name: tensor.detach() for name, tensor in small[0].items()}
        if training:  # a batch of batches would need as many statistics
            given |= {"running_mean": None, "running_var": None}

        def function(tensor, given=given, batch_norm=batch_norm):
            return batch_norm(**given | {NAMES[which]: tensor}, training=training)

        results.append(transform(function, given[NAMES[which]]))
    assert_same(*results)


def test_vmap__updates_as_many_statistics_as_there_are_batches(engine, small):
    given = {name: tensor.detach() for name, tensor in small[0].items()}
    x = torch.stack([given["input"], given["input"].sin()])
    results = []
    for batch_norm in (functional.batch_norm, torch.nn.functional.batch_norm):
        mean, var = torch.zeros(2, 2).double(), torch.ones(2, 2).double()
        y = torch.func.vmap(lambda *a, f=batch_norm: f(*a, training=True))(x, mean, var)
        results.append((y, mean, var))
    assert_same(*results)


@pytest.mark.parametrize("name", [*NAMES, "running_mean", "running_var"])
def test_tensors_modified_before_backward__raise_where_they_are_needed(
    engine, small, training, name
):
    given, dy = small
    needed = {"weight"}
    if engine == "numba":  # torch's operations need none of the rest: they keep x - mean
        needed |= {"input", "running_mean", "running_var"}
    copies = {key: tensor.clone() for key, tensor in given.items()}
    y = functional.batch_norm(**copies, training=training)
    with torch.no_grad():
        copies[name].mul_(2)
    if name in needed:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward(dy)
    else:
        y.backward(dy)


def test_results_modified_before_backward__do_not_matter(engine, arguments, training):
    given, dy = arguments((4, 3, 5))
    ours, theirs, tensors = both(given, training)
    assert_same(*(grad(f(*tensors).mul_(2), tensors, dy) for f in (ours, theirs)))


def test_graph_of_evaluation__survives_a_step_of_training_as_in_torch(engine, small):
    given, dy = small
    ours, tensors = of(given, False)
    y = ours(*tensors)
    expected = grad(y, tensors, dy, retain_graph=True)
    functional.batch_norm(**given, training=True)
    assert_same(grad(y, tensors, dy), expected)


def test_second_backward__needs_the_graph_kept_as_in_torch(engine, small, training):
    given, dy = small
    function, tensors = of(given, training)
    y = function(*tensors)
    first = grad(y, tensors, dy, retain_graph=True)
    assert_same(first, grad(y, tensors, dy))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        grad(y, tensors, dy)


def test_backward__adds_up_in_grad(engine, small, training):
    given, dy = small
    function, tensors = of(given, training)
    once = grad(function(*tensors), tensors, dy)
    for _ in range(2):
        function(*tensors).backward(dy)
    assert_same([tensor.grad for tensor in tensors], [2 * g for g in once])


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint__gives_the_same_gradients(engine, small, training, reentrant):
    given, dy = small
    function, tensors = of(given, training)
    y = checkpoint(function, *tensors, use_reentrant=reentrant)
    y.backward(dy)
    assert_same(tuple(t.grad for t in tensors), grad(function(*tensors), tensors, dy))


def test_saved_tensors__pass_through_hooks(engine, small, training):
    given, dy = small
    function, tensors = of(given, training)
    packed = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: packed.append(t) or t.clone(), lambda t: t
    ):
        y = function(*tensors)
    assert packed
    assert_same(grad(y, tensors, dy), grad(function(*tensors), tensors, dy))


def test_anomaly_mode__changes_nothing(engine, small, training):
    given, dy = small
    function, tensors = of(given, training)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Anomaly Detection has been enabled")
        with torch.autograd.detect_anomaly():
            result = grad(function(*tensors), tensors, dy)
    assert_same(result, grad(function(*tensors), tensors, dy))


def test_gradients_that_are_not_needed__are_none(engine, small, training):
    given, dy = small
    function, tensors = of(given, training)
    y = function(*tensors)
    assert_same(
        grad(y, tensors[:1], dy, retain_graph=True), grad(function(*tensors), tensors, dy)[:1]
    )
    unused = torch.ones(1, requires_grad=True)
    assert grad(y, (tensors[1], unused), dy, allow_unused=True)[1] is None


KEPT = {
    "rounded": (lambda saved: saved.bfloat16(), lambda kept: kept.float()),
    "strided": (lambda saved: saved, lambda kept: torch.stack([kept, kept], -1)[..., 0]),
    "on disk, as it were": (lambda saved: saved.clone(), lambda kept: kept),
}


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_hooks_on_saved_tensors__may_give_them_back_in_another_form(kept, dtype, layout):
    x = torch.randn(8, 700, 4, 4).to(dtype, memory_format=layout).requires_grad_()
    weight = torch.ones(700, requires_grad=True)
    dy = torch.randn_like(x)
    grads = []
    for batch_norm in (functional.batch_norm, torch.nn.functional.batch_norm):
        if kept == "rounded" and dtype != torch.float32:
            pytest.skip("torch's own backward pass wants the dtype that it saved")
        with torch.autograd.graph.saved_tensors_hooks(*KEPT[kept]):
            y = batch_norm(x, None, None, weight, training=True)
        grads.append(grad(y, (x, weight), dy))
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("way", ["second order", "negated"])
def test_gradient_of_a_float32_bias__is_not_rounded_to_half_precision(dtype, way):
    x = torch.randn(100_001, 2).to(dtype)
    bias = torch.zeros(2, requires_grad=True)
    y = functional.batch_norm(x, None, None, torch.ones(2), bias, training=True)
    dy = torch.ones_like(x)
    if way == "negated":
        dy = torch._neg_view(-dy)
    (dbias,) = grad(y, bias, dy, create_graph=way == "second order")
    assert dbias.tolist() == [100_001.0] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_running_statistics__are_written_unseen_but_who_else_writes_is_heard(dtype):
    for layer in (torch.nn.BatchNorm1d(3, dtype=dtype), BatchNorm1d(3, dtype=dtype)):
        x = torch.randn(5, 3, dtype=dtype)
        evaluated, trained = layer.eval()(x), layer.train()(x)
        layer(x)
        evaluated.sum().backward()
        layer.running_mean.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            trained.sum().backward()
