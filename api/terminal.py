"""The one place where text leaves for a terminal or a pipe: whatever is printed passes through here.

Nothing that is printed is markup, and no character of it steers the terminal (`index.text.printable`): colours come
from `Text` and styles alone.
"""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from index.text.printable import printable, printable_json, printable_lines


class Terminal(Console):
    """A console that takes strings for what they are: no markup, no emoji codes, no control characters.

    Names are best made `printable` before they are laid out; what is not is still made harmless here.
    """

    def __init__(self, *, stderr: bool = False, **settings: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            # Control segments are rich's own: where its progress bars move to.
            if segment.control or (segment.text.isascii() and segment.text.isprintable()):
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)


_format_warning = warnings.formatwarning
# Everything that is not a result goes to standard error.
errors = Terminal(stderr=True)


def say(text: str, *, end: str = "\n") -> None:
    """Print a result for people on standard output."""
    _write(printable_lines(text) + end)


def say_json(text: str) -> None:
    """Print a result that is JSON on standard output, a line or several."""
    _write(f"{printable_json(text)}\n")


def tell(text: str, *, label: str = "", style: str = "yellow") -> None:
    """Say something of one line on standard error, which may hold names; `label` before it is in colour."""
    errors.print(Text.assemble((label, style), " " if label else "", printable(text)), soft_wrap=True)


class HarmlessGroup(TyperGroup):
    """A group of commands whose complaints about a command line do not repeat what could steer the terminal in it."""

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        with _harmless_complaints():
            return super().make_context(*arguments, **settings)

    def invoke(self, *arguments: Any, **settings: Any) -> Any:
        with _harmless_complaints():
            return super().invoke(*arguments, **settings)


def harmless_streams() -> None:
    """Let what libraries and the interpreter themselves write to standard error pass through here as well: warnings,
    log records that nobody handles, tracebacks."""
    warnings.formatwarning = _warning
    sys.excepthook = _show_traceback
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(HarmlessFormatter())


class HarmlessFormatter(logging.Formatter):
    """A record whose message is on one line; a traceback below it keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = printable(record.message)
        return super().formatMessage(record)


@contextmanager
def _harmless_complaints() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        if isinstance(getattr(error, "message", None), str):
            error.message = printable_lines(error.message)
        raise


def _write(text: str) -> None:
    typer.echo(text, nl=False)


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return printable_lines(_format_warning(message, category, filename, lineno, line))


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(printable_lines("".join(traceback.format_exception(kind, error, trace))))
