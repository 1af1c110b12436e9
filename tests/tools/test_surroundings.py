"""What a user has set reaches no notebook, whatever it is called, and where it is a file too."""

import json
import shutil
import sys

import nbformat
import pytest

from tools import check, outputs
from tools.toc import ROOT

SAY = """\
import sys
import matplotlib as mpl
import numba, torch
from bncourse import figures

assert "hostile" not in sys.modules
figures.use_style()
print(mpl.rcParams["font.size"], mpl.rcParams["savefig.dpi"], mpl.get_backend().split("_")[-1])
print(sys.prefix)
print(__debug__, sys.warnoptions, sys.flags.hash_randomization, sys.stdout.encoding)
print(numba.config.DISABLE_JIT, torch.get_num_threads())
"""
# Variables that nobody here thought of are as good as these: none is kept.
VARIABLES = {
    **{"PYTHONOPTIMIZE": "1", "PYTHONWARNINGS": "error", "PYTHONHASHSEED": "0"},
    **{"PYTHONIOENCODING": "latin-1", "LC_ALL": "POSIX", "LANG": "POSIX", "PYTHONINSPECT": "1"},
    **{"MPLBACKEND": "svg", "NUMBA_DISABLE_JIT": "1", "OMP_NUM_THREADS": "3", "COLUMNS": "20"},
    **{"FORCE_COLOR": "1", "SPHINXOPTS": "-b latex", "SOURCE_DATE_EPOCH": "0", "TORCH_LOGS": "all"},
    **{"PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "no_such_plugin"},
    **{"JUPYTER_PREFER_ENV_PATH": "0", "JUPYTER_PLATFORM_DIRS": "1", "GIT_DIR": "/no/such/place"},
}


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Set what would change a notebook's outputs; return the folder of the files."""
    rc = "font.size: 3\nsavefig.dpi: 10\n"
    spec = {"argv": ["/bin/false"], "display_name": "Python 3", "language": "python"}
    startup = "import sys\nsys.modules['hostile'] = sys\n"
    files = {
        "kernels/python3/kernel.json": json.dumps(spec),
        "home/.local/share/jupyter/kernels/python3/kernel.json": json.dumps(spec),
        "home/.config/matplotlib/matplotlibrc": rc,
        "home/.ipython/profile_default/startup/hostile.py": startup,
        "home/.jupyter/jupyter_config.py": "no python",
        "path/sitecustomize.py": startup,
        "path/numpy.py": "raise ImportError",
        "matplotlibrc": rc,  # matplotlib looks into the notebook's own folder first
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    places = {
        **{"HOME": "home", "IPYTHONDIR": "home/.ipython", "PYTHONPATH": "path"},
        **{"JUPYTER_PATH": ".", "JUPYTER_DATA_DIR": ".", "JUPYTER_CONFIG_PATH": "home/.jupyter"},
        **{"MATPLOTLIBRC": ".", "MPLCONFIGDIR": "home/.config/matplotlib"},
        **{"PYTHONSTARTUP": "path/sitecustomize.py", "XDG_DATA_HOME": "home/.local/share"},
    }
    for name, place in places.items():
        monkeypatch.setenv(name, str(tmp_path / place))
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_notebook__is_run_and_compared_as_if_nothing_were_set(hostile, monkeypatch):
    path = hostile / "page.ipynb"
    cell = nbformat.v4.new_code_cell(SAY, id="say")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert outputs.treat(path, check=False, timings=False)
    (said,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert said.text.splitlines() == [
        "12.0 figure inline",
        sys.prefix,
        "True [] 1 UTF-8",
        "0 1",
    ]

    monkeypatch.setattr(check, "notebooks", lambda: [path])
    monkeypatch.setattr(check, "ROOT", hostile)
    monkeypatch.setattr(check, "REPORTS", hostile)
    (hostile / "tests").mkdir()
    shutil.copy(ROOT / check.SANITIZE, hostile / "tests")
    assert check.check_notebooks().failures == []
