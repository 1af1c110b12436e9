import matplotlib.pyplot as plt
import numpy as np

from bncourse import figures


def ydata(axes):
    return [list(line.get_ydata()) for line in axes.lines]


def test_draw_scales__draws_lines_and_leaves_points_below_rounding_out():
    alphas = np.array([0.1, 1.0, 10.0])
    figures.draw_scales(
        alphas,
        {"theory": np.array([1.0, 1e-2, 1e-4])},
        {"seen": np.array([1.0, 2e-2, 1e-17]), "other": np.array([0.0, 1.0, 1.0])},
        level=1e-15,
    )
    (axes,) = plt.gcf().axes
    line, seen, other = axes.lines
    assert line.get_ydata().tolist() == [1.0, 1e-2, 1e-4]
    assert seen.get_ydata()[:2].tolist() == [1.0, 2e-2]
    assert np.isnan(seen.get_ydata()[2])
    assert seen.get_marker() != other.get_marker()
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["theory", "seen", "other"]


def test_draw_weight_dots__names_the_power_of_ten_of_small_numbers():
    small = np.array([-2e-5, 3e-5])
    large = np.array([-0.2, 0.3])
    figures.draw_weight_dots({"small": (small, 2 * small), "large": (large, large)})
    first, second = plt.gcf().axes
    points = first.lines[1]
    np.testing.assert_allclose(points.get_xdata(), [-2.0, 3.0])
    np.testing.assert_allclose(points.get_ydata(), [-4.0, 6.0])
    assert first.get_xlabel() == "predicted, in $10^{-5}$"
    assert second.lines[1].get_xdata().tolist() == [-0.2, 0.3]
    assert second.get_ylabel() == "measured"
    diagonal = first.lines[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_draw_steps__draws_each_arrow_from_where_to_where_and_the_old_length():
    origin, w, after = np.zeros(2), np.array([0.6, 0.8]), np.array([0.2, 1.1])
    arrows = [(origin, w, "w", "weights"), (w, after, "step", "gradient")]
    figures.draw_steps({"one": arrows, "two": arrows[:1]})
    first, second = plt.gcf().axes
    drawn = [(text.xyann, text.xy) for text in first.texts if hasattr(text, "xyann")]
    assert drawn == [((0.0, 0.0), (0.6, 0.8)), ((0.6, 0.8), (0.2, 1.1))]
    named = [text.get_text() for text in first.texts if not hasattr(text, "xyann")]
    assert named == ["w", "step"]
    arc = first.lines[0]
    np.testing.assert_allclose(np.hypot(arc.get_xdata(), arc.get_ydata()), 1.0)
    assert second.get_title(loc="left") == "two"
