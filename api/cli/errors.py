"""Errors that only the command line has."""

from __future__ import annotations

from index.errors import InputError


class UsageError(InputError):
    """Wrong use of a command: exit code 2."""
