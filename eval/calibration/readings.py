"""What a reader said, kept in a file: reading takes the time of a calibration, and no passage needs it twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from index.disk.outputs import head_kind
from index.errors import InputError
from qa.reading.reader import Reader
from qa.reading.spans import Span

READINGS_VERSION = "1"
READINGS = head_kind("readings kept by qa calibrate", rb'\{"readings":')
# About 150 bytes a passage read: millions of them, and still held in memory.
MAX_READINGS_BYTES = 2**30


class KeptReadings:
    """A reader that looks up in a file what it read before, and adds what it reads anew: an interrupted run goes on
    where it stopped, and one with other features or another choice of questions reads only what is new to it.

    JSON lines: the reader, then the spans of a question and a passage under its heading, by the hash of the three. Use
    as a context manager.
    """

    def __init__(self, reader: Reader, path: Path) -> None:
        """Opens the file at `path`, or begins it; raises InputError for one of another reader, one that is damaged
        before its last line, and one that cannot be kept. A torn last line is cut off and read again.
        """
        self._reader = reader
        self._path = path
        # The spans as JSON: made into objects, many of them would take several times the memory.
        self._spans_by_key: dict[str, str] = {}
        self._size = 0
        try:
            if path.exists():
                if path.stat().st_size > MAX_READINGS_BYTES:
                    raise InputError(f"{path}: larger than {MAX_READINGS_BYTES >> 20} MiB; delete it and begin anew")
                self._size = self._read_back(path.read_bytes())
            self._stream: BinaryIO = path.open("ab")
            self._stream.truncate(self._size)
        except OSError as error:
            raise InputError(f"{path}: readings cannot be kept there: {error.strerror or error}") from error
        if self._size == 0:
            self._append([self._head()])

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def sha256(self) -> str:
        return self._reader.sha256

    def read(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]] | None = None,
    ) -> list[list[list[Span]]]:
        """As `Reader.read`; raises InputError where what was read cannot be kept."""
        if headings is None:
            headings = [[""] * len(texts) for texts in passages]
        keys_by_question = [
            [_key(question, heading, text) for heading, text in zip(over, texts, strict=True)]
            for question, over, texts in zip(questions, headings, passages, strict=True)
        ]
        self._read_new(questions, passages, headings, keys_by_question)
        return [[self._spans(key) for key in keys] for keys in keys_by_question]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _read_new(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]],
        keys_by_question: Sequence[Sequence[str]],
    ) -> None:
        new: list[tuple[int, dict[str, int]]] = []
        waiting: set[str] = set()
        for number, keys in enumerate(keys_by_question):
            unread = {key: place for place, key in enumerate(keys) if key not in self._spans_by_key}
            places = {key: place for key, place in unread.items() if key not in waiting}
            if places:
                new.append((number, places))
                waiting |= places.keys()
        if not new:
            return
        spans_by_question = self._reader.read(
            [questions[number] for number, _ in new],
            [[passages[number][place] for place in places.values()] for number, places in new],
            [[headings[number][place] for place in places.values()] for number, places in new],
        )
        entries = []
        for (_, places), spans_by_passage in zip(new, spans_by_question, strict=True):
            for key, spans in zip(places, spans_by_passage, strict=True):
                written = [[span.start, span.end, span.margin] for span in spans]
                entries.append({"key": key, "spans": written})
                self._spans_by_key[key] = json.dumps(written, separators=(",", ":"))
        self._append(entries)

    def _spans(self, key: str) -> list[Span]:
        return [Span(start, end, margin) for start, end, margin in json.loads(self._spans_by_key[key])]

    def _append(self, entries: Sequence[dict[str, Any]]) -> None:
        data = "".join(json.dumps(entry, allow_nan=False, separators=(",", ":")) + "\n" for entry in entries).encode()
        self._size += len(data)
        if self._size > MAX_READINGS_BYTES:
            raise InputError(f"{self._path}: more than {MAX_READINGS_BYTES >> 20} MiB of readings; ask fewer questions")
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            raise InputError(f"{self._path}: readings cannot be kept there: {error.strerror or error}") from error

    def _head(self) -> dict[str, Any]:
        return {"readings": READINGS_VERSION, "reader_sha256": self.sha256}

    def _read_back(self, data: bytes) -> int:
        """Fills what is known; the number of bytes that are sound."""
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = json.loads(line)
                if number == 1:
                    self._check(entry)
                else:
                    self._spans_by_key[entry["key"]] = json.dumps(
                        [[int(start), int(end), float(margin)] for start, end, margin in entry["spans"]],
                        separators=(",", ":"),
                    )
            except (ValueError, TypeError, KeyError) as error:
                raise InputError(
                    f"{self._path}: line {number}: is no reading; delete the file and begin anew"
                ) from error
        return len(whole)

    def _check(self, head: Any) -> None:
        if not isinstance(head, dict) or head.get("readings") != READINGS_VERSION:
            raise InputError(f"{self._path}: holds no readings of this version; name another file")
        if head != self._head():
            raise InputError(f"{self._path}: holds readings of another reader than {self.name}; name another file")


def _key(question: str, heading: str, text: str) -> str:
    words = json.dumps([question, heading, text])
    return hashlib.sha256(words.encode()).hexdigest()[:32]
