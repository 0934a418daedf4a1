"""The journal of a run: every result as it comes, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Generic, Self, TypeVar

from pydantic import ValidationError

from eval.results import Frozen, QuestionResult
from eval.runs.run import About, RunSettings
from index.disk.outputs import head_kind
from index.errors import InputError
from qa.types import Provenance

JOURNAL_VERSION = "2"
_BEGINNING = b'{"journal":'
JOURNAL = head_kind("the journal of an interrupted run", re.escape(_BEGINNING))


class Entry(Frozen):
    """A judged question, and the origin that its answer named."""

    result: QuestionResult
    origin: Provenance | None = None


class ReadEntry(Frozen):
    """A question that was read in its own paragraph: its best span `[start, end)`, its margin over null in logits, and
    its F1 (see eval.runs.reading.Reading)."""

    id: str
    start: int
    end: int
    margin: float
    f1: float


EntryT = TypeVar("EntryT", bound=Frozen)


class _Journal(Generic[EntryT]):
    """JSON lines beside a run's output: the fingerprint of the run, then an entry a question in the order asked.

    `done` are the entries of an earlier, interrupted run. Use as a context manager; the file stays until `discard`.
    """

    kind: type[EntryT]

    def __init__(self, path: Path, about: About, settings: RunSettings, *, resume: bool) -> None:
        """Opens the journal at `path`; raises InputError for one that is there without `resume`, that belongs to
        another run, or that is damaged before its last line. A torn last line is cut off: its question is asked again.
        """
        self.path = path
        self.done: list[EntryT] = []
        head = {
            "journal": JOURNAL_VERSION,
            "about": about.model_dump(mode="json"),
            "settings": settings.model_dump(mode="json"),
        }
        try:
            kept = 0
            if path.exists():
                if not resume:
                    raise InputError(
                        f"{path}: an interrupted run is kept there; go on with it by --resume, or delete the file"
                    )
                kept = self._read_back(path.read_bytes(), head)
            self._stream: BinaryIO = path.open("ab")
            self._stream.truncate(kept)
        except OSError as error:
            raise InputError(f"{path}: the journal cannot be kept: {error.strerror or error}") from error
        if kept == 0:
            self._append(head)

    def keep(self, entry: EntryT) -> None:
        """Keep an entry; it is handed to the operating system before this returns."""
        self._append(entry.model_dump(mode="json"))

    def discard(self) -> None:
        """Delete the journal: the run is complete and written."""
        self._stream.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _append(self, value: Any) -> None:
        # ASCII: whatever a document holds, a line is valid UTF-8 and ends only where it ends.
        try:
            self._stream.write(json.dumps(value, allow_nan=False, separators=(",", ":")).encode() + b"\n")
            self._stream.flush()
        except OSError as error:
            raise InputError(f"{self.path}: the journal cannot be kept: {error.strerror or error}") from error

    def _read_back(self, data: bytes, head: dict[str, Any]) -> int:
        """Fills `done`; the number of bytes that are sound."""
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.splitlines(keepends=True)
        if not lines:
            if not data.startswith(_BEGINNING[: len(data)]):
                raise InputError(f"{self.path}: is no journal of a run, and would be written over; name another output")
            return 0
        for number, line in enumerate(lines, start=1):
            try:
                if number == 1:
                    self._check(json.loads(line), head)
                else:
                    self.done.append(self.kind.model_validate_json(line))
            except (ValueError, ValidationError) as error:
                raise InputError(f"{self.path}: line {number}: is damaged; delete the file and begin anew") from error
        return len(whole)

    def _check(self, written: Any, head: dict[str, Any]) -> None:
        differing = _differing(written, head)
        if differing:
            shown = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
            raise InputError(
                f"{self.path}: belongs to another run, which differs in {shown}; repeat that one, or delete the file"
            )


class Journal(_Journal[Entry]):
    """The journal of a run over a store."""

    kind = Entry

    def add(self, result: QuestionResult, origin: Provenance | None) -> None:
        """Keep a result; it is handed to the operating system before this returns."""
        self.keep(Entry(result=result, origin=origin))


class ReadingJournal(_Journal[ReadEntry]):
    """The journal of questions that are read in their own paragraphs: those that choose the threshold, then those that
    are asked."""

    kind = ReadEntry


def _differing(one: Any, other: Any, path: str = "") -> list[str]:
    """The dotted names at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return [
            difference
            for name in names
            for difference in _differing(one.get(name), other.get(name), f"{path}.{name}" if path else str(name))
        ]
    return [] if one == other else [path or "everything"]
