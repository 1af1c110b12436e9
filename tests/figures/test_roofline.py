import matplotlib.pyplot as plt
import numpy as np
import pytest

from bncourse import figures

PASSES = {"forward": 0.875, "backward": 0.75, "inference": 0.5}
PANELS = {
    "contiguous": {"ours": [(0.5, 20.0), (0.75, 30.0)], "torch": [(0.5, 10.0)]},
    "channels last": {"ours": [(0.5, 5.0)], "torch": []},
}


@pytest.fixture
def axes():
    figures.draw_roofline(PANELS, {"copy": 60.0, "sum": 40.0}, PASSES)
    return plt.gcf().axes


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_draw_roofline__draws_roofs_as_bandwidth_times_intensity(axes):
    for ax in axes:
        for name, bandwidth in {"copy": 60.0, "sum": 40.0}.items():
            x, y = lines(ax)[name].get_data()
            np.testing.assert_allclose(y, bandwidth * np.asarray(x))
            assert x[0] < 0.5
            assert x[1] > 0.875


def test_draw_roofline__puts_each_measurement_near_its_intensity_and_at_its_speed(axes):
    ours = lines(axes[0])["ours"]
    assert ours.get_ydata().tolist() == [20.0, 30.0]
    assert ours.get_xdata() == pytest.approx([0.5, 0.75], rel=0.05)


def test_draw_roofline__sets_contenders_apart(axes):
    left, right = lines(axes[0])["ours"], lines(axes[0])["torch"]
    assert left.get_xdata()[0] < right.get_xdata()[0]


def test_draw_roofline__tells_contenders_apart_without_color(axes):
    assert len({lines(axes[0])[name].get_marker() for name in ("ours", "torch")}) == 2
    assert len({lines(axes[0])[name].get_linestyle() for name in ("copy", "sum")}) == 2


def test_draw_roofline__has_axes_with_names_units_and_the_passes(axes):
    left, right = axes
    assert left.get_title(loc="left") == "contiguous"
    assert left.get_ylabel() == "achieved Gflop/s"
    assert [ax.get_xlabel() for ax in axes] == ["flops a byte"] * 2
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    ticks = {tick.get_text().split()[-1]: tick.get_position()[0] for tick in left.get_xticklabels()}
    assert ticks == PASSES
    assert left.get_ylim() == right.get_ylim()


def test_draw_roofline__explains_each_line_once(axes):
    (legend,) = plt.gcf().legends
    assert [text.get_text() for text in legend.get_texts()] == ["copy", "sum", "ours", "torch"]
