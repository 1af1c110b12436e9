import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse import figures
from bncourse.figures import Panel

RUNS = np.array([[1.0, 8.0, 3.0], [2.0, 4.0, 9.0], [6.0, 5.0, 1.0]])
STEPS = np.array([0, 10, 20])


def test_draw_panels__draws_the_median_run_and_a_band_to_the_ends(bands):
    panels = [Panel("loss", STEPS, {"a": RUNS, "b": RUNS + 10}), Panel("other", STEPS, {"a": RUNS})]
    figures.draw_panels(panels, "training step")
    left, right = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[2, 5, 3], [12, 15, 13]]
    assert left.lines[0].get_xdata().tolist() == STEPS.tolist()
    assert bands(left)[0] == [(0, 1), (0, 6), (10, 4), (10, 8), (20, 1), (20, 9)]
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["loss", "other"]
    assert [ax.get_xlabel() for ax in (left, right)] == ["training step"] * 2
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]


def test_draw_panels__explains_each_line_of_any_panel_once():
    levels = {"level": 2.0}
    panels = [
        Panel("", STEPS, {"a": RUNS}),
        Panel("", STEPS, {"a": RUNS, "b": RUNS}, levels=levels),
    ]
    figures.draw_panels(panels, "x")
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "level"]


def test_draw_panels__tells_lines_apart_without_color():
    figures.draw_panels([Panel("", STEPS, dict.fromkeys("abcd", RUNS))], "x")
    (ax,) = plt.gcf().axes
    looks = {(line.get_linestyle(), line.get_marker()) for line in ax.lines}
    assert len(looks) == 4


def test_draw_panels__breaks_the_line_where_a_run_is_not_finite(bands):
    runs = RUNS.copy()
    runs[1, 1] = np.inf
    figures.draw_panels([Panel("", STEPS, {"a": runs})], "x")
    assert plt.gca().lines[0].get_ydata() == pytest.approx([2, np.nan, 3], nan_ok=True)
    assert bands(plt.gca())[0][0] == (0, 1)


def test_draw_panels__has_axes_and_levels_as_asked():
    look = {"logarithmic": True, "limits": (0.5, 20), "ylabel": "loss", "levels": {"chance": 2.3}}
    panel = Panel("", np.array([0.03, 0.1, 1.0]), {"a": RUNS}, **look)
    figures.draw_panels([panel], "learning rate", base=10, together=False)
    (ax,) = plt.gcf().axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_ylim() == (0.5, 20)
    assert ax.get_ylabel() == "loss"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.1", "1"]
    assert ax.lines[1].get_ydata() == [2.3, 2.3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "chance"]
    assert plt.gcf().legends == []


def test_draw_panels__numbers_powers_of_two():
    figures.draw_panels([Panel("", np.array([2, 8, 240]), {"a": RUNS})], "size", base=2)
    assert [tick.get_text() for tick in plt.gca().get_xticklabels()] == ["2", "8", "240"]


def test_draw_panels__leaves_an_end_of_the_axis_to_the_runs():
    figures.draw_panels([Panel("", STEPS, {"a": RUNS}, limits=(0, None))], "x")
    low, high = plt.gca().get_ylim()
    assert low == 0
    assert high > 9
    assert plt.gca().get_yscale() == "linear"
