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
