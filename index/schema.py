"""The catalogue's tables."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

# Raised whenever an older version could not read what this one writes.
FORMAT_VERSION = 1

metadata = MetaData()

# One value a name: format_version, generation, embedder, embedder_sha256, dimensions, promise.
settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("uri", String, nullable=False, unique=True),
    Column("title", String, nullable=False),
    Column("own_title", Integer, nullable=False),
    Column("media_type", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("sha256", String, nullable=False),
    Column("source_sha256", String),
    # JSON list of {number, start, end}.
    Column("pages", Text, nullable=False),
    Column("indexed_at", String, nullable=False),
)

# AUTOINCREMENT: the number of a removed passage is never given to another, so that a stale hit finds nothing.
passages = Table(
    "passages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document_id", String, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("context", String, nullable=False),
    Column("generation", Integer, nullable=False),
    # float32, little-endian.
    Column("embedding", LargeBinary, nullable=False),
    Index("passages_by_generation", "generation"),
    sqlite_autoincrement=True,
)

# What derived indexes must forget when they catch up.
removals = Table(
    "removals",
    metadata,
    Column("passage_id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False, index=True),
)
