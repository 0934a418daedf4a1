"""The catalogue's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from index.errors import InputError

# A code point that Unicode promises never to give a meaning.
_NUL_IN_POSTGRES = "\U0010fffe"

# A store of an older format is brought to this one by `index.catalogue.formats.migrations`, which gains a step with
# each.
FORMAT_VERSION = 6

metadata = MetaData()
# In both databases no bytes at all.
_NO_SEAL = text("''")
_NONE = text("0")
_EMPTY_LIST = text("'[]'")


class Words(TypeDecorator[str]):
    """Text that comes back as it was given, is ordered and compared by code points, and counted in them.

    PostgreSQL cannot store a NUL: one noncharacter stands for it there, so that offsets stay as they are.
    """

    impl: Any = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else self.impl_instance)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql":
            return value
        if _NUL_IN_POSTGRES in value:
            raise InputError("text with the noncharacter U+10FFFE cannot be stored; remove it")
        return value.replace("\x00", _NUL_IN_POSTGRES)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace(_NUL_IN_POSTGRES, "\x00")


class LongWords(Words):
    """The same, of any length."""

    impl = Text
    cache_ok = True


class Bytes(UserDefinedType[bytes]):
    """Bytes as the driver gives them.

    SQLAlchemy's own type makes bytes of whatever it is given: of a number that stands there by damage, as many zeros.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "BLOB"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return self
        from sqlalchemy.dialects.postgresql import BYTEA

        return BYTEA()


# SQLite counts rows in its INTEGER, of 64 bits, and in no other type.
PassageId = BigInteger().with_variant(Integer, "sqlite")

# One value a name: format_version, generation, embedder, embedder_sha256, dimensions, promise; and what
# `index.catalogue.integrity.ledger` keeps, tallies and a seal over all.
settings = Table(
    "settings",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", Words, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Words, primary_key=True),
    Column("collection", Words, nullable=False),
    Column("uri", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("own_title", Integer, nullable=False),
    Column("media_type", Words, nullable=False),
    Column("sha256", Words, nullable=False),
    Column("source_sha256", Words),
    # The URI of the file that it was found in, NULL for what came another way.
    Column("source", Words, index=True),
    # JSON list of strings, in the order given; `document_tags` is for queries.
    Column("tags", LongWords, nullable=False),
    # ISO 8601 as stated: a year, a month or a day.
    Column("date", Words),
    Column("author", Words),
    Column("language", Words),
    Column("indexed_at", Words, nullable=False),
    # Of the text, in code points.
    Column("characters", Integer, nullable=False, server_default=_NONE),
    Column("structure_seal", Bytes, nullable=False, server_default=_NO_SEAL),
    # The tally of its passages: how many, and the sum of their seals.
    Column("passages", Integer, nullable=False, server_default=_NONE),
    Column("passage_seals", Bytes, nullable=False, server_default=_NO_SEAL),
    Column("seal", Bytes, nullable=False, server_default=_NO_SEAL),
    # JSON list of {part, reason}, of a bounded length: see `index.documents.Unread`.
    Column("unread", LongWords, nullable=False, server_default=_EMPTY_LIST),
    # What may be long comes last: whatever stands behind it in a row costs SQLite the way through it.
    # JSON list of {number, start, end}.
    Column("pages", LongWords, nullable=False),
    # JSON list of {level, title, start}.
    Column("outline", LongWords, nullable=False),
    # JSON list of {number, start, end}.
    Column("rows", LongWords, nullable=False),
    Column("text", LongWords, nullable=False),
    UniqueConstraint("collection", "uri"),
)

document_tags = Table(
    "document_tags",
    metadata,
    Column("document_id", Words, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Words, primary_key=True, index=True),
)

# The files that were indexed, as they were then: whether one needs to be read again.
sources = Table(
    "sources",
    metadata,
    Column("collection", Words, primary_key=True),
    Column("uri", Words, primary_key=True),
    Column("sha256", Words, nullable=False),
    # What the file system said of it; '' where that proves nothing.
    Column("stamp", Words, nullable=False),
    # Which loaders made documents of it: others may make more of the same bytes.
    Column("loaders", Words, nullable=False),
    Column("seal", Bytes, nullable=False, server_default=_NO_SEAL),
)

# AUTOINCREMENT: the number of a removed passage is never given to another, so that a stale hit finds nothing.
passages = Table(
    "passages",
    metadata,
    Column("id", PassageId, primary_key=True, autoincrement=True),
    Column("document_id", Words, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("context", Words, nullable=False),
    Column("generation", Integer, nullable=False),
    # float32, little-endian.
    Column("embedding", Bytes, nullable=False),
    Column("place_seal", Bytes, nullable=False, server_default=_NO_SEAL),
    Column("embedding_seal", Bytes, nullable=False, server_default=_NO_SEAL),
    Index("passages_by_generation", "generation"),
    sqlite_autoincrement=True,
)

# What derived indexes must forget when they catch up.
removals = Table(
    "removals",
    metadata,
    Column("passage_id", PassageId, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False, index=True),
)

# The tables from here on belong to the store itself and not to what it holds: no copy of a store has their rows (see
# `index.catalogue.own_rows`), and they do not raise the generation. Times are UTC, ISO 8601 to the microsecond.

keys = Table(
    "keys",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    # SHA-256 of the secret.
    Column("sha256", Words, nullable=False),
    # JSON lists of strings.
    Column("scopes", Words, nullable=False),
    Column("collections", LongWords, nullable=False),
    Column("created_at", Words, nullable=False),
    Column("expires_at", Words),
    Column("revoked_at", Words),
    # SHA-256 of all the other columns: damage to a row must not widen what its key may do.
    Column("checksum", Words, nullable=False),
)

# One row, or none for no keys: how many there are and a sum over their ids (see `index.catalogue.key_tally`).
key_tally = Table(
    "key_tally",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tally", Words, nullable=False),
)

# What was changed, by whom: no word of a document, a question or a name.
audit = Table(
    "audit",
    metadata,
    Column("id", PassageId, primary_key=True, autoincrement=True),
    Column("at", Words, nullable=False, index=True),
    # A key's id, or who else it was (see `index.catalogue.audit_log`).
    Column("actor", Words, nullable=False),
    Column("operation", Words, nullable=False),
    # The id of a key or of a document.
    Column("subject", Words),
    Column("count", Integer, nullable=False),
    Column("outcome", Words, nullable=False),
)

# What each key was used for, a row a day, operation and outcome.
key_use = Table(
    "key_use",
    metadata,
    Column("day", Words, primary_key=True),
    Column("key_id", Words, primary_key=True),
    Column("operation", Words, primary_key=True),
    Column("outcome", Words, primary_key=True),
    Column("first_at", Words, nullable=False),
    Column("last_at", Words, nullable=False),
    Column("count", Integer, nullable=False),
)
