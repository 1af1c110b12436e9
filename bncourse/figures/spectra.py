"""The figures of singular values, of gradients and of directions in deep networks."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np

from bncourse.figures.band import plot_band
from bncourse.figures.style import BLUE, GREY, VERMILION, Array


def draw_norm_spectra(theory: Mapping[str, Array], measured: Mapping[str, Array]) -> None:
    """Draw the singular values of batch normalization's own Jacobian, in falling order.

    Parameters
    ----------
    theory, measured : mappings of arrays
        By the name of a panel, such as "m = 3".
    """
    widths = [len(values) + 1.5 for values in theory.values()]
    _, axes = plt.subplots(
        1, len(theory), figsize=(6, 3.0), sharey=True, gridspec_kw={"width_ratios": widths}
    )
    for ax, (name, values) in zip(axes, theory.items(), strict=True):
        at = np.arange(1, len(values) + 1)
        ax.plot(at, values, "o", color=BLUE, markersize=12, fillstyle="none", label="theory")
        ax.plot(at, measured[name], "D", color=VERMILION, markersize=5, label="PyTorch")
        ax.set_title(name)
        ax.set_xticks(at)
        ax.set_xlim(0.4, len(values) + 0.6)
    axes[0].set_ylabel("singular value, over γ/σ")
    axes[0].set_ylim(-0.07, 1.0)
    axes[-1].set_xlabel("number, largest first")
    axes[-1].legend(loc="center right")


def draw_shares_above(factors: Mapping[str, Array]) -> None:
    """Draw which share of the units has at least a given factor.

    Parameters
    ----------
    factors : mapping of arrays
        By name, the factor of each unit.
    """
    figure, ax = plt.subplots(figsize=(6, 3.9))
    for name, values in factors.items():
        ordered = np.sort(values)[::-1]
        ax.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered), label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("length of dx over length of dy, at least")
    ax.set_ylabel("share of the units")
    figure.legend(loc="outside lower center", ncols=2, handlelength=2.8)


def draw_singular_values(
    samples: Mapping[str, Array], densities: Mapping[str, tuple[Array, Array]]
) -> None:
    """Draw histograms of singular values, with the density of their limit as a line.

    Parameters
    ----------
    samples : mapping of arrays
        By the name of a panel.
    densities : mapping of pairs of arrays
        By the same names, where the density was taken, and its values.
    """
    _, axes = plt.subplots(1, len(samples), figsize=(6, 3.0), sharex=True)
    for ax, (name, values) in zip(axes, samples.items(), strict=True):
        ax.hist(values, bins=20, density=True, color="#b5d4ea", edgecolor="white", linewidth=0.5)
        ax.plot(*densities[name], color=VERMILION, linestyle="-")
        ax.axvline(1, color=GREY, linewidth=1, linestyle="--")
        ax.set_title(name)
    axes[len(axes) // 2].set_xlabel("singular value")
    axes[0].set_ylabel("density")


def draw_layer_spectra(layers: Mapping[str, Mapping[str, Array]]) -> None:
    """Draw the singular values of a network's layers in falling order.

    Parameters
    ----------
    layers : mapping of mappings of arrays
        By the name of a layer, then of a moment such as "before training".
    """
    figure, axes = plt.subplots(1, len(layers), figsize=(6, 3.4), sharey=True)
    for ax, (layer, spectra) in zip(axes, layers.items(), strict=True):
        for name, values in spectra.items():
            at = np.arange(1, len(values) + 1)
            ax.plot(at, values, label=name if ax is axes[0] else None)
        ax.axhline(1, color=GREY, linewidth=1, linestyle="-")
        ax.set_title(layer)
        ax.set_yscale("log")
    axes[len(axes) // 2].set_xlabel("number, largest first")
    axes[0].set_ylabel("singular value")
    figure.legend(loc="outside lower center", ncols=2, handlelength=2.8)


def draw_gradient_lengths(runs: Mapping[str, Array], theory: Mapping[str, Array]) -> None:
    """Draw the length of the gradient at each depth of networks that are not trained yet.

    Parameters
    ----------
    runs : mapping of arrays, shape (seeds, depth + 1)
        By the name of a network, the length at each boundary between layers, over that at the
        output; the first belongs to the input.
    theory : mapping of arrays, shape (depth + 1,)
        By the same names; drawn as thin lines.
    """
    figure, ax = plt.subplots(figsize=(6, 3.9))
    for name, lengths in runs.items():
        plot_band(ax, np.arange(lengths.shape[1]), lengths, (0, 50, 100), label=name)
    for line in theory.values():
        ax.plot(np.arange(len(line)), line, color=GREY, linewidth=1, linestyle="-")
    ax.set_yscale("log")
    ax.set_xlabel("layers between the input and the gradient")
    ax.set_ylabel("length, over that at the output")
    figure.legend(loc="outside lower center", ncols=2, handlelength=2.8)
