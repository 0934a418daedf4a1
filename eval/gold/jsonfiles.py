"""JSON and JSON Lines files read within bounds, with errors that name the file, the place in it and the field."""

from __future__ import annotations

import codecs
import gzip
import json
import reprlib
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar, cast

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from index.errors import InputError

MAX_LINE_BYTES = 16 * 2**20
"""The most bytes of one line of JSON Lines: a book is about a tenth of it."""
MAX_BLANK_LINES = 100_000
"""A small gzip file may hold hundreds of millions of them, which would take minutes to pass over."""
_SHOWN_CHARACTERS = 120
_BOM = "\ufeff"


class PlacedError(InputError):
    """What is wrong at a `place` of a file (`line 7`, `data[0].paragraphs[3].qas[1]`); `detail` begins with the
    field where there is one."""

    def __init__(self, file: Path, place: str, detail: str) -> None:
        self.place = place
        self.detail = detail
        joint = "." if place.endswith("]") else ": "
        super().__init__(f"{file}: {place}{joint if place else ''}{detail}")


def characters(value: str) -> str:
    """The text itself; ValueError for what is no text: lone surrogates, and NUL, which no text file holds."""
    if "\0" in value:
        raise ValueError("holds a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"holds half of a surrogate pair (character {error.start}), which is no character") from error
    return value


AnyText = Annotated[str, AfterValidator(characters)]
Text = Annotated[AnyText, Field(min_length=1)]
Parsed = TypeVar("Parsed", bound=BaseModel)


def lines(file: Path, limit: int) -> Iterator[tuple[int, str | PlacedError]]:
    """The lines of a UTF-8 file, `.gz` too, that are not blank, with their numbers from 1; an error in place of a
    line that cannot be decoded.

    Only a line feed ends a line: U+2028 and its like may stand inside a JSON string. Raises InputError for a file
    that cannot be read, holds more than `limit` bytes once decompressed, a line of more than `MAX_LINE_BYTES` or more
    than `MAX_BLANK_LINES`.
    """
    total = number = blank = 0
    with opened(file) as stream:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            total += len(line)
            if total > limit:
                raise _too_large(file, limit)
            if len(line) > MAX_LINE_BYTES:
                raise PlacedError(file, f"line {number}", f"is longer than {MAX_LINE_BYTES >> 20} MiB")
            if line.isspace():
                blank += 1
                if blank > MAX_BLANK_LINES:
                    raise PlacedError(file, f"line {number}", f"more than {MAX_BLANK_LINES} blank lines up to here")
                continue
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                yield number, _not_utf8(file, number, error)
                continue
            # Without its end, or an error at the end of the line would be counted as one on the next.
            text = text.rstrip("\r\n")
            text = text.removeprefix(_BOM) if number == 1 else text
            if text.strip():
                yield number, text


def whole(file: Path, limit: int) -> str:
    """The text of a UTF-8 file, or of a UTF-16 one with a mark, `.gz` too.

    Raises InputError as `lines` does, and for what is not UTF-8.
    """
    with opened(file) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise _too_large(file, limit)
    try:
        # Windows programs write UTF-16 with a mark; no UTF-8 text begins with one.
        marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and data[:4] != codecs.BOM_UTF32_LE
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, data.count(b"\n", 0, error.start) + 1, error) from error


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """A file's bytes, decompressed where its name ends in `.gz`; what goes wrong, reading included, as InputError."""
    try:
        # A device or a pipe has no end that could be waited for.
        if file.exists() and not file.is_file():
            raise InputError(f"{file}: is not a file")
        packed = file.name.lower().endswith(".gz")
        with cast(BinaryIO, gzip.open(file, "rb")) if packed else file.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{file}: is not a whole gzip file: {error}") from error
    except ValueError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def json_object(file: Path, text: str, first_line: int = 1) -> dict[str, Any]:
    """The JSON object that a text is; raises PlacedError for anything else, for NaN and for keys given twice."""
    value = json_value(file, text, first_line)
    if not isinstance(value, dict):
        raise PlacedError(file, f"line {first_line}", f"should be a JSON object, is a {type(value).__name__}")
    return value


def json_value(file: Path, text: str, first_line: int = 1) -> Any:
    """As `json_object`, of whatever kind the value is."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeated_key)
    except json.JSONDecodeError as error:
        line = f"line {first_line + error.lineno - 1}"
        raise PlacedError(file, line, f"column {error.colno}: is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise PlacedError(file, f"line {first_line}", f"is not usable JSON: {error}") from error


def validated(file: Path, place: str, model: type[Parsed], value: Any) -> Parsed:
    """The value as a model; raises PlacedError with the first field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ""
        for part in first["loc"]:
            field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
        message = first["msg"].removeprefix("Value error, ")
        raise PlacedError(file, place, f"{field}{': ' if field else ''}{message}") from error


def shown(text: str) -> str:
    """A text as Python writes it, on one line, shortened in the middle where it is long."""
    short = reprlib.Repr()
    short.maxstring = _SHOWN_CHARACTERS
    return short.repr(text)


def _too_large(file: Path, limit: int) -> InputError:
    return InputError(f"{file}: holds more than {limit >> 20} MiB, the most that such a file may hold; split it")


def _not_utf8(file: Path, number: int, error: UnicodeDecodeError) -> PlacedError:
    return PlacedError(file, f"line {number}", f"is not UTF-8 (byte {error.start}: {error.reason}); save it as UTF-8")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        # Which of the two was meant cannot be known, and the parser would drop one silently.
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {shown(twice)} occurs twice in one object")
    return fields
