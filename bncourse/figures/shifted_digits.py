"""The figures of digits that were photographed differently."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from bncourse.figures.style import BLUE, GREY, VERMILION, Array


def draw_photographed(sets: Mapping[str, Array]) -> None:
    """Draw the same images under several changes, a row for each.

    Parameters
    ----------
    sets : mapping of arrays, shape (N, H, W), in [0, 1]
        By the name of the change.
    """
    columns = max(map(len, sets.values()))
    _, rows = plt.subplots(
        len(sets), columns, figsize=(6, 0.75 * len(sets)), squeeze=False, layout="constrained"
    )
    for axes, (name, images) in zip(rows, sets.items(), strict=True):
        axes[0].text(
            -0.15, 0.5, name, ha="right", va="center", fontsize=12, transform=axes[0].transAxes
        )
        for ax, image in zip(axes, images, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            ax.set_axis_off()


def draw_layer_shifts(shifts: Mapping[str, Array], ratios: Mapping[str, Array]) -> None:
    """Draw how far changed images move and stretch what enters each batch norm.

    Parameters
    ----------
    shifts : mapping of arrays, shape (layers,)
        By the name of the change, the size of the means' shift in standard deviations.
    ratios : mapping of arrays, shape (layers,)
        By the same names, the ratio of the standard deviations.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(6, 3.9))
    markers = dict(zip(shifts, "osD^v", strict=False))
    for name, shift in shifts.items():
        layers = np.arange(1, len(shift) + 1)
        left.plot(layers, shift, marker=markers[name], label=name)
        right.plot(layers, ratios[name], marker=markers[name])
    left.set_title("shift of means")
    left.set_ylabel("RMS, in std")
    right.set_title("ratio of spreads")
    right.set_ylabel("changed / clean std")
    right.axhline(1, color=GREY, linewidth=1, linestyle="-", zorder=0)
    for ax in (left, right):
        ax.set_xticks(layers)
        ax.set_xlabel("batch norm")
        ax.set_ylim(bottom=0)
    figure.legend(loc="outside lower center", ncols=3, handlelength=3)


def draw_unit_shifts(units: Mapping[str, Sequence[tuple[Array, Array]]]) -> None:
    """Draw the distribution of one unit of each layer, over clean and over changed images.

    Parameters
    ----------
    units : mapping of sequences of pairs of arrays
        By the name of the change, for each layer the values over the clean and over the changed
        images, in standard deviations from the clean mean.
    """
    layers = len(next(iter(units.values())))
    size = (6, 0.95 * len(units) + 1.2)
    figure, axes = plt.subplots(len(units), layers, figsize=size, sharex=True, squeeze=False)
    bins = np.linspace(-6, 6, 49)
    for row, (name, pairs) in zip(axes, units.items(), strict=True):
        for ax, (clean, changed) in zip(row, pairs, strict=True):
            inside = [np.clip(values, bins[0], bins[-1]) for values in (clean, changed)]
            ax.hist(inside[0], bins, density=True, color=GREY, alpha=0.6, label="clean")
            ax.hist(
                inside[1],
                bins,
                density=True,
                histtype="step",
                color=VERMILION,
                linewidth=1.8,
                label="changed",
            )
            ax.set_yticks([])
            ax.set_xticks([-4, 0, 4])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for number, ax in enumerate(axes[0], start=1):
        ax.set_title(f"batch norm {number}")
    for ax in axes[-1]:
        ax.set_xlabel("in std")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)


def draw_adaptation(
    before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]
) -> None:
    """Draw accuracies before and after the statistics were replaced.

    Parameters
    ----------
    before, after : mappings of sequences
        By the name of the test set, the accuracy of each network, from 0 to 1.
    """
    _, ax = plt.subplots(figsize=(6, 0.45 * len(before) + 1.4))
    heights = -np.arange(len(before))
    for values, marker, color, offset, label in (
        (before, "o", VERMILION, 0.13, "statistics from training"),
        (after, "s", BLUE, -0.13, "statistics of the test set"),
    ):
        for height, accuracies in zip(heights + offset, values.values(), strict=True):
            low, middle, high = 100 * np.percentile(accuracies, (0, 50, 100))
            ax.plot([low, high], [height, height], color=color, linestyle="-")
            (dot,) = ax.plot(middle, height, marker, color=color, markersize=7)
            if marker == "o":
                dot.set_markerfacecolor("white")
                dot.set_markeredgewidth(2)
        dot.set_label(label)
    ax.set_yticks(heights, list(before))
    ax.set_xlim(-4, 104)
    ax.set_xlabel("test accuracy in %")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, handlelength=1)
