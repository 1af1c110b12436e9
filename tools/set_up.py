"""Make the environment of the book and the tests: `python3 -m tools.set_up`.

This file is only the door. It must run on any Python, however old, so that an old one is answered
with one clear line; what needs a new Python is in `tools.environment`.
"""

import re
import sys

with open("pyproject.toml", "rb") as metadata:  # noqa: PTH123 - Python 2 has no pathlib
    found = re.search(b'requires-python = ">=([0-9]+)[.]([0-9]+)"', metadata.read())
    assert found, "pyproject.toml has no requires-python"
    wanted = (int(found.group(1)), int(found.group(2)))

if sys.version_info[:2] < wanted:
    sys.exit(
        "set-up: this needs Python %d.%d or newer, and %s is Python %d.%d. "  # noqa: UP031
        "Install a newer one and name it, as in: make book PYTHON=python%d.%d"
        % (wanted + (sys.executable,) + sys.version_info[:2] + wanted)  # noqa: RUF005
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
