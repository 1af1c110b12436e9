"""Shifted images inside a network, and what new statistics of its batch norms repair."""

import copy

import numpy as np

from bncourse.scratch import BatchNorm, Floats, Moments, Sequential


def layer_shift(clean: Moments, shifted: Moments) -> tuple[Floats, Floats]:
    """Return how far each unit of a layer was moved and stretched, {eq}`eq-layer-shift`.

    Parameters
    ----------
    clean, shifted : Moments
        Of C units, over the two sets of images.

    Returns
    -------
    shift : array, shape (C,)
        Of the mean, in standard deviations over the clean images.
    ratio : array, shape (C,)
        Of the standard deviations, shifted to clean. Both are infinite or NaN for a unit that is
        constant over the clean images.

    Examples
    --------
    >>> clean, shifted = Moments.of([[0.0], [2.0]]), Moments.of([[1.0], [7.0]])
    >>> layer_shift(clean, shifted)
    (array([3.]), array([3.]))
    """
    clean_std, shifted_std = np.sqrt(clean.var), np.sqrt(shifted.var)
    with np.errstate(invalid="ignore", divide="ignore"):
        # eq-layer-shift
        shift = (shifted.mean - clean.mean) / clean_std
        ratio = shifted_std / clean_std
    return shift, ratio


def equivalent_eps(eps: float, a: float) -> float:
    """Return the eps that does to x what `eps` does to a*x + c, {eq}`eq-affine-input`.

    With statistics of the batch itself, a*x + c normalized with `eps` is sign(a) times x
    normalized with this one.

    Parameters
    ----------
    eps : float
        Zero or positive.
    a : float
        Not zero.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `a` is zero.

    Examples
    --------
    >>> equivalent_eps(1e-5, 0.5)
    4e-05
    """
    if a == 0:
        raise ValueError(f"a: want any number but zero, got {a}")
    return eps / a**2  # eq-affine-input


def mixed_statistics(
    mean: Floats, var: Floats, test: Moments, n: int, prior: float
) -> tuple[Floats, Floats]:
    """Return statistics between those of training and of test images, {eq}`eq-mixed-statistics`.

    Parameters
    ----------
    mean, var : arrays, shape (C,)
        What training left, as if from `prior` images.
    test : Moments
        Of the test images: C units, over images and locations.
    n : int
        Number of test images; not of values, of which a map has many for each.
    prior : float
        N, how many test images the training's statistics are worth; zero or positive.

    Returns
    -------
    mean, var : arrays, shape (C,)

    Raises
    ------
    ValueError
        If `n` is below 1, `prior` is negative or infinite, or a shape does not fit.

    References
    ----------
    Schneider et al. (2020), Improving Robustness against Common Corruptions by Covariate
    Shift Adaptation.

    Examples
    --------
    >>> test = Moments.of([[3.0], [5.0], [7.0]])
    >>> mixed_statistics(np.zeros(1), np.ones(1), test, n=3, prior=1)
    (array([3.75]), array([2.25]))
    """
    if n < 1:
        raise ValueError(f"n: want at least 1 image, got {n}")
    if not 0 <= prior < np.inf:
        raise ValueError(f"prior: want zero or a positive number, got {prior}")
    for name, old_value in (("mean", mean), ("var", var)):
        if old_value.shape != test.mean.shape:
            raise ValueError(f"{name}: want shape {test.mean.shape}, got {old_value.shape}")
    old, new = prior / (prior + n), n / (prior + n)
    # eq-mixed-statistics
    mixed_mean = old * mean + new * test.mean
    mixed_var = old * var + new * test.var
    return mixed_mean, mixed_var


def adapt(network: Sequential, images: Floats, prior: float = 0.0) -> Sequential:
    """Return a copy of a network with its batch norms' statistics taken from these images.

    Layer after layer, so that later statistics are those of what the adapted layers before
    them give. The variances are the biased ones: with ``prior=0``, evaluation on these very
    images is then what training mode computes on them as one batch. No label is used.

    Parameters
    ----------
    network : Sequential
        Trained; it stays as it is.
    images : array, shape (n, ...), floating dtype
        What the network takes.
    prior : float, default 0
        How many images the statistics from training are worth.

    Returns
    -------
    Sequential
        In evaluation mode.

    Raises
    ------
    ValueError
        If a batch norm has no running statistics, there is no image, or `prior` is negative.

    References
    ----------
    Li et al. (2016), Revisiting Batch Normalization for Practical Domain Adaptation.

    Examples
    --------
    >>> network = Sequential(BatchNorm(1))
    >>> adapted = adapt(network, np.array([[3.0], [5.0]]))
    >>> adapted.forward(np.array([[5.0]])).round(2), network.eval().forward(np.array([[5.0]]))
    (array([[1.]]), array([[4.999975]]))
    """
    adapted = copy.deepcopy(network).eval()
    y = images
    for layer in adapted.layers:
        if isinstance(layer, BatchNorm):
            mean, var = layer.running_mean, layer.running_var
            if mean is None or var is None:
                raise ValueError(
                    "network: want batch norms with running statistics, got one without"
                )
            layer.running_mean, layer.running_var = mixed_statistics(
                mean, var, Moments.of(y), len(images), prior
            )
        y = layer.forward(y)
    return adapted
