import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from bncourse import figures


@pytest.fixture(autouse=True)
def drawing():
    with mpl.rc_context():
        mpl.use("agg")
        figures.use_style()
        yield
        plt.close("all")


@pytest.fixture
def bands():
    """`bands(ax)` returns the corners of each band of an axes, sorted."""

    def bands_(ax):
        return [
            sorted({tuple(point) for point in band.get_paths()[0].vertices.tolist()})
            for band in ax.collections
        ]

    return bands_
