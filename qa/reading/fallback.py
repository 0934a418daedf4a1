"""Another model in place of one that cannot be loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from index.errors import ModelError
from index.models.runtime import report_fallback
from qa.reading.logits import Logits, LogitsModel
from qa.reading.windows import Window


class Fallback:
    """A model, or where it fails to load what `spare` makes, for the rest of the process; a warning says so."""

    def __init__(self, name: str, first: LogitsModel, spare: Callable[[], LogitsModel]) -> None:
        """`name` is the reader's, for the warning."""
        self._name = name
        self._first = first
        self._spare = spare
        self._choosing = threading.Lock()
        self._chosen: LogitsModel | None = None

    @property
    def runtime(self) -> Literal["openvino", "torch"]:
        """What runs it: until something is loaded, what shall run it."""
        return (self._chosen or self._first).runtime

    @property
    def is_exact(self) -> bool:
        return self._loaded().is_exact

    def load(self) -> None:
        self._loaded()

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        return self._loaded().logits(windows) if windows else []

    def _loaded(self) -> LogitsModel:
        with self._choosing:
            if self._chosen is None:
                self._chosen = self._choose()
            return self._chosen

    def _choose(self) -> LogitsModel:
        try:
            self._first.load()
        except (ModelError, ImportError) as error:
            report_fallback(self._name, error)
            return self._spare()
        return self._first
