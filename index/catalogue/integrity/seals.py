"""Checksums of the catalogue's rows: what a disk, a cable or a foreign program changed in one is noticed.

A row carries the BLAKE2b hash of its values, its seal. How many rows there are and the sum of their seals, a tally, is
kept where no row of theirs is, so that one which is gone, was put in or went back to what it was is noticed as well.
Neither keeps anybody out who means to change a store: nothing secret is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SEAL_BYTES = 16
_HALF = SEAL_BYTES // 2
_MODULUS = 1 << (8 * SEAL_BYTES)

Value = str | bytes | int | float | None


def seal(kind: str, *values: object, size: int = SEAL_BYTES) -> bytes:
    """A hash of so many bytes over what kind of row it is and its values, in their order.

    Each value goes in with its type and its length: none can flow into the next, and 1, 1.0, "1" and b"1" differ. A
    value of a type that no row has (see `Value`) is a TypeError. What this gives for a value is part of the catalogue's
    format.
    """
    digest = hashlib.blake2b(digest_size=size)
    for value in (kind, *values):
        mark, content = _canonical(value)
        digest.update(b"%c%d:" % (mark, len(content)))
        digest.update(content)
    return digest.digest()


def _canonical(value: object) -> tuple[bytes, bytes]:
    if value is None:
        return b"n", b""
    if isinstance(value, str):
        # What was no UTF-8 is read as lone surrogates (`index.catalogue.sqlite`), and must come out as something else.
        return b"s", value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return b"b", value
    if isinstance(value, int) and not isinstance(value, bool):
        return b"i", b"%d" % value
    if isinstance(value, float):
        # NaN has a form too, and no two numbers share one.
        return b"f", value.hex().encode()
    raise TypeError(f"no row holds a {type(value).__name__}")


PLACE_FIELDS = ("id", "document_id", "start", "end", "context")


def place_seal(row: Mapping[str, object], words: str) -> bytes:
    """Of where a passage stands, in SEAL_BYTES / 2 bytes; over its words too, which are not stored with it."""
    return seal("place", *(row[name] for name in PLACE_FIELDS), words, size=_HALF)


def embedding_seal(number: object, generation: object, embedding: object) -> bytes:
    """Of a passage's embedding, as stored, and of the generation it came with, in SEAL_BYTES / 2 bytes."""
    return seal("embedding", number, generation, embedding, size=_HALF)


def structure_seal(pages: object, outline: object, rows: object) -> bytes:
    """Of what a document's text consists of, each as stored."""
    return seal("structure", pages, outline, rows)


# What a document's seal is over, in this order: all but the text and its structure, which go in by their hashes, so
# that a document can be listed without them.
DOCUMENT_FIELDS = (
    "id",
    "collection",
    "uri",
    "title",
    "own_title",
    "media_type",
    "characters",
    "sha256",
    "source_sha256",
    "source",
    "tags",
    "date",
    "author",
    "language",
    "indexed_at",
    "structure_seal",
    "passages",
    "passage_seals",
)
# And this one where there is something in it: what was sealed before format 6 keeps its seal.
_LATER_FIELD, _NOTHING = "unread", "[]"
RECORD_FIELDS = (*DOCUMENT_FIELDS, _LATER_FIELD)
SOURCE_FIELDS = ("collection", "uri", "sha256", "stamp", "loaders")


def document_seal(row: Mapping[str, object]) -> bytes:
    """Of a document's row."""
    later = row[_LATER_FIELD]
    # The number of values differs, so that no row with the one has the seal of a row without.
    return seal("document", *(row[name] for name in DOCUMENT_FIELDS), *([] if later == _NOTHING else [later]))


def source_seal(row: Mapping[str, object]) -> bytes:
    """Of the record of an indexed file."""
    return seal("source", *(row[name] for name in SOURCE_FIELDS))


def removal_seal(passage_id: object, generation: object) -> bytes:
    """Of the note that a passage was removed, which is kept in the tally alone."""
    return seal("removal", passage_id, generation)


def settings_seal(values: Mapping[str, str]) -> str:
    """Of all settings, hexadecimal."""
    return seal("settings", *(part for entry in sorted(values.items()) for part in entry)).hex()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, and the sum of their seals modulo 2^128: in any order, and with little work a change."""

    rows: int = 0
    total: int = 0

    def plus(self, seals: Iterable[bytes]) -> Tally:
        """With more rows."""
        added = [int.from_bytes(one, "big") for one in seals]
        return Tally(self.rows + len(added), (self.total + sum(added)) % _MODULUS)

    def minus(self, seals: Iterable[bytes]) -> Tally:
        """Without these rows."""
        gone = [int.from_bytes(one, "big") for one in seals]
        return Tally(self.rows - len(gone), (self.total - sum(gone)) % _MODULUS)

    @property
    def digest(self) -> bytes:
        """The sum, in SEAL_BYTES bytes."""
        return self.total.to_bytes(SEAL_BYTES, "big")

    def __str__(self) -> str:
        return f"{self.rows} {self.total:032x}"

    @classmethod
    def parse(cls, text: str) -> Tally:
        """What `str` made of one."""
        rows, total = text.split()
        return cls(int(rows), int(total, 16))
