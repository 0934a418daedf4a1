"""Figures of a process, and what it said last."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SHOWN_LINES = 4


def resident_bytes(pid: int) -> int | None:
    """The memory that a process has resident now, mapped files included; None where the system does not say."""
    return _status_bytes(pid, "VmRSS")


def peak_resident_bytes(pid: int) -> int | None:
    """The most memory that a process ever had resident; None where the system does not say."""
    # The library for process figures has no peak on Linux: the kernel's own file has both.
    return _status_bytes(pid, "VmHWM")


def own_resident_bytes() -> int:
    """What this process has resident now; where the system does not say, the most that it ever had."""
    now = resident_bytes(os.getpid())
    if now is not None:
        return now
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def last_words(log: Path) -> str:
    """The last lines of what a process wrote to its log, on one line, for a message that it ended."""
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
    return f"{' | '.join(lines[-_SHOWN_LINES:]) or 'it said nothing'}; see {log}"


def _status_bytes(pid: int, field: str) -> int | None:
    """A field of /proc/PID/status (proc(5)), which counts in units of 1024 bytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    values = (value for name, _, value in (line.partition(":") for line in status.splitlines()) if name == field)
    value = next(values, None)
    return None if value is None else int(value.split()[0]) * 1024
