"""The machine of a measurement, so that a figure can be read later."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_LIBRARIES = ("av", "numpy", "opencv-python-headless", "distributed")


def describe_machine() -> dict[str, object]:
    """Processor, cores, memory, Python and the libraries that matter."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": cpu[0].split(": ", 1)[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _LIBRARIES},
    }
