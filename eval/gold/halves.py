"""A gold set over documents in parts: its two halves, one to tune and one to report on, and its domains."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

from eval.gold.questions import GoldQuestion

Half = Literal["tune", "report"]


def half_of(document: str) -> Half:
    """The half that a document belongs to, by its file's name alone: stable whatever else is in the set."""
    name = PurePosixPath(document).name
    return "report" if hashlib.sha256(name.encode()).digest()[0] % 2 else "tune"


def in_half(gold: Sequence[GoldQuestion], half: Half | None) -> list[GoldQuestion]:
    """The questions whose document is of that half; all where it is None."""
    return [question for question in gold if half is None or half_of(question.document or "") == half]


def other_half(half: Half) -> Half:
    return "report" if half == "tune" else "tune"


def domain_of(document: str | None) -> str:
    """The name of the folder that a document lies in, "" for none."""
    return PurePosixPath(document or "").parent.name
