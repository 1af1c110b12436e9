"""`make outputs` stores the same bytes twice, and leaves a notebook alone when a cell fails."""

import base64
import io

import nbformat
import pytest
from PIL import Image

from tools import outputs

PICTURE = "import matplotlib.pyplot as plt\n\n_ = plt.plot([1, 3, 2])"
PIECES = "import time\n\nfor piece in 'abc':\n    print(piece, flush=True)\n    time.sleep(0.1)"
TIMING = "# NBVAL_IGNORE_OUTPUT\nimport time\n\nprint(time.perf_counter_ns())"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a notebook of these code cells."""

    def write_notebook(*sources):
        cells = [
            nbformat.v4.new_code_cell(source, id=f"cell-{number}")
            for number, source in enumerate(sources)
        ]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"colab": {"name": "x"}})
        nbformat.write(notebook, tmp_path / "page.ipynb")
        return tmp_path / "page.ipynb"

    return write_notebook


def treat(path, check=False, timings=False):
    return outputs.treat(path, check, timings)


def cells(path):
    return nbformat.read(path, as_version=4).cells


def test_two_runs__store_the_same_bytes(write):
    path = write(PICTURE, PIECES, TIMING)
    assert treat(path)
    first = path.read_bytes()
    assert b"image/png" in first
    assert [len(cell.outputs) for cell in cells(path)] == [1, 1, 1]
    assert treat(path)
    assert path.read_bytes() == first
    assert treat(path, check=True)


def tint(path, shade):
    """Make the picture of the first cell of a notebook darker by this much of 255."""
    stored = nbformat.read(path, as_version=4)
    data = stored.cells[0].outputs[0].data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
    file = io.BytesIO()
    image.point(lambda color: max(color - shade, 0)).save(file, "png")
    data["image/png"] = base64.b64encode(file.getvalue()).decode() + "\n"
    path.write_text(outputs.canonical(stored))


def test_rounding__is_not_stored_and_what_differs_is(write):
    path = write(PICTURE, "print('y: largest error 1e-16 (bound 1e-12)\\nmean 3')")
    treat(path)
    first = cells(path)

    tint(path, 2)
    path.write_text(
        path.read_text().replace("error 1e-16 (bound 1e-12)\\n", "error 3e-16 (bound 1e-12)\\n")
    )
    rounded = path.read_text()
    assert cells(path) != first
    assert treat(path)
    assert path.read_text() == rounded

    tint(path, 20)
    path.write_text(path.read_text().replace("mean 3\\n", "mean 4\\n"))
    treat(path)
    assert [cell.outputs for cell in cells(path)] == [cell.outputs for cell in first]


def test_volatile_metadata__is_not_stored(write):
    path = write("1 + 1")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata = {"tags": ["kept"], "execution": {"started": "now"}}
    nbformat.write(notebook, path)
    treat(path)
    stored = nbformat.read(path, as_version=4)
    assert stored.metadata == outputs.METADATA
    assert stored.cells[0].metadata == {"tags": ["kept"]}


def test_timing__is_kept_until_its_code_changes_or_it_is_asked_for(write):
    path = write(TIMING)
    treat(path)
    first = cells(path)[0].outputs
    treat(path)
    assert cells(path)[0].outputs == first

    treat(path, timings=True)
    second = cells(path)[0].outputs
    assert second != first

    path.write_text(path.read_text().replace("print(time", "print(0, time"))
    treat(path)
    assert cells(path)[0].outputs[0].text.startswith("0 ")


def test_failing_cell__is_named_and_the_file_stays_as_it_was(write):
    path = write("1 + 1", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(outputs.NotebookError, match=r"page\.ipynb, cell 2 failed:\n(.|\n)*1 / 0"):
        treat(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["page.ipynb"]


@pytest.mark.parametrize(
    ("old", "new"), [('"1\\n"', '"2\\n"'), ('"image/png": "iVBOR', '"image/png": "iVBOS')]
)
def test_check__finds_a_changed_output_and_stores_nothing(write, capsys, old, new):
    path = write("print(1)", PICTURE)
    treat(path)
    stale = path.read_text().replace(old, new)
    assert stale != path.read_text()
    path.write_text(stale)
    assert not treat(path, check=True)
    assert "DIFFERS" in capsys.readouterr().out
    assert path.read_text() == stale
