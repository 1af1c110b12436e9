import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse import figures
from bncourse.figures import Panel

RUNS = np.array([[1.0, 8.0, 3.0], [2.0, 4.0, 9.0], [6.0, 5.0, 1.0]])
STEPS = np.array([0, 10, 20])


def bands(ax):
    """Return the lower and the upper ends of each band, by where they lie."""
    return [
        sorted({tuple(point) for point in band.get_paths()[0].vertices.tolist()})
        for band in ax.collections
    ]


def test_draw_panels__draws_the_median_run_and_a_band_to_the_ends():
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


def test_draw_panels__tells_lines_apart_without_color():
    figures.draw_panels([Panel("", STEPS, dict.fromkeys("abcd", RUNS))], "x")
    (ax,) = plt.gcf().axes
    looks = {(line.get_linestyle(), line.get_marker()) for line in ax.lines}
    assert len(looks) == 4


def test_draw_panels__breaks_the_line_where_a_run_is_not_finite():
    runs = RUNS.copy()
    runs[1, 1] = np.inf
    figures.draw_panels([Panel("", STEPS, {"a": runs})], "x")
    assert plt.gca().lines[0].get_ydata() == pytest.approx([2, np.nan, 3], nan_ok=True)
    assert bands(plt.gca())[0][0] == (0, 1)


def test_draw_panels__has_axes_and_levels_as_asked():
    panel = Panel("", np.array([0.03, 0.1, 1.0]), {"a": RUNS}, True, (0.5, 20), {"chance": 2.3})
    figures.draw_panels([panel], "learning rate", base=10, together=False)
    (ax,) = plt.gcf().axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_ylim() == (0.5, 20)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.1", "1"]
    assert ax.lines[1].get_ydata() == [2.3, 2.3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "chance"]
    assert plt.gcf().legends == []


def test_draw_panels__numbers_powers_of_two():
    figures.draw_panels([Panel("", np.array([2, 8, 240]), {"a": RUNS})], "size", base=2)
    assert [tick.get_text() for tick in plt.gca().get_xticklabels()] == ["2", "8", "240"]


def test_draw_twins__lays_each_thin_line_over_its_thick_one():
    figures.draw_twins(STEPS, {"a": (RUNS[0], RUNS[0] + 0.1), "b": (RUNS[1], RUNS[1])})
    lines = plt.gca().lines
    assert [line.get_ydata().tolist() for line in lines[:4]] == [
        RUNS[0].tolist(),
        (RUNS[0] + 0.1).tolist(),
        RUNS[1].tolist(),
        RUNS[1].tolist(),
    ]
    assert [line.get_linewidth() for line in lines[:4]] == [4, 1, 4, 1]
    labels = [text.get_text() for text in plt.gca().get_legend().get_texts()]
    assert labels == ["a", "b", "PyTorch, each"]
    assert plt.gca().get_yscale() == "log"


def test_draw_moving__draws_each_network_with_its_percentiles():
    band = np.array([[0.0, 1, 2], [1, 2, 3], [2, 4, 7]])
    figures.draw_moving(STEPS, {"still": band, "moving": band + 5})
    still, moving = plt.gcf().axes
    assert still.lines[0].get_ydata().tolist() == [1, 2, 4]
    assert moving.lines[0].get_ydata().tolist() == [6, 7, 9]
    assert bands(still)[0] == [(0, 0), (0, 2), (10, 1), (10, 3), (20, 2), (20, 7)]
    assert [ax.get_title(loc="left") for ax in (still, moving)] == ["still", "moving"]
    assert moving.get_xlabel() == "training step"
    assert plt.gcf()._supylabel.get_text() == "input of the sigmoid"


@pytest.mark.parametrize("count", [1, 3])
def test_draw_moving__grows_with_the_number_of_networks(count):
    band = np.array([[0.0, 1, 2], [1, 2, 3], [2, 4, 7]])
    figures.draw_moving(STEPS, {str(i): band for i in range(count)})
    assert len(plt.gcf().axes) == count
