"""Make the environment of the book and the tests: `python3 -m tools.set_up`.

This file is only the door. It must run on any Python, however old, so that an old one is answered
with one clear line; what needs a new Python is in `tools.environment`.
"""

import platform
import re
import sys

with open("pyproject.toml", "rb") as metadata:  # noqa: PTH123 - Python 2 has no pathlib
    found = re.findall(b":: ([0-9]+)[.]([0-9]+)", metadata.read())
    served = sorted((int(major), int(minor)) for major, minor in found)
    assert served, "pyproject.toml has no classifiers of Python"

# For these there are packages at the pins of requirements.txt.
if not (
    served[0] <= sys.version_info[:2] <= served[-1]
    and platform.python_implementation() == "CPython"
    and "free-threading" not in sys.version
):
    sys.exit(
        "set-up: this needs CPython %d.%d to %d.%d, and %s is %s %s. "  # noqa: UP031
        "Install one that serves and name it, as in: make book PYTHON=python%d.%d"
        % (
            served[0]
            + served[-1]
            + (sys.executable, platform.python_implementation(), sys.version.split(" ")[0])
            + served[-1]
        )
    )
if (sys.platform, platform.machine()) not in (
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "arm64"),
):
    sys.exit(
        "set-up: this needs Linux on x86-64 or ARM, or macOS on Apple silicon, "  # noqa: UP031
        "and this is %s on %s. On Windows, WSL is such a Linux" % (sys.platform, platform.machine())
    )

try:
    import ensurepip  # noqa: F401 - Debian leaves it out, and then `venv` cannot work
    import venv  # noqa: F401
except ImportError:
    sys.exit(
        "set-up: %s has no venv. Install it and try again, "  # noqa: UP031
        "on Debian and Ubuntu with: sudo apt install python3-venv" % sys.executable
    )

from tools.environment import main

if __name__ == "__main__":
    sys.exit(main())
