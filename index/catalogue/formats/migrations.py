"""Steps from each format of the store to the next.

A step is never changed once it was released, and says everything itself, in the SQL of its time:
`index.catalogue.schema` speaks of today's tables only.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from index.catalogue.formats.format_3 import seal_rows, statements
from index.catalogue.formats.format_5 import count_keys


def _collections_and_descriptions(connection: Connection) -> None:
    """1 to 2: documents get a collection, what is known of them beside the text, and the file they were found in."""
    for statement in (
        """
        CREATE TABLE documents_2 (
            id VARCHAR NOT NULL PRIMARY KEY,
            collection VARCHAR NOT NULL,
            uri VARCHAR NOT NULL,
            title VARCHAR NOT NULL,
            own_title INTEGER NOT NULL,
            media_type VARCHAR NOT NULL,
            text TEXT NOT NULL,
            sha256 VARCHAR NOT NULL,
            source_sha256 VARCHAR,
            source VARCHAR,
            pages TEXT NOT NULL,
            outline TEXT NOT NULL,
            rows TEXT NOT NULL,
            tags TEXT NOT NULL,
            date VARCHAR,
            author VARCHAR,
            language VARCHAR,
            indexed_at VARCHAR NOT NULL,
            UNIQUE (collection, uri)
        )
        """,
        # A file's URI came from indexing files, any other from an upload.
        """
        INSERT INTO documents_2
        SELECT id, 'default', uri, title, own_title, media_type, text, sha256, source_sha256,
            CASE WHEN substr(uri, 1, 8) = 'file:///' THEN uri END, pages, '[]', '[]', '[]', NULL, NULL, NULL, indexed_at
        FROM documents
        """,
        "DROP TABLE documents",
        "ALTER TABLE documents_2 RENAME TO documents",
        "CREATE INDEX ix_documents_source ON documents (source)",
        """
        CREATE TABLE document_tags (
            document_id VARCHAR NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            tag VARCHAR NOT NULL,
            PRIMARY KEY (document_id, tag)
        )
        """,
        "CREATE INDEX ix_document_tags_tag ON document_tags (tag)",
        """
        CREATE TABLE sources (
            collection VARCHAR NOT NULL,
            uri VARCHAR NOT NULL,
            sha256 VARCHAR NOT NULL,
            stamp VARCHAR NOT NULL,
            loaders VARCHAR NOT NULL,
            PRIMARY KEY (collection, uri)
        )
        """,
        # No loaders, so that each file is read again: today's may find more in it.
        """
        INSERT INTO sources SELECT collection, source, coalesce(source_sha256, ''), '', ''
        FROM documents WHERE source IS NOT NULL
        """,
    ):
        connection.exec_driver_sql(statement)


def _seals(connection: Connection) -> None:
    """2 to 3: every row gets a seal, see `index.catalogue.integrity.seals`."""
    for statement in statements("BLOB"):
        connection.exec_driver_sql(statement)
    seal_rows(connection)


def _keys_and_audit(connection: Connection) -> None:
    """3 to 4: API keys, which were in a file beside the store (`index.store.key_files` brings those in), and a log."""
    for statement in (
        """
        CREATE TABLE keys (
            id VARCHAR NOT NULL PRIMARY KEY,
            name VARCHAR NOT NULL,
            sha256 VARCHAR NOT NULL,
            scopes VARCHAR NOT NULL,
            collections TEXT NOT NULL,
            created_at VARCHAR NOT NULL,
            expires_at VARCHAR,
            revoked_at VARCHAR,
            checksum VARCHAR NOT NULL
        )
        """,
        """
        CREATE TABLE audit (
            id INTEGER NOT NULL PRIMARY KEY,
            at VARCHAR NOT NULL,
            actor VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            subject VARCHAR,
            count INTEGER NOT NULL,
            outcome VARCHAR NOT NULL
        )
        """,
        "CREATE INDEX ix_audit_at ON audit (at)",
        """
        CREATE TABLE key_use (
            day VARCHAR NOT NULL,
            key_id VARCHAR NOT NULL,
            operation VARCHAR NOT NULL,
            outcome VARCHAR NOT NULL,
            first_at VARCHAR NOT NULL,
            last_at VARCHAR NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (day, key_id, operation, outcome)
        )
        """,
    ):
        connection.exec_driver_sql(statement)


def _key_tally(connection: Connection) -> None:
    """4 to 5: which API keys there are is counted, see `index.catalogue.key_tally`."""
    connection.exec_driver_sql("CREATE TABLE key_tally (id INTEGER NOT NULL PRIMARY KEY, tally VARCHAR NOT NULL)")
    count_keys(connection)


def _unread(connection: Connection) -> None:
    """5 to 6: documents name the parts of their sources that were not read; those that are there name none, and keep
    their seals."""
    connection.exec_driver_sql("ALTER TABLE documents ADD COLUMN unread TEXT NOT NULL DEFAULT '[]'")


# The first leads from format 1 to 2. Append only.
STEPS: list[Callable[[Connection], None]] = [
    _collections_and_descriptions,
    _seals,
    _keys_and_audit,
    _key_tally,
    _unread,
]


def migrate(connection: Connection, version: int) -> None:
    """Bring the tables from a format to the newest, inside of the caller's transaction."""
    for step in STEPS[version - 1 :]:
        step(connection)
