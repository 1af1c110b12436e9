import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse import figures


def test_draw_drift__draws_accuracies_and_the_three_percentiles_on_one_scale():
    steps = np.array([0, 10])
    bands = {"plain": np.array([[1.0, 2, 3], [4, 5, 6]]), "bn": np.array([[0.0, 1, 2], [1, 2, 3]])}
    figures.draw_drift(steps, {"plain": np.array([0.1, 0.5]), "bn": np.array([0.2, 0.9])}, bands)
    top, left, right = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in top.lines] == [[10, 50], [20, 90]]
    assert {tuple(line.get_ydata()) for line in left.lines} == {(1, 4), (2, 5), (3, 6)}
    assert {tuple(line.get_ydata()) for line in right.lines} == {(0, 1), (1, 2), (2, 3)}
    for ax, median in ((left, (2, 5)), (right, (1, 2))):
        (solid,) = (line for line in ax.lines if line.get_linestyle() == "-")
        assert tuple(solid.get_ydata()) == median
    assert left.get_ylim() == right.get_ylim()
    assert left.get_ylim()[0] <= 0
    assert left.get_ylim()[1] >= 6
    assert [ax.get_xlabel() for ax in (top, left, right)] == ["training step"] * 3


def test_draw_covariances__draws_sizes_on_one_scale():
    matrices = {"a": np.array([[1.0, -0.5], [-0.5, 1.0]]), "b": np.eye(2)}
    figures.draw_covariances(matrices)
    a, b = plt.gcf().axes[:2]
    assert a.images[0].get_array().tolist() == [[1.0, 0.5], [0.5, 1.0]]
    assert a.images[0].get_clim() == b.images[0].get_clim() == (0, 1)
    assert [ax.get_title(loc="left") for ax in (a, b)] == ["a", "b"]


def test_draw_covariances__numbers_the_units_from_one():
    figures.draw_covariances({"a": np.eye(12)})
    ax = plt.gcf().axes[0]
    assert ax.get_xticks().tolist() == [4, 9]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["5", "10"]


def test_draw_cost__draws_milliseconds():
    figures.draw_cost(np.array([32, 64]), {"whiten": [0.001, 0.004]})
    (axes,) = plt.gcf().axes
    assert axes.lines[0].get_ydata() == pytest.approx([1, 4])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["32", "64"]
    assert axes.get_ylabel()
