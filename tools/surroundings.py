"""The surroundings in which notebooks run: the same for everybody.

A user's own settings of IPython, Jupyter and matplotlib would find their way into the outputs.
"""

import os
import subprocess
import sys
from pathlib import Path

from tools.environment import BUILD

HOME = BUILD / "home"
# Processes side by side that each keep all cores busy wait for one another, and some for minutes.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# The kernel warns at every start that it talks to us over TCP; errors are enough.
KERNEL_SETTINGS = "c.IPKernelApp.log_level = 40\n"


def surroundings(python: str = sys.executable, home: Path = HOME) -> dict[str, str]:
    """Prepare the surroundings and return the environment variables that lead there.

    Parameters
    ----------
    python : str
        The Python that runs the kernels.
    home : Path
        Where to keep the settings; one folder for each Python, for their caches differ.

    Returns
    -------
    dict of str to str
        Those of this process, with the settings of IPython, Jupyter and matplotlib in `home`.
    """
    variables = (
        os.environ
        | ONE_THREAD
        | {
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
            "MPLCONFIGDIR": str(home / "matplotlib"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
    )
    settings = home / "ipython" / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(KERNEL_SETTINGS)
    if not list((home / "matplotlib").glob("fontlist*")):
        # The first import makes a list of all fonts and says so on stderr: not in a notebook.
        command = [python, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=variables, check=True, stderr=subprocess.DEVNULL)
    return variables
