import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch

from bncourse import figures
from bncourse.figures.backward import NODES


def arrows(axes):
    """Return the arrows of a graph, as pairs of the nodes that they join, and their widths."""
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    centers = {name: circle.center for name, circle in zip(NODES, circles, strict=True)}

    def nearest(point):
        return min(centers, key=lambda name: np.hypot(*np.subtract(centers[name], point)))

    found = {}
    for patch in axes.patches:
        if isinstance(patch, FancyArrowPatch):
            start, end = patch._posA_posB
            found[nearest(start), nearest(end)] = patch.get_linewidth()
    return found


def test_draw_graph__joins_each_quantity_with_what_it_is_computed_from():
    figures.draw_graph()
    (axes,) = plt.gcf().axes
    assert set(arrows(axes)) == {
        ("x", "mean"),
        ("x", "var"),
        ("x", "x_hat"),
        ("mean", "var"),
        ("mean", "x_hat"),
        ("var", "x_hat"),
        ("x_hat", "y"),
        ("gamma", "y"),
        ("beta", "y"),
        ("y", "L"),
    }
    shapes = [text.get_text() for text in axes.texts if text.get_text().startswith("(")]
    assert sorted(shapes) == ["(C)"] * 5 + ["(m, C)"] * 5


@pytest.mark.parametrize(
    ("node", "senders"),
    [("x", {"mean", "var", "x_hat"}), ("mean", {"var", "x_hat"}), ("var", {"x_hat"})],
)
def test_draw_gradient__turns_the_arrows_and_makes_those_into_the_node_thick(node, senders):
    figures.draw_gradient(node)
    (axes,) = plt.gcf().axes
    drawn = arrows(axes)
    thick = {pair for pair, width in drawn.items() if width == max(drawn.values())}
    assert thick == {(sender, node) for sender in senders}
    assert ("y", "x_hat") in drawn


def test_draw_gradient__of_an_unknown_node_is_an_error():
    with pytest.raises(ValueError, match=r"node: want one of x, mean, .*, got variance"):
        figures.draw_gradient("variance")


def test_draw_circle__starts_both_gradients_at_the_tip_of_x_hat():
    x_hat, dy, dx = np.array([1.0, 1.0]), np.array([0.5, 0.0]), np.array([0.0, 0.5])
    figures.draw_circle(x_hat, dy, dx, radius=1.5)
    (axes,) = plt.gcf().axes
    (circle,) = axes.patches
    assert circle.radius == 1.5
    named = {text.get_text(): text for text in axes.texts}
    arrowed = [text for text in axes.texts if text.get_text() == ""]
    assert [text.xy for text in arrowed] == [(1.0, 1.0), (1.5, 1.0), (1.0, 1.5)]
    assert {r"$\hat{x}$", "$dy$", r"$s\,dx/\gamma$"} <= set(named)


def test_draw_step_sizes__lines_short_curves_up_with_the_last_steps():
    steps = np.array([1e-3, 1e-2, 1e-1])
    figures.draw_step_sizes(
        steps,
        {"long": np.array([3.0, 2.0, 1.0]), "short": np.array([5.0, 4.0])},
        {"slope": (np.array([1e-3, 1e-1]), np.array([1.0, 2.0]))},
    )
    (axes,) = plt.gcf().axes
    assert axes.lines[0].get_xdata().tolist() == steps.tolist()
    assert axes.lines[1].get_xdata().tolist() == [1e-2, 1e-1]
    assert [text.get_text() for text in axes.texts] == ["slope"]


def test_draw_caught__shows_by_color_and_hatching_which_bound_finds_what():
    errors = {"sum": {"right": 1e-12, "small": 3e-6}, "random": {"right": 2e-11, "small": 0.5}}
    figures.draw_caught(errors, usual=1e-4, strict=1e-8)
    (axes,) = plt.gcf().axes
    assert [text.get_text() for text in axes.texts] == ["0", "3e-6", "0", "5e-1"]
    found, strict, missed = axes.get_legend().get_patches()
    looks = [cell.get_hatch() for cell in axes.patches]
    legend = [patch.get_hatch() for patch in (missed, strict, missed, found)]
    assert looks == legend
    assert len({str(patch.get_facecolor()) for patch in (found, strict, missed)}) == 3


def test_draw_training__draws_both_curves():
    figures.draw_training({"a": np.array([2.0, 1.0]), "b": np.array([2.0, 1.5])})
    (axes,) = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[2.0, 1.0], [2.0, 1.5]]


def test_draw_drift_of_biases__has_a_panel_for_each_quantity():
    curves = {"right": np.array([1.0, 0.5]), "detached": np.array([1.0, 0.7])}
    figures.draw_drift_of_biases({"loss": curves, "length of the bias": curves})
    axes = plt.gcf().axes
    assert [ax.get_title(loc="left") for ax in axes] == ["loss", "length of the bias"]
    assert [len(ax.lines) for ax in axes] == [2, 2]


def test_draw_removed_shares__draws_each_direction_and_the_level():
    shares = {"one": np.array([0.1, 0.2]), "x_hat": np.array([0.3, 0.4])}
    figures.draw_removed_shares(np.array([0, 10]), {"third": shares, "first": shares}, level=0.05)
    for axes in plt.gcf().axes:
        one, x_hat, level = axes.lines
        assert one.get_ydata().tolist() == [0.1, 0.2]
        assert x_hat.get_ydata().tolist() == [0.3, 0.4]
        assert set(level.get_ydata()) == {0.05}
