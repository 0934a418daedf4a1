"""The tables of store format 2, the first that PostgreSQL held."""

from __future__ import annotations

from alembic import op

revision = "2"
down_revision = None


def upgrade() -> None:
    """Make the tables. A revision is never changed once it was released: it says all in the SQL of its time."""
    for statement in (
        """
        CREATE TABLE settings (
            name TEXT COLLATE "C" PRIMARY KEY,
            value TEXT COLLATE "C" NOT NULL
        )
        """,
        """
        CREATE TABLE documents (
            id TEXT COLLATE "C" PRIMARY KEY,
            collection TEXT COLLATE "C" NOT NULL,
            uri TEXT COLLATE "C" NOT NULL,
            title TEXT COLLATE "C" NOT NULL,
            own_title INTEGER NOT NULL,
            media_type TEXT COLLATE "C" NOT NULL,
            text TEXT COLLATE "C" NOT NULL,
            sha256 TEXT COLLATE "C" NOT NULL,
            source_sha256 TEXT COLLATE "C",
            source TEXT COLLATE "C",
            pages TEXT COLLATE "C" NOT NULL,
            outline TEXT COLLATE "C" NOT NULL,
            rows TEXT COLLATE "C" NOT NULL,
            tags TEXT COLLATE "C" NOT NULL,
            date TEXT COLLATE "C",
            author TEXT COLLATE "C",
            language TEXT COLLATE "C",
            indexed_at TEXT COLLATE "C" NOT NULL,
            UNIQUE (collection, uri)
        )
        """,
        "CREATE INDEX ix_documents_source ON documents (source)",
        """
        CREATE TABLE document_tags (
            document_id TEXT COLLATE "C" NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            tag TEXT COLLATE "C" NOT NULL,
            PRIMARY KEY (document_id, tag)
        )
        """,
        "CREATE INDEX ix_document_tags_tag ON document_tags (tag)",
        """
        CREATE TABLE sources (
            collection TEXT COLLATE "C" NOT NULL,
            uri TEXT COLLATE "C" NOT NULL,
            sha256 TEXT COLLATE "C" NOT NULL,
            stamp TEXT COLLATE "C" NOT NULL,
            loaders TEXT COLLATE "C" NOT NULL,
            PRIMARY KEY (collection, uri)
        )
        """,
        """
        CREATE TABLE passages (
            id BIGSERIAL PRIMARY KEY,
            document_id TEXT COLLATE "C" NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            start INTEGER NOT NULL,
            "end" INTEGER NOT NULL,
            context TEXT COLLATE "C" NOT NULL,
            generation INTEGER NOT NULL,
            embedding BYTEA NOT NULL
        )
        """,
        "CREATE INDEX ix_passages_document_id ON passages (document_id)",
        "CREATE INDEX passages_by_generation ON passages (generation)",
        # Vectors do not compress: kept in the row, a passage is read with one look-up.
        "ALTER TABLE passages ALTER COLUMN embedding SET STORAGE PLAIN",
        "CREATE TABLE removals (passage_id BIGINT PRIMARY KEY, generation INTEGER NOT NULL)",
        "CREATE INDEX ix_removals_generation ON removals (generation)",
    ):
        op.execute(statement)
