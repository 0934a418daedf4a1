"""How much of one document is taken, and when its passages are embedded, where others wait meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from index.documents import Document, Passage
from index.errors import TooLongError


@dataclass(frozen=True, slots=True)
class Pacing:
    """`turn` is entered around each batch of passages: it may wait, or raise to give the whole document up."""

    turn: Callable[[], AbstractContextManager[None]]
    max_characters: int
    max_passages: int

    def require_short(self, document: Document) -> None:
        """Raise TooLongError for a text of more code points than are taken."""
        if len(document.text) > self.max_characters:
            raise TooLongError(
                f"the document's text has {len(document.text):,} characters, more than the {self.max_characters:,} "
                "that are taken at once; divide it into several documents, or index its file with: qa index"
            )

    def require_few(self, passages: Sequence[Passage]) -> None:
        """Raise TooLongError for a document of more passages than are taken."""
        if len(passages) > self.max_passages:
            raise TooLongError(
                f"the document comes to {len(passages):,} passages, more than the {self.max_passages:,} that are taken "
                "at once; divide it into several documents, or index its file with: qa index"
            )
