"""Long work that is asked to stop: at the next good place, or at once where nothing is lost by that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StoppedError(Exception):
    """Work ended early because it was asked to; what it had done by then stays done."""


class Stop(threading.Event):
    """Asks work to stop once it is set. Set by a signal handler, it also interrupts what is done `at_once`."""

    def __init__(self) -> None:
        super().__init__()
        self._thread: int | None = None

    def set(self) -> None:
        """Ask. Raises StoppedError in a thread that asks itself, as a signal handler does, where that is waited for."""
        super().set()
        if self._thread == threading.get_ident():
            raise StoppedError

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let a signal handler interrupt what this thread does here."""
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None


def check(stop: threading.Event | None) -> None:
    """Raise StoppedError where it was asked for."""
    if stop is not None and stop.is_set():
        raise StoppedError


@contextmanager
def at_once(stop: threading.Event | None) -> Iterator[None]:
    """Do what may be broken off anywhere: a signal does not wait for its end. Raises StoppedError."""
    if isinstance(stop, Stop):
        with stop.interrupting():
            check(stop)
            yield
    else:
        check(stop)
        yield
