"""How long work tells of its progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

Watch = Callable[[str, int | None], AbstractContextManager[Callable[[int, int], None]]]
"""Opens a progress bar: called with its name and its length (None where that is not known), it yields a function to
call with (done, all)."""
