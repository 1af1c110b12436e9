import matplotlib.pyplot as plt
import numpy as np

from bncourse import figures


def test_draw_photographed__shows_every_image_and_names_each_row():
    sets = {name: np.random.default_rng(0).uniform(size=(3, 4, 4)) for name in ("one", "two")}
    figures.draw_photographed(sets)
    axes = plt.gcf().axes
    shown = [ax.images[0].get_array() for ax in axes]
    assert np.array_equal(np.stack(shown), np.concatenate(list(sets.values())))
    assert [text.get_text() for ax in axes for text in ax.texts] == ["one", "two"]


def test_draw_layer_shifts__draws_shifts_and_ratios_with_names():
    shifts = {"noise": np.array([1.0, 2.0]), "blur": np.array([3.0, 4.0])}
    ratios = {"noise": np.array([0.1, 0.2]), "blur": np.array([0.3, 0.4])}
    figures.draw_layer_shifts(shifts, ratios)
    left, right = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[1, 2], [3, 4]]
    assert [line.get_ydata().tolist() for line in right.lines[:2]] == [[0.1, 0.2], [0.3, 0.4]]
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["noise", "blur"]
    assert left.get_ylabel()
    assert right.get_ylabel()


def test_draw_adaptation__marks_medians_and_ranges_in_percent():
    figures.draw_adaptation({"blur": [0.5, 0.2, 0.6]}, {"blur": [0.9, 0.8, 1.0]})
    (axes,) = plt.gcf().axes
    spans = [line.get_xdata().tolist() for line in axes.lines]
    assert spans == [[20, 60], [50], [80, 100], [90]]
    assert axes.lines[0].get_ydata()[0] > axes.lines[2].get_ydata()[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["blur"]
    assert len(axes.get_legend().get_texts()) == 2


def test_draw_unit_shifts__has_a_row_for_each_change_and_a_column_for_each_layer():
    rng = np.random.default_rng(0)
    pair = rng.normal(size=200), rng.normal(3, 1, size=200)
    figures.draw_unit_shifts({"blur": [pair, pair, pair], "noise": [pair, pair, pair]})
    axes = plt.gcf().axes
    assert len(axes) == 6
    assert [ax.get_ylabel() for ax in axes[::3]] == ["blur", "noise"]
    bars = axes[0].patches[:-1]
    highest = max(bars, key=lambda bar: bar.get_height())
    assert abs(highest.get_x()) < 1.5  # the clean values lie about 0
    outline = axes[0].patches[-1].get_path().vertices
    heights = outline[:, 1].max()
    assert outline[outline[:, 1] == heights][0, 0] > 1  # the changed values lie about 3
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["clean", "changed"]
