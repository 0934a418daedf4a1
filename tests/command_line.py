"""What tests of the command line share: how a command ended, and what the seed article is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SEEDS = Path(__file__).parents[1] / "seeds"
ARTICLE = SEEDS / "000_a47247f0e3dcde29.txt"
QUESTION = "When do the Russia-China drills run?"


@dataclass(frozen=True)
class Ran:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]
