"""Transforms of torch.func over running statistics that they capture, beside torch's function."""

import copy

import pytest
import torch
from torch import func, nn
from torch.autograd.functional import hessian, jacobian

from bncourse.nn import BatchNorm1d, functional

pytestmark = [
    # torch's own, when it first needs a formula of forward mode that it keeps as a script.
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated"),
    # torch's own, from linearize of any function.
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node"),
]
FUNCTIONS = (functional.batch_norm, nn.functional.batch_norm)
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(5, 2, dtype=torch.float64, generator=GENERATOR)
BATCHES = torch.randn(3, 5, 2, dtype=torch.float64, generator=GENERATOR)
WEIGHT = torch.tensor([1.5, -0.5], dtype=torch.float64)


def cubes(f):
    return lambda *tensors: f(*tensors).pow(3).sum()


def mapped_with_statistics(f, statistics):
    copies = [t.clone() for t in statistics]
    return func.vmap(f, in_dims=(0, 0, 0, None))(BATCHES, *copies, None), copies


# Each gets batch norm as a function of x, mean, var and weight, and mean and var to capture.
TRANSFORMS = {
    "grad": lambda f, *s: func.grad(lambda x: cubes(f)(x, *s, WEIGHT))(X),
    "grad of the weight": lambda f, *s: func.grad(lambda w: cubes(f)(X, *s, w))(WEIGHT),
    "grad, statistics as arguments": lambda f, *s: func.grad(cubes(f))(X, *s, WEIGHT),
    "grad of the statistics": lambda f, *s: func.grad(cubes(f), argnums=(0, 1))(X, *s, WEIGHT),
    "grad of grad": lambda f, *s: func.grad(
        lambda x: func.grad(lambda x: cubes(f)(x, *s, WEIGHT))(x).pow(2).sum()
    )(X),
    "vjp": lambda f, *s: func.vjp(lambda x: f(x, *s, WEIGHT), X)[1](2 * X),
    "jvp": lambda f, *s: func.jvp(lambda x: f(x, *s, WEIGHT), (X,), (2 * X,)),
    "jvp of the statistics": lambda f, *s: func.jvp(lambda m: f(X, m, s[1], None), s[:1], s[1:]),
    "jvp of grad": lambda f, *s: func.jvp(
        func.grad(lambda x: cubes(f)(x, *s, WEIGHT)), (X,), (2 * X,)
    ),
    "linearize": lambda f, *s: func.linearize(lambda x: f(x, *s, WEIGHT), X)[1](2 * X),
    "jacrev": lambda f, *s: func.jacrev(lambda x: f(x, *s, WEIGHT))(X),
    "jacfwd": lambda f, *s: func.jacfwd(lambda x: f(x, *s, WEIGHT))(X),
    "hessian": lambda f, *s: func.hessian(lambda x: cubes(f)(x, *s, WEIGHT))(X),
    "vmap": lambda f, *s: func.vmap(lambda x: f(x, *s, WEIGHT))(BATCHES),
    "vmap over the second axis": lambda f, *s: func.vmap(
        lambda x: f(x, *(t.expand(5, 2).clone() for t in s), WEIGHT), in_dims=1
    )(BATCHES),
    "vmap over the weight": lambda f, *s: func.vmap(lambda w: f(X, *s, w))(BATCHES[:, 0]),
    "vmap with statistics": lambda f, *s: mapped_with_statistics(f, [t.expand(3, 2) for t in s]),
    "vmap of grad": lambda f, *s: func.vmap(func.grad(lambda x: cubes(f)(x, *s, None)))(BATCHES),
    "functionalize": lambda f, *s: func.functionalize(lambda x: f(x, *s, WEIGHT))(X),
    "autograd's hessian": lambda f, *s: hessian(lambda x: cubes(f)(x, *s, WEIGHT), X),
    "autograd's jacobian": lambda f, *s: jacobian(
        lambda x: f(x, *s, WEIGHT), X, vectorize=True, strategy="forward-mode"
    ),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=list(TRANSFORMS))
def test_transforms__give_torchs_numbers_statistics_and_refusals(transform, training):
    outcomes = []
    for batch_norm in FUNCTIONS:

        def f(x, mean, var, weight, batch_norm=batch_norm):
            return batch_norm(x, mean, var, weight, training=training)

        mean, var = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
        try:
            result, refusal = transform(f, mean, var), ""
        except (RuntimeError, ValueError) as error:
            result, refusal = None, f"{type(error).__name__}: {error}"
        outcomes.append([refusal, result, mean, var])
    torch.testing.assert_close(*([o[1:] for o in outcomes]), rtol=1e-9, atol=1e-11)
    assert outcomes[0][0] == outcomes[1][0]


def test_gradient_over_captured_statistics__has_the_values_of_the_formula(engine):
    x = torch.tensor([[1.0], [3.0], [5.0]])
    mean, var = torch.zeros(1), torch.ones(1)
    gradient = func.grad(lambda x: functional.batch_norm(x, mean, var, training=True).pow(3).sum())(
        x
    )
    torch.testing.assert_close(
        gradient, torch.tensor([[0.9186], [-1.8371], [0.9186]]), rtol=0, atol=1e-4
    )
    torch.testing.assert_close((mean, var), (torch.tensor([0.3]), torch.tensor([1.3])))


def test_gradient_within_a_compiled_function__has_torchs_numbers_and_statistics():
    outcomes = []
    for batch_norm in FUNCTIONS:
        mean, var = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)

        def gradient(x, batch_norm=batch_norm, mean=mean, var=var):
            return func.grad(lambda x: batch_norm(x, mean, var, training=True).pow(3).sum())(x)

        compiled = torch.compile(gradient, fullgraph=True, backend="aot_eager")
        outcomes.append((compiled(X), mean, var))
    torch.testing.assert_close(*outcomes, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_penalty_within_a_compiled_function__is_differentiated_as_in_torch(backend):
    gradients = []
    for batch_norm in FUNCTIONS:
        scale = WEIGHT.clone().requires_grad_()
        mean, var = torch.full((2,), 0.5, dtype=torch.float64), torch.ones(2, dtype=torch.float64)

        def loss(scale, mean, var, batch_norm=batch_norm):
            penalty = (scale * mean * mean).sum()
            return batch_norm(X, mean, var, training=True).pow(3).sum() + penalty

        compiled = torch.compile(loss, fullgraph=True, backend=backend)
        gradients.append((*torch.autograd.grad(compiled(scale, mean, var), scale), mean, var))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-11)


def test_jvp_of_jvp__is_the_second_derivative_where_torchs_is_not():
    def f(x):
        return functional.batch_norm(x, None, None, training=True)

    def along(x):
        return func.jvp(f, (x,), (X.sin(),))[1]

    _, second = func.jvp(along, (X,), (X.cos(),))
    step = 1e-5 * X.cos()
    torch.testing.assert_close(
        second, (along(X + step) - along(X - step)) / 2e-5, rtol=1e-6, atol=1e-8
    )


def test_penalty_on_the_running_mean_before_the_call__is_differentiated_as_in_torch(engine):
    gradients = []
    for batch_norm in FUNCTIONS:
        x, scale = X.clone().requires_grad_(), WEIGHT.clone().requires_grad_()
        mean, var = torch.full_like(scale, 0.5), torch.ones_like(scale)
        version = mean._version
        penalty = (scale * mean * mean).sum()
        y = batch_norm(x, mean, var, training=True)
        assert mean._version == version
        gradients.append(torch.autograd.grad(y.pow(3).sum() + penalty, (x, scale)))
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_statistics_made_in_inference_mode__are_updated_as_in_torch(engine, dtype):
    outcomes = []
    for batch_norm in FUNCTIONS:
        with torch.inference_mode():
            running = torch.zeros(2, dtype=dtype), torch.ones(2, dtype=dtype)
        y = batch_norm(X.to(dtype), *running, training=True)
        with torch.inference_mode():
            outcomes.append([y.clone(), *(t.clone() for t in running)])
    torch.testing.assert_close(*outcomes)


@pytest.mark.parametrize("tracked", [True, False], ids=["counted", "not counted"])
def test_layer_under_grad__gives_what_torchs_layer_gives(engine, tracked):
    outcomes = []
    for kind in (BatchNorm1d, nn.BatchNorm1d):
        layer = kind(2, dtype=torch.float64)
        if not tracked:
            layer.num_batches_tracked = None
        before = copy.deepcopy(layer.state_dict())
        try:
            gradient = func.grad(lambda x, layer=layer: layer(x).pow(3).sum())(X)
        except RuntimeError as error:
            gradient = str(error)
        state = layer.state_dict()
        outcomes.append((gradient, before, state))
    ours, theirs = outcomes
    torch.testing.assert_close(ours[1:], theirs[1:], rtol=1e-9, atol=1e-11)
    if isinstance(theirs[0], str):
        assert ours[0] == theirs[0]
    else:
        torch.testing.assert_close(ours[0], theirs[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shape", [(4096, 2), (64, 2, 16, 16)])
@pytest.mark.parametrize("mean", [0.0, 1e4, 1e6])
def test_statistics_under_grad__are_as_exact_as_the_kernels(shape, mean):
    x = mean + torch.randn(shape, generator=torch.Generator().manual_seed(0))
    running = torch.zeros(2), torch.ones(2)
    func.grad(lambda x: functional.batch_norm(x, *running, training=True, momentum=1.0).sum())(x)
    wide = x.double().movedim(1, 0).flatten(1)
    torch.testing.assert_close(
        running, (wide.mean(1).float(), wide.var(1).float()), rtol=3e-7, atol=1e-7
    )


def test_functional_call_with_new_statistics__writes_them_as_torch_does(engine):
    states = []
    for kind in (BatchNorm1d, nn.BatchNorm1d):
        layer = kind(2, dtype=torch.float64)
        state = {name: t.detach().clone() for name, t in layer.state_dict().items()}
        y = func.functional_call(layer, state, (X,))
        states.append((y.detach(), state))
        assert layer.num_batches_tracked == 0
    torch.testing.assert_close(*states, rtol=1e-9, atol=1e-11)


def leaks(x):
    """Return what transforms of x have left behind: tensors without memory of their own."""
    left = []

    def keep(x):
        left.append(x)
        return x.sum()

    func.grad(keep)(x)
    func.vmap(keep)(torch.stack([x, x]))
    func.functionalize(keep)(x)
    func.jvp(keep, (x,), (x,))
    func.vmap(func.grad(keep))(torch.stack([x, x]))
    return left


@pytest.mark.parametrize("name", ["input", "running_mean", "weight"])
@pytest.mark.parametrize("which", range(5))
def test_tensor_left_behind_by_a_transform__is_taken_or_refused_as_in_torch(which, name):
    outcomes = []
    for batch_norm in FUNCTIONS:
        given = {"input": X, "running_mean": WEIGHT.clone(), "running_var": WEIGHT.abs()}
        given |= {"weight": WEIGHT}
        given[name] = leaks(given[name])[which]
        try:
            outcomes.append((batch_norm(**given, training=True).sum().item(), ""))
        except (RuntimeError, ValueError) as error:
            outcomes.append((0.0, f"{type(error).__name__}: {error}"))
    (value, refusal), (expected, theirs) = outcomes
    assert refusal == theirs
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["input", "running_var", "weight"])
def test_tensor_whose_memory_was_freed__is_refused(name):
    given = {"input": X.clone(), "running_mean": WEIGHT.clone(), "running_var": WEIGHT.abs()}
    given |= {"weight": WEIGHT.clone()}
    given[name].untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match="not allocated"):
        functional.batch_norm(**given, training=True)


def test_memory_freed_before_the_backward_pass__is_refused():
    x = X.clone().requires_grad_()
    y = functional.batch_norm(x, None, None, training=True)
    x.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError, match="not allocated"):
        y.sum().backward()
