"""What `qa index` and `qa watch` share: where documents go, signals, and what is said of the outcome."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.grouping import OptionGroup
from api.terminal import errors, tell
from index.disk.paths import path_of
from index.documents import DEFAULT_COLLECTION, Unread

if TYPE_CHECKING:
    from index.ingest.plan import Plan
    from index.ingest.sync import Report
    from index.stopping import Stop

SHOW_CURSOR = b"\x1b[?25h"
# Of the parts of a document that were not read: `qa documents show` names all that are known.
_TOLD = 3
ASKED_TO_STOP = b"\nfinishing what is in hand; once more ends it at once\n"


@dataclass(frozen=True)
class PlacingOptions(OptionGroup):
    """The collection and tags that documents get, and whether those go whose files are gone."""

    collection: Annotated[str, typer.Option(help="The collection that the documents go into.")] = DEFAULT_COLLECTION
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag of all of these documents; may be repeated.")
    ] = None
    prune: Annotated[
        bool | None,
        typer.Option(
            "--prune/--no-prune",
            help="Documents of files that are gone from a folder: --no-prune keeps all of them; --prune removes also "
            "those of a folder that is missing or empty, which otherwise stay, since its disk may not be mounted.",
        ),
    ] = None


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """What the first interrupt or termination sets; the second ends the process at once."""
    from index.stopping import Stop

    stop = Stop()
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        for number in kept:
            signal.signal(number, signal.SIG_DFL)
        try:
            stop.set()
        finally:
            # A handler may come in the middle of another write, which the system's own call does not mind; a progress
            # bar hides the cursor, and the second signal would leave it so.
            os.write(2, SHOW_CURSOR + ASKED_TO_STOP if errors.is_terminal else ASKED_TO_STOP)

    for number in kept:
        signal.signal(number, ask_to_stop)
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def summary(report: Report) -> str:
    return (
        f"{report.added:,} added, {report.changed:,} changed, {report.removed:,} removed, {report.unchanged:,} "
        f"unchanged, {len(report.failed):,} failed, {report.passed_over:,} of other kinds passed over"
    )


def tell_failures(report: Report) -> None:
    for _, reason in report.failed:
        tell(reason, label="not indexed:")


def tell_partly_read(report: Report) -> None:
    for document in report.partly_read:
        path = path_of(document.uri) if document.uri.startswith("file:") else document.uri
        tell(f"{path}: {unread_parts(document.unread)}", label="partly read:")


def unread_parts(unread: Sequence[Unread]) -> str:
    """What was not read, in a line: parts with the same reason together, and of many the first few."""
    by_reason: dict[str, list[str]] = {}
    for each in unread:
        by_reason.setdefault(each.reason, []).append(each.part)
    reasons = list(by_reason.items())
    told = []
    for reason, parts in reasons[:_TOLD]:
        more = [f"{len(parts) - _TOLD:,} more"] if len(parts) > _TOLD else []
        told.append(f"{', '.join([*parts[:_TOLD], *more])} ({reason})")
    if len(reasons) > _TOLD:
        told.append(f"and more for {plural(len(reasons) - _TOLD, 'other reason')}")
    return "; ".join(told)


def tell_kept(made: Plan) -> None:
    from index.ingest.plan import kept_messages

    for message in kept_messages(made):
        tell(message, label="kept:")


def tell_moved(made: Plan) -> None:
    from index.ingest.plan import moved_message

    if (message := moved_message(made)) is not None:
        tell(message, label="moved:")


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
