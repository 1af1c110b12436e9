"""What a camera does to a digit: five changes of images in [0, 1], 0 paper and 1 ink."""

import numpy as np

from bncourse.scratch import Floats

CONTRAST = 0.3
BRIGHTNESS = 0.4
NOISE = 0.4
BLUR = 1.5


def contrast(images: Floats, factor: float) -> Floats:
    """Return images with every gray value moved toward 1/2, or away from it.

    Parameters
    ----------
    images : array, shape (N, H, W), in [0, 1]
    factor : float
        Of the distance from 1/2; from 0 to 1 it lowers the contrast and stays in [0, 1].

    Returns
    -------
    array, shape of `images`

    Examples
    --------
    >>> contrast(np.array([[[0.0, 0.5, 1.0]]]), 0.5)
    array([[[0.25, 0.5 , 0.75]]])
    """
    return 0.5 + factor * (images - 0.5)


def brightness(images: Floats, shift: float) -> Floats:
    """Return images with a constant added, cut off at 0 and 1.

    Parameters
    ----------
    images : array, shape (N, H, W), in [0, 1]
    shift : float
        In gray values; since 1 is ink, a positive one makes the picture darker.

    Returns
    -------
    array, shape of `images`

    Examples
    --------
    >>> brightness(np.array([[[0.0, 0.5, 0.75]]]), 0.25)
    array([[[0.25, 0.75, 1.  ]]])
    """
    return np.clip(images + shift, 0, 1)


def noise(images: Floats, std: float, rng: np.random.Generator) -> Floats:
    """Return images with Gaussian noise on every pixel, cut off at 0 and 1.

    Parameters
    ----------
    images : array, shape (N, H, W), in [0, 1]
    std : float
        The noise's standard deviation before it is cut off, in gray values.
    rng : numpy Generator
        Draws the noise.

    Returns
    -------
    array, shape of `images`

    Examples
    --------
    >>> noise(np.full((1, 2, 2), 0.5), 0.0, np.random.default_rng(0)).tolist()
    [[[0.5, 0.5], [0.5, 0.5]]]
    """
    return np.clip(images + rng.normal(0, std, images.shape), 0, 1)


def blur(images: Floats, std: float) -> Floats:
    """Return images blurred by a Gaussian.

    The two-dimensional Gaussian is a product, so rows and columns are blurred one after the
    other. At the border its weights are made to sum to 1 again.

    Parameters
    ----------
    images : array, shape (N, H, W)
    std : float
        In pixels, positive.

    Returns
    -------
    array, shape of `images`

    Examples
    --------
    >>> dot = np.zeros((1, 3, 3))
    >>> dot[0, 1, 1] = 1
    >>> blur(dot, 0.5).round(2).tolist()
    [[[0.01, 0.09, 0.01], [0.09, 0.62, 0.09], [0.01, 0.09, 0.01]]]
    """
    rows, columns = (_blurring(size, std) for size in images.shape[-2:])
    return rows @ images @ columns.T


def _blurring(size: int, std: float) -> Floats:
    """Return the matrix that blurs a column; each of its rows sums to 1."""
    pixels = np.arange(size)
    weights = np.exp(-(((pixels[:, None] - pixels) / std) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def inversion(images: Floats) -> Floats:
    """Return the negatives: ink where paper was.

    Parameters
    ----------
    images : array, shape (N, H, W), in [0, 1]

    Returns
    -------
    array, shape of `images`

    Examples
    --------
    >>> inversion(np.array([[[0.0, 0.25]]]))
    array([[[1.  , 0.75]]])
    """
    return 1 - images


def photographed(images: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Return the same images under each of the five changes, at the course's severities.

    Parameters
    ----------
    images : array, shape (N, H, W), in [0, 1]
    rng : numpy Generator
        Draws the noise.

    Returns
    -------
    dict of arrays, shape of `images`
        By the name of the change.

    References
    ----------
    Hendrycks and Dietterich (2019), Benchmarking Neural Network Robustness to Common
    Corruptions and Perturbations; Mu and Gilmer (2019), MNIST-C. The severities are ours.

    Examples
    --------
    >>> list(photographed(np.zeros((1, 28, 28)), np.random.default_rng(0)))
    ['contrast', 'brightness', 'noise', 'blur', 'inversion']
    """
    return {
        "contrast": contrast(images, CONTRAST),
        "brightness": brightness(images, BRIGHTNESS),
        "noise": noise(images, NOISE, rng),
        "blur": blur(images, BLUR),
        "inversion": inversion(images),
    }
