"""The reference of every test of numerical truth: torch's own batch norm, in float64.

Nothing here calls `bncourse`: what torch computes is not ours, and that is its worth. Each
reference carries the scales against which an error counts, chosen so that a correct program
cannot make them small by luck.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bncourse._extras import need

with need("torch"):
    import torch

Float64s: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """What torch computes, and the scale of each quantity's error.

    Attributes
    ----------
    values : dict of float64 arrays
        By name, such as "y", "dx", "dgamma", "running_var".
    scales : dict of float64 arrays
        Under the same names; of a shape that broadcasts against the value, one a channel.
    mean_over_std : float
        The largest abs(mean)/sqrt(var + eps) of a channel, of the statistics that normalize:
        how ill conditioned the input is.
    """

    values: Mapping[str, Float64s]
    scales: Mapping[str, Float64s]
    mean_over_std: float


def batch_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    dy: ArrayLike | None = None,
    *,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Reference:
    """Return what torch.nn.functional.batch_norm gives in float64, on the same input.

    Parameters
    ----------
    x : array, shape (N, C, *locations), floating dtype
        Widened to float64 without loss; so are the others.
    gamma, beta, running_mean, running_var : arrays, shape (C,), or None
        As torch's weight, bias and running statistics. They are not modified.
    dy : array, shape of `x`, or None
        Gradient with respect to y; without it there are no gradients in the result.
    training, momentum, eps
        As in torch.

    Returns
    -------
    Reference
        "y"; "mean" and (biased) "var" of the batch; with `dy` also "dx", "dgamma", "dbeta";
        with running statistics in training "running_mean" and "running_var" after the step.

    Examples
    --------
    >>> reference = batch_norm([[1.0], [3.0]], eps=3.0)
    >>> reference.values["y"].tolist()
    [[-0.5], [0.5]]
    """
    xt = _leaf(x)
    # torch lets an empty array of one axis through, and looks at the first entry of weight.
    channels = xt.shape[1] if xt.ndim > 1 else 1
    weight = _leaf(np.ones(channels) if gamma is None else gamma)
    bias = _leaf(np.zeros(channels) if beta is None else beta)
    mean_t = None if running_mean is None else torch.tensor(_float64(running_mean))
    var_t = None if running_var is None else torch.tensor(_float64(running_var))
    y = torch.nn.functional.batch_norm(xt, mean_t, var_t, weight, bias, training, momentum, eps)

    rows = _rows(xt.detach().numpy())
    with np.errstate(all="ignore"):
        mean, var = _moments(rows)
        if not training and running_mean is not None and running_var is not None:
            used_mean, used_var = _float64(running_mean), _float64(running_var)
        else:
            used_mean, used_var = mean, var
        std = np.sqrt(used_var + eps)
        values = {"y": y.detach().numpy(), "mean": mean, "var": var}
        scales = {
            "y": _largest(values["y"]),
            "mean": np.sqrt(var + eps),
            "var": var + eps,
        }
        if training and mean_t is not None and var_t is not None:
            values |= {"running_mean": mean_t.numpy(), "running_var": var_t.numpy()}
            # They are stored, maybe in a narrow dtype: their own size counts too.
            scales |= {
                "running_mean": np.maximum(np.abs(mean_t.numpy()), scales["mean"]),
                "running_var": np.maximum(np.abs(var_t.numpy()), scales["var"]),
            }
        if dy is not None:
            y.backward(torch.tensor(_float64(dy)))  # type: ignore[no-untyped-call]
            values |= {"dx": _grad(xt), "dgamma": _grad(weight), "dbeta": _grad(bias)}
            scales |= _gradient_scales(values, rows, used_mean, std, _float64(dy), weight)
        ratio = np.abs(used_mean / std)
        conditioning = float(np.max(ratio, where=np.isfinite(ratio), initial=0.0))
    return Reference(values, scales, conditioning)


def graph_gradients(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, dy: ArrayLike, *, eps: float = 1e-5
) -> Reference:
    """Return the gradient at every node of the computational graph, from torch's autograd.

    The graph is the paper's: mean, var, x_hat, y. Each node keeps its gradient.

    Parameters
    ----------
    x, dy : arrays, shape (N, C, *locations), floating dtype
    gamma, beta : arrays, shape (C,), floating dtype
    eps : float, default 1e-5

    Returns
    -------
    Reference
        "dbeta", "dgamma", "dx_hat", "dvar", "dmean" and "dx".

    Examples
    --------
    >>> reference = graph_gradients([[1.0], [3.0]], [2.0], [0.0], [[1.0], [1.0]], eps=3.0)
    >>> reference.values["dmean"].tolist()
    [-2.0]
    """
    x64 = _float64(x)
    xt, weight, bias = _leaf(x64), _leaf(gamma), _leaf(beta)
    axes = [axis for axis in range(x64.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x64.ndim - 2)
    mean = xt.mean(axes, keepdim=True)
    # The mean acts on the variance along an edge of its own.
    var = ((xt - mean) ** 2).mean(axes, keepdim=True)
    x_hat = (xt - mean) / torch.sqrt(var + eps)
    y = weight.view(shape) * x_hat + bias.view(shape)
    for node in (mean, var, x_hat):
        node.retain_grad()
    y.backward(torch.tensor(_float64(dy)))  # type: ignore[no-untyped-call]

    values = {
        "dbeta": _grad(bias),
        "dgamma": _grad(weight),
        "dx_hat": _grad(x_hat),
        "dvar": _grad(var).reshape(-1),
        "dmean": _grad(mean).reshape(-1),
        "dx": _grad(xt),
    }
    rows = _rows(x64)
    center, variance = _moments(rows)
    std = np.sqrt(variance + eps)
    scales = _gradient_scales(values, rows, center, std, _float64(dy), weight)
    terms = np.abs(_rows(values["dx_hat"]))
    scales["dx_hat"] = _largest(values["dx_hat"])
    scales["dvar"] = (terms * np.abs(rows - center)).sum(axis=0) / (2 * std**3)
    scales["dmean"] = terms.sum(axis=0) / std
    return Reference(values, scales, float(np.max(np.abs(center) / std, initial=0.0)))


def second_gradients(
    x: ArrayLike, gamma: ArrayLike, dy: ArrayLike, v: ArrayLike, *, eps: float = 1e-5
) -> Reference:
    """Return the gradients of sum(v * dx), from torch's double backward.

    dx is the gradient that torch's batch norm, in training, hands back for dy.

    Parameters
    ----------
    x, dy, v : arrays, shape (N, C, *locations), floating dtype
        v weighs the entries of dx.
    gamma : array, shape (C,), floating dtype
    eps : float, default 1e-5

    Returns
    -------
    Reference
        "dx", "dgamma" and "ddy": the gradients with respect to x, gamma and dy.

    Examples
    --------
    >>> reference = second_gradients([[0.0], [4.0]], [1.0], [[1.0], [0.0]], [[1.0], [0.0]], eps=5.0)
    >>> reference.values["ddy"].round(4).tolist()
    [[0.0926], [-0.0926]]
    """
    xt, weight, grad = _leaf(x), _leaf(gamma), _leaf(dy)
    y = torch.nn.functional.batch_norm(xt, None, None, weight, None, True, 0.1, eps)
    (dx,) = torch.autograd.grad(y, xt, grad, create_graph=True)
    dx.backward(torch.tensor(_float64(v)))  # type: ignore[no-untyped-call]
    values = {"dx": _grad(xt), "dgamma": _grad(weight), "ddy": _grad(grad)}

    rows, dy_rows, v_rows = (_rows(_float64(a)) for a in (x, dy, v))
    mean, var = _moments(rows)
    std = np.sqrt(var + eps)
    direct = np.abs(weight.detach().numpy()) / std
    largest = np.abs(v_rows).max(axis=0, initial=0.0)
    scales = {
        # Where x_hat takes up all that dy has (m = 2), dx is zero but for eps.
        "dx": np.maximum(
            _largest(values["dx"]),
            _against(values["dx"], direct / std * largest * np.abs(dy_rows).max(axis=0, initial=0)),
        ),
        "dgamma": (np.abs(dy_rows) * np.abs(v_rows)).sum(axis=0) / std,
        "ddy": np.maximum(_largest(values["ddy"]), _against(values["ddy"], direct * largest)),
    }
    return Reference(values, scales, float(np.max(np.abs(mean) / std, initial=0.0)))


def _gradient_scales(
    values: Mapping[str, Float64s],
    rows: Float64s,
    mean: Float64s,
    std: Float64s,
    dy: Float64s,
    weight: torch.Tensor,
) -> dict[str, Float64s]:
    """Return the scales of dx, dgamma and dbeta.

    dx may be zero by theory (m = 2), so its scale is at least that of its first term; dgamma
    and dbeta are sums that may cancel, so theirs are the sums of the absolute terms.
    """
    gamma = np.abs(weight.detach().numpy())
    dy_rows = np.abs(_rows(dy))
    direct = gamma / std * dy_rows.max(axis=0, initial=0.0)
    return {
        "dx": np.maximum(_largest(values["dx"]), _against(values["dx"], direct)),
        "dgamma": (dy_rows * np.abs((rows - mean) / std)).sum(axis=0),
        "dbeta": dy_rows.sum(axis=0),
    }


def _float64(value: ArrayLike) -> Float64s:
    return np.ascontiguousarray(value, dtype=np.float64)


def _leaf(value: ArrayLike) -> torch.Tensor:
    return torch.tensor(_float64(value), requires_grad=True)


def _grad(tensor: torch.Tensor) -> Float64s:
    assert tensor.grad is not None
    return tensor.grad.numpy()


def _rows(x: Float64s) -> Float64s:
    """Return the values of each channel as a column."""
    if x.ndim < 2:
        return np.empty((0, 0))
    m = x.shape[0] * int(np.prod(x.shape[2:]))
    return np.moveaxis(x, 1, -1).reshape(m, x.shape[1])


def _moments(rows: Float64s) -> tuple[Float64s, Float64s]:
    """Return torch's mean and biased variance of the columns."""
    columns = torch.tensor(rows)
    if len(rows) == 0:
        nothing = np.full(rows.shape[1], np.nan)
        return nothing, nothing
    return columns.mean(0).numpy(), columns.var(0, correction=0).numpy()


def _largest(x: Float64s) -> Float64s:
    """Return the largest abs(x) of each channel, in a shape that broadcasts against `x`."""
    return _against(x, np.abs(_rows(x)).max(axis=0, initial=0.0))


def _against(x: Float64s, channels: Float64s) -> Float64s:
    """Return one value a channel, in a shape that broadcasts against `x`."""
    return channels.reshape(-1, *[1] * (x.ndim - 2))
