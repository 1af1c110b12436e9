import matplotlib.pyplot as plt
import numpy as np

from bncourse import figures


def test_draw_norm_spectra__puts_what_was_measured_into_the_rings_of_the_theory():
    theory = {"m = 2": np.array([0.2, 0.0]), "m = 3": np.array([0.9, 0.2, 0.0])}
    figures.draw_norm_spectra(theory, {name: values + 0.001 for name, values in theory.items()})
    for axes, (name, values) in zip(plt.gcf().axes, theory.items(), strict=True):
        rings, dots = axes.lines
        assert axes.get_title(loc="left") == name
        assert rings.get_ydata().tolist() == values.tolist()
        assert dots.get_ydata().tolist() == (values + 0.001).tolist()
        assert rings.get_xdata().tolist() == list(range(1, len(values) + 1))


def test_draw_shares_above__falls_from_all_units_to_one():
    figures.draw_shares_above({"a": np.array([1.0, 100.0, 10.0, 0.1])})
    (line,) = plt.gca().lines
    assert line.get_xdata().tolist() == [100.0, 10.0, 1.0, 0.1]
    assert line.get_ydata().tolist() == [0.25, 0.5, 0.75, 1.0]


def test_draw_singular_values__has_a_histogram_of_area_one_and_its_limit():
    samples = {"a": np.linspace(0.5, 1.5, 50), "b": np.linspace(0, 2, 50)}
    line = np.array([0.5, 1.0]), np.array([1.0, 2.0])
    figures.draw_singular_values(samples, dict.fromkeys(samples, line))
    for axes in plt.gcf().axes:
        areas = [bar.get_width() * bar.get_height() for bar in axes.patches]
        assert abs(sum(areas) - 1) < 1e-12
        assert axes.lines[0].get_ydata().tolist() == [1.0, 2.0]


def test_draw_layer_spectra__has_a_panel_for_each_layer_and_names_the_lines_once():
    spectra = {"before": np.array([3.0, 1.0]), "after": np.array([2.0, 0.5])}
    figures.draw_layer_spectra({"first": spectra, "second": spectra})
    figure = plt.gcf()
    for axes in figure.axes:
        before, after, _one = axes.lines
        assert before.get_ydata().tolist() == [3.0, 1.0]
        assert after.get_ydata().tolist() == [2.0, 0.5]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["before", "after"]


def test_draw_gradient_lengths__draws_the_median_run_and_the_theory():
    runs = {"a": np.array([[4.0, 2.0, 1.0], [6.0, 3.0, 1.0], [5.0, 1.0, 1.0]])}
    figures.draw_gradient_lengths(runs, {"a": np.array([4.0, 2.0, 1.0])})
    median, theory = plt.gca().lines
    assert median.get_ydata().tolist() == [5.0, 2.0, 1.0]
    assert theory.get_ydata().tolist() == [4.0, 2.0, 1.0]
    assert median.get_xdata().tolist() == [0, 1, 2]
