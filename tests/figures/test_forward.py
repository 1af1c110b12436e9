import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from bncourse import figures
from bncourse.lab.estimates import EstimateErrors


def texts(axes):
    return [axes.get_xlabel(), axes.get_ylabel()]


def test_use_style__gives_each_line_dashes_of_its_own():
    cycle = mpl.rcParams["axes.prop_cycle"].by_key()
    assert len({str(style) for style in cycle["linestyle"]}) == len(cycle["color"])


def test_draw_depth__draws_the_median_of_each_layer_with_names():
    spreads = {"plain": [np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.2, 0.3])]}
    figures.draw_depth(spreads)
    (axes,) = plt.gcf().axes
    assert axes.lines[0].get_ydata().tolist() == [2.0, 0.2]
    assert all(texts(axes))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["plain"]


def test_draw_digits__shows_every_image_under_its_label():
    images = np.random.default_rng(0).uniform(size=(3, 4, 4))
    figures.draw_digits(images, np.array([7, 1, 0]))
    axes = plt.gcf().axes
    assert [ax.get_title() for ax in axes] == ["7", "1", "0"]
    shown = [ax.images[0].get_array() for ax in axes]
    assert np.array_equal(np.stack(shown), images)


def test_draw_estimates__draws_errors_and_floors():
    errors = {
        "a": EstimateErrors(np.array([3.0, 2.0]), np.array([5.0, 4.0])),
        "b": EstimateErrors(np.array([1.0, 0.5]), np.array([2.0, 1.0])),
    }
    figures.draw_estimates(errors, {"a": 0.25})
    mean, var = plt.gcf().axes
    assert [line.get_ydata()[-1] for line in mean.lines] == [2.0, 0.25, 0.5]
    assert [line.get_ydata()[-1] for line in var.lines] == [4.0, 1.0]
    assert mean.get_ylabel()


def test_draw_rho__marks_the_points():
    var = np.array([0.1, 1.0])
    figures.draw_rho(var, {"eps": var / 2}, {"here": (0.5, 0.25)})
    (axes,) = plt.gcf().axes
    assert [annotation.get_text() for annotation in axes.texts] == ["here"]
    assert axes.lines[1].get_xydata().tolist() == [[0.5, 0.25]]


def test_draw_identity_error__draws_theory_and_measurement():
    figures.draw_identity_error(
        np.array([8, 32]), {"Gaussian": [0.4, 0.2]}, {"Gaussian": [0.41, 0.21]}
    )
    (axes,) = plt.gcf().axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.4, 0.2], [0.41, 0.21]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["8", "32"]


def test_draw_lag__draws_the_target_and_each_average():
    steps = np.array([1, 2])
    figures.draw_lag(steps, {"momentum 0.1": steps * 2}, steps * 3)
    (axes,) = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[3, 6], [2, 4]]


def test_draw_before_and_after__draws_a_box_a_unit():
    x = np.random.default_rng(0).normal(size=(20, 5))
    figures.draw_before_and_after(x, x * 2)
    before, after = plt.gcf().axes
    assert len(before.patches) == len(after.patches) == 5


def test_draw_shared_statistics__colors_a_channel_alike_in_all_examples():
    figures.draw_shared_statistics()
    units, maps = plt.gcf().axes
    assert len(units.patches) == 4 * 3
    assert len(maps.patches) == 4 * 3 * 9
    for axes in (units, maps):
        columns = {}
        for patch in axes.patches:
            columns.setdefault(int(patch.get_x() / 1.3), set()).add(patch.get_facecolor())
        assert [len(colors) for colors in columns.values()] == [1, 1, 1]
        assert len(set.union(*columns.values())) == 3
