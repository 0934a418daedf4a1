"""The machine that a benchmark runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


def cores() -> int:
    """How many cores the machine has, whether or not this process may use them all."""
    return os.cpu_count() or 1


def machine(cpu_info: Path = _CPU_INFO) -> str:
    """The machine in a few words, as "2 cores, Intel Xeon": for the title of a table."""
    lines = cpu_info.read_text("utf-8", "replace").splitlines() if cpu_info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == "model name")
    return f"{cores()} cores, {next(models, platform.machine())}"
