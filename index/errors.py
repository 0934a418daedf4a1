"""Errors whose message is meant for the user: what happened, to which input, and what to do."""

from __future__ import annotations


class SpanqaError(Exception):
    """Base of every expected failure; doors show its message without a traceback."""


class InputError(SpanqaError):
    """The input cannot be used: a missing, binary, malformed or oversized file or value."""


class OutputError(InputError):
    """What a command was told to write would harm something: wrong use, so that the exit code is 2."""


class TooLongError(InputError):
    """A document is longer than is taken at once."""


class AbandonedError(SpanqaError):
    """Nobody waits for this work any more."""

    def __init__(self) -> None:
        super().__init__("the client went away before this was finished; nothing of it was stored")


class StoreError(SpanqaError):
    """The store cannot be opened, read or written."""


class NoStoreError(StoreError):
    """There is no store where one was expected."""


class DamageError(StoreError):
    """What the store holds is not what was written to it."""


class ChangingError(StoreError):
    """The store changes faster than it can be read: the same request may do in a moment."""


class ClusterError(SpanqaError):
    """The cluster that work was to be spread over cannot be reached, does not fit, or is gone."""


class ModelError(SpanqaError):
    """A model is missing, is not the one the store was built with, or cannot be loaded."""
