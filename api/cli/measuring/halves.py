"""Halves of a gold set over documents, as options name them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from api.cli.errors import UsageError

if TYPE_CHECKING:
    from eval.gold.halves import Half
    from eval.gold.questions import GoldQuestion


def parse_half(half: str | None) -> Half | None:
    """The half of this name, None for none; raises UsageError for a half that there is not."""
    from eval.gold.halves import Half

    if half is not None and half not in get_args(Half):
        raise UsageError(f"--half {half}: expected {' or '.join(get_args(Half))}")
    return cast("Half | None", half)


def halved(questions: Sequence[GoldQuestion], file: Path, half: Half | None) -> list[GoldQuestion]:
    """The questions of a half of the documents. Raises UsageError where some name no document, by which alone they
    could be told apart, and where there are none."""
    from eval.gold.halves import in_half

    if half is not None:
        unnamed = sum(question.document is None for question in questions)
        if unnamed:
            raise UsageError(f"{file}: --half goes by documents, and {unnamed} of its questions name none")
    chosen = in_half(questions, half)
    if not chosen:
        raise UsageError(f"{file}: no question is of a document of the half {half}")
    return chosen
