"""Both backward passes and their equations, against torch's autograd."""

import numpy as np
import pytest
import torch

from bncourse import oracle
from bncourse.scratch import (
    batch_norm_backward,
    batch_norm_backward_staged,
    batch_norm_forward,
    batch_norm_inference_backward,
    grad_beta,
    grad_gamma,
    grad_mean,
    grad_var,
    grad_x,
    grad_x_closed,
    grad_x_hat,
)
from bncourse.tolerances import compare


@pytest.fixture
def nodes():
    """Values for the nodes of the graph that no forward pass has tied together.

    So the centered rows do not sum to zero, and each edge of the graph shows.
    """
    rng = np.random.default_rng(5)
    names = {
        "dy": (6, 3),
        "dx_hat": (6, 3),
        "x": (6, 3),
        "mean": 3,
        "var": 3,
        "gamma": 3,
        "dvar": 3,
        "dmean": 3,
    }
    values = {name: torch.tensor(rng.uniform(0.5, 2.0, size)) for name, size in names.items()}
    for value in values.values():
        value.requires_grad_()
    return values


def inv_std_of(var):
    return 1 / torch.sqrt(var + 0.3)


def arrays(*tensors):
    return [tensor.detach().numpy() for tensor in tensors]


@pytest.mark.equation("eq-dbeta")
def test_grad_beta__is_the_gradient_of_an_added_beta(nodes, close):
    beta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (nodes["x"] + beta).backward(nodes["dy"])
    close(grad_beta(*arrays(nodes["dy"])), beta.grad)


@pytest.mark.equation("eq-dgamma")
def test_grad_gamma__is_the_gradient_of_a_factor_gamma(nodes, close):
    (nodes["x"] * nodes["gamma"]).backward(nodes["dy"])
    close(grad_gamma(*arrays(nodes["dy"], nodes["x"])), nodes["gamma"].grad)


@pytest.mark.equation("eq-dx-hat")
def test_grad_x_hat__is_the_gradient_of_what_gamma_multiplies(nodes, close):
    (nodes["x"] * nodes["gamma"]).backward(nodes["dy"])
    close(grad_x_hat(*arrays(nodes["dy"], nodes["gamma"])), nodes["x"].grad)


@pytest.mark.equation("eq-dvar")
def test_grad_var__is_the_gradient_along_the_graphs_edge(nodes, close):
    centered = nodes["x"] - nodes["mean"]
    (centered * inv_std_of(nodes["var"])).backward(nodes["dx_hat"])
    inv_std = inv_std_of(nodes["var"])
    close(grad_var(*arrays(nodes["dx_hat"], centered, inv_std)), nodes["var"].grad)


@pytest.mark.equation("eq-dmean")
def test_grad_mean__is_the_gradient_along_both_edges_of_the_graph(nodes, close):
    centered, inv_std = nodes["x"] - nodes["mean"], inv_std_of(nodes["var"])
    var = (centered**2).mean(0)
    torch.autograd.backward([centered * inv_std, var], [nodes["dx_hat"], nodes["dvar"]])
    given = arrays(nodes["dx_hat"], nodes["dvar"], centered, inv_std)
    close(grad_mean(*given), nodes["mean"].grad)


@pytest.mark.equation("eq-dx")
def test_grad_x__is_the_gradient_along_all_three_edges_of_the_graph(nodes, close):
    x, inv_std = nodes["x"], inv_std_of(nodes["var"])
    centered = x - nodes["mean"]
    var = ((x - nodes["mean"]) ** 2).mean(0)
    torch.autograd.backward(
        [centered * inv_std, var, x.mean(0)], [nodes["dx_hat"], nodes["dvar"], nodes["dmean"]]
    )
    given = arrays(nodes["dx_hat"], nodes["dvar"], nodes["dmean"], centered, inv_std)
    close(grad_x(*given), x.grad)


@pytest.mark.equation("eq-dx-closed")
@pytest.mark.parametrize("eps", [1e-5, 0.7])
def test_grad_x_closed__is_the_gradient_through_the_statistics_too(problem, close, eps):
    p = problem((6, 3), eps=eps)
    x_hat = (p.x - p.x.mean(axis=0)) / np.sqrt(p.x.var(axis=0) + eps)
    inv_std = 1 / np.sqrt(p.x.var(axis=0) + eps)
    dgamma, dbeta = (p.dy * x_hat).sum(axis=0), p.dy.sum(axis=0)
    dx = grad_x_closed(p.dy, x_hat, dgamma, dbeta, p.gamma, inv_std)
    close(dx, p.reference().values["dx"])


@pytest.mark.equation("eq-dbeta")
@pytest.mark.equation("eq-dgamma")
@pytest.mark.equation("eq-dx-closed")
@pytest.mark.statement("S10")
def test_closed_form__agrees_with_the_oracle(problem, shape, dtype):
    p = problem(shape, dtype)
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    dx, dgamma, dbeta = batch_norm_backward(p.dy, cache)
    assert dx.dtype == dgamma.dtype == dbeta.dtype == dtype
    assert dx.flags.c_contiguous
    compare(p.reference(), dx=dx, dgamma=dgamma, dbeta=dbeta)


def test_closed_form__agrees_with_the_oracle_on_hard_input(hard):
    _, cache = batch_norm_forward(hard.x, hard.gamma, hard.beta, eps=hard.eps)
    dx, dgamma, dbeta = batch_norm_backward(hard.dy, cache)
    compare(hard.reference(), dx=dx, dgamma=dgamma, dbeta=dbeta)


@pytest.mark.equation("eq-dbeta")
@pytest.mark.equation("eq-dgamma")
@pytest.mark.equation("eq-dx-hat")
@pytest.mark.equation("eq-dvar")
@pytest.mark.equation("eq-dmean")
@pytest.mark.equation("eq-dx")
@pytest.mark.statement("S10")
def test_staged_pass__agrees_with_the_oracle_at_every_node(problem, shape, dtype):
    p = problem(shape, dtype)
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    grads = batch_norm_backward_staged(p.dy, cache)
    assert set(grads) == {"dbeta", "dgamma", "dx_hat", "dvar", "dmean", "dx"}
    assert {grad.dtype for grad in grads.values()} == {np.dtype(dtype)}
    compare(oracle.graph_gradients(p.x, p.gamma, p.beta, p.dy, eps=p.eps), **grads)
    compare(p.reference(), dx=grads["dx"], dgamma=grads["dgamma"], dbeta=grads["dbeta"])


def test_staged_pass__agrees_with_the_oracle_on_hard_input(hard):
    _, cache = batch_norm_forward(hard.x, hard.gamma, hard.beta, eps=hard.eps)
    grads = batch_norm_backward_staged(hard.dy, cache)
    compare(oracle.graph_gradients(hard.x, hard.gamma, hard.beta, hard.dy, eps=hard.eps), **grads)


def test_staged_pass_and_closed_form__agree(problem, shape):
    p = problem(shape, seed=1)
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    dx, dgamma, dbeta = batch_norm_backward(p.dy, cache)
    grads = batch_norm_backward_staged(p.dy, cache)
    # dx is near zero at m = 2, and then its scale is that of its terms.
    scales = p.reference().scales
    reference = oracle.Reference({"dx": dx, "dgamma": dgamma, "dbeta": dbeta}, scales, 0.0)
    compare(reference, dx=grads["dx"], dgamma=grads["dgamma"], dbeta=grads["dbeta"])


@pytest.mark.equation("eq-dx-inference")
def test_inference_backward__agrees_with_the_oracle(problem, shape, dtype):
    p = problem(shape, dtype)
    given = p.dy, p.x, p.running_mean, p.running_var, p.gamma
    dx, dgamma, dbeta = batch_norm_inference_backward(*given, eps=p.eps)
    assert dx.dtype == dgamma.dtype == dbeta.dtype == dtype
    assert dx.flags.c_contiguous
    compare(p.inference_reference(), dx=dx, dgamma=dgamma, dbeta=dbeta)


def test_inference_backward__has_torchs_default_eps_and_takes_eps_zero(problem):
    for eps, options in ((1e-5, {}), (0.0, {"eps": 0.0})):
        p = problem((1, 3), std=1e-2, eps=eps)
        given = p.dy, p.x, p.running_mean, p.running_var, p.gamma
        dx, dgamma, dbeta = batch_norm_inference_backward(*given, **options)
        compare(p.inference_reference(), dx=dx, dgamma=dgamma, dbeta=dbeta)


def test_gradients__have_the_dtype_of_x_whatever_that_of_dy(problem):
    p = problem((5, 3), np.float32)
    p = p.changed(dy=p.dy.astype(np.float64) / 3)
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    dx, dgamma, dbeta = batch_norm_backward(p.dy, cache)
    assert dx.dtype == dgamma.dtype == dbeta.dtype == np.float32
    compare(p.reference(), dx=dx, dgamma=dgamma, dbeta=dbeta)


def test_backward__sums_narrow_gradients_in_float64():
    # In float16 a sum of ones stops at 2048; in float32 a sum of 1e8 loses the ones.
    x = np.random.default_rng(0).standard_normal((8192, 1))
    _, cache = batch_norm_forward(x, np.ones(1), np.zeros(1))
    assert batch_norm_backward(np.ones(x.shape, np.float16), cache)[2] == 8192
    dy = np.ones(x.shape, np.float32)
    dy[0], dy[-1] = 1e8, -1e8
    for dbeta in (
        batch_norm_backward(dy, cache)[2],
        batch_norm_backward_staged(dy, cache)["dbeta"],
        batch_norm_inference_backward(dy, x, [0.0], [1.0], [1.0])[2],
    ):
        assert dbeta == 8190


def test_backward__can_be_repeated_in_any_order(problem):
    p = problem((4, 3, 2))
    _, cache = batch_norm_forward(p.x, p.gamma, p.beta, eps=p.eps)
    kept = {name: np.copy(value) for name, value in vars(cache).items() if name != "dtype"}
    first = batch_norm_backward(p.dy, cache)
    batch_norm_backward(-2 * p.dy, cache)
    staged = batch_norm_backward_staged(p.dy, cache)
    np.testing.assert_array_equal(first[0], batch_norm_backward(p.dy, cache)[0])
    np.testing.assert_array_equal(staged["dx"], batch_norm_backward_staged(p.dy, cache)["dx"])
    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(cache, name), value, err_msg=name)
