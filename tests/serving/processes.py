"""How the tests start a server process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(store: Path, port: int, settings: str = "{}", fault: str = "none") -> list[str]:
    return [sys.executable, "-m", "serving.server", str(store), str(port), settings, fault]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
