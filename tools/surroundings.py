"""The surroundings in which notebooks run: the same for everybody.

A user's own settings of IPython, Jupyter and matplotlib would find their way into the outputs.
"""

import os
import subprocess
import sys

from tools.environment import BUILD

HOME = BUILD / "home"
# The kernel warns at every start that it talks to us over TCP; errors are enough.
KERNEL_SETTINGS = "c.IPKernelApp.log_level = 40\n"


def surroundings() -> dict[str, str]:
    """Prepare the surroundings and return the environment variables that lead there.

    Returns
    -------
    dict of str to str
        Those of this process, with the settings of IPython, Jupyter and matplotlib in `_build`.
    """
    variables = os.environ | {
        "IPYTHONDIR": str(HOME / "ipython"),
        "JUPYTER_CONFIG_DIR": str(HOME / "jupyter"),
        "MPLCONFIGDIR": str(HOME / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    settings = HOME / "ipython" / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(KERNEL_SETTINGS)
    if not list((HOME / "matplotlib").glob("fontlist*")):
        # The first import makes a list of all fonts and says so on stderr: not in a notebook.
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=variables, check=True, stderr=subprocess.DEVNULL)
    return variables
