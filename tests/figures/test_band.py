import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse.figures.band import plot_band


@pytest.mark.parametrize("kind", [np.array, list])
def test_plot_band__draws_the_middle_and_fills_from_end_to_end(kind):
    runs = np.array([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]])
    _, ax = plt.subplots()
    plot_band(ax, [0.0, 1.0], runs if kind is np.array else list(runs.T), (0, 50, 100), label="a")
    (line,) = ax.lines
    assert line.get_ydata().tolist() == [2.0, 20.0]
    assert line.get_label() == "a"
    corners = ax.collections[0].get_paths()[0].vertices
    for x, low, high in ((0.0, 1.0, 6.0), (1.0, 10.0, 60.0)):
        there = corners[corners[:, 0] == x][:, 1]
        assert (there.min(), there.max()) == (low, high)
