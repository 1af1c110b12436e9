import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse import figures

RUNS = np.array([[1.0, 8.0, 3.0], [2.0, 4.0, 9.0], [6.0, 5.0, 1.0]])
STEPS = np.array([0, 10, 20])


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


def test_draw_moving__draws_each_network_with_its_percentiles(bands):
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
