"""Renew the pins in `requirements.txt` from `requirements.in`: `python -m tools.lock`."""

import re
import subprocess
import sys
import tomllib

from tools.environment import ROOT

PINS = ROOT / "requirements.txt"
COMMAND = [
    *(sys.executable, "-m", "piptools", "compile", "--quiet", "--upgrade", "--allow-unsafe"),
    *("--strip-extras", "--no-emit-find-links", "--no-emit-index-url", "--no-emit-trusted-host"),
    *(f"--output-file={PINS.name}", "requirements.in"),
]
# As in torch==2.13.0+cpu: the label of a local build, which PyPI does not know.
LOCAL_LABEL = re.compile(r"^([^\s#]+==[^\s+]+)\+\S+", re.MULTILINE)


def main() -> int:
    """Write the pins; return the exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    running = "{}.{}".format(*sys.version_info)
    if oldest != running:
        print(
            f"lock: this is Python {running}, but the pins must suit the oldest one that we "
            f"support. Try: make lock PYTHON=python{oldest}"
        )
        return 1
    before = PINS.read_text()
    status = subprocess.run(COMMAND, cwd=ROOT, check=False).returncode
    if status != 0:
        return status
    PINS.write_text(LOCAL_LABEL.sub(r"\1", PINS.read_text()))
    changed = PINS.read_text() != before
    print(f"{PINS.name} {'has changed: make test will tell' if changed else 'is as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
