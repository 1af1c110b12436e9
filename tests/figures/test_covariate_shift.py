import matplotlib.pyplot as plt
import numpy as np

from bncourse import figures
from bncourse.lab.importance import Gaussian
from bncourse.lab.shifts import Sample
from bncourse.lab.toy import Line


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_draw_shifts__puts_every_point_and_the_line_of_even_odds_into_its_panel():
    x = np.array([[1.0, 2.0], [-1.0, 0.0], [3.0, 1.0]])
    sample = Sample(x, np.array([0, 1, 1]), slope=np.array([2.0, 0.0]), offset=-4.0)
    figures.draw_shifts(dict.fromkeys("abcd", sample))
    axes = plt.gcf().axes
    assert [ax.get_title(loc="left") for ax in axes] == list("abcd")
    for ax in axes:
        zeros, ones = ax.collections
        assert zeros.get_offsets().tolist() == [[1.0, 2.0]]
        assert ones.get_offsets().tolist() == [[-1.0, 0.0], [3.0, 1.0]]
        # x @ slope + offset = 0 at x[0] = 2.
        assert [ax.lines[-1].get_xy1()[0], ax.lines[-1].get_xy2()[0]] == [2.0, 2.0]
    assert axes[0].get_xlim() == axes[3].get_xlim()
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["y = 0", "y = 1"]
    assert axes[2].get_xlabel()
    assert axes[2].get_ylabel()


def test_draw_cubic__draws_data_curve_lines_and_densities():
    x, y = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    gaussian = Gaussian(0.5, 0.5)
    figures.draw_cubic(
        x,
        y,
        lambda x: x**2,
        {"one": Line(1.0, 0.0), "two": Line(2.0, 0.0)},
        {"here": gaussian, "there": Gaussian(0.0, 0.3)},
    )
    top, bottom = plt.gcf().axes
    data, curve, one, two = top.lines
    assert data.get_xydata().tolist() == [[0.0, 2.0], [1.0, 3.0]]
    grid = curve.get_xdata()
    assert np.array_equal(curve.get_ydata(), grid**2)
    assert np.array_equal(one.get_ydata(), grid)
    assert np.array_equal(two.get_ydata(), 2 * grid)
    assert np.array_equal(bottom.lines[0].get_ydata(), gaussian.density(grid))
    assert labels(bottom) == ["here", "there"]
    assert all((top.get_ylabel(), bottom.get_xlabel(), bottom.get_ylabel()))


def test_draw_exponents__rings_the_least_error():
    exponents = np.array([0.0, 0.5, 1.0])
    figures.draw_exponents(exponents, {"n = 3": np.array([3.0, 1.0, 2.0])})
    (axes,) = plt.gcf().axes
    errors, ring = axes.lines
    assert errors.get_ydata().tolist() == [3.0, 1.0, 2.0]
    assert ring.get_xydata().tolist() == [[0.5, 1.0]]
    assert labels(axes) == ["n = 3"]
    assert axes.get_xlabel()
    assert axes.get_ylabel()


def test_draw_effective_size__draws_median_and_theory():
    figures.draw_effective_size(
        np.array([0.0, 1.0]), np.array([10.0, 5.0]), [np.array([10.0]), np.array([4, 6, 7])], 10
    )
    (axes,) = plt.gcf().axes
    median, theory, one = axes.lines
    assert median.get_ydata().tolist() == [10.0, 6.0]
    assert theory.get_ydata().tolist() == [10.0, 5.0]
    assert list(one.get_ydata()) == [1, 1]
    assert axes.get_ylabel() == "effective size of 10"


def test_draw_log_weights__draws_known_and_estimated_ones_above_the_data():
    x = np.linspace(0, 1, 5)
    figures.draw_log_weights(x, x, {"estimate": x / 2}, np.array([0.1, 0.1, 0.9]))
    top, bottom = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in top.lines] == [x.tolist(), (x / 2).tolist()]
    assert labels(top) == ["known", "estimate"]
    assert sum(patch.get_height() for patch in bottom.patches) == 3
