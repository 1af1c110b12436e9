"""What the system tells about the machine that something was measured on."""

import os
import platform
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu/cpu0/cache")


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def caches() -> dict[str, str]:
    """Return the sizes of the first core's caches by name, such as "L2": "2048K", if told."""
    sizes = {}
    for index in sorted(_CPU.glob("index*")):
        level, kind, size = (
            (index / name).read_text(encoding="utf-8").strip() for name in ("level", "type", "size")
        )
        suffix = {"Data": "d", "Instruction": "i"}.get(kind, "")
        sizes[f"L{level}{suffix}"] = size
    return sizes


def busy_elsewhere() -> float:
    """Return the seconds that cores have worked for other processes since some time in the past.

    Returns
    -------
    float
        Only differences mean something. NaN where the system does not tell. What a child of this
        process works counts as elsewhere until it has ended.
    """
    told = Path("/proc/stat")
    if not told.exists():
        return float("nan")
    user, nice, system = told.read_text(encoding="utf-8").split()[1:4]
    everyone = (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
    return everyone - sum(os.times()[:4])
