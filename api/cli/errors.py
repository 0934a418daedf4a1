"""Errors of the command line: the one that only it has, and how each of them ends a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from api.terminal import tell
from index.errors import InputError, OutputError, SpanqaError


class UsageError(InputError):
    """Wrong use of a command: exit code 2."""


def run_command(command: Callable[[], Any]) -> None:
    """Run a command to its end; an expected error is one message and an exit code, never a traceback."""
    # Wrong use that only a command can notice is reported as typer reports its own: exit code 2.
    try:
        command()
    except (UsageError, OutputError) as error:
        tell(str(error), label="error:", style="red")
        raise SystemExit(2) from error
    except SpanqaError as error:
        tell(str(error), label="error:", style="red")
        raise SystemExit(1) from error
    except BrokenPipeError:
        # The reader of our output has gone (a pager that was quit): nothing is left to say.
        sys.stderr.close()
        raise SystemExit(1) from None
