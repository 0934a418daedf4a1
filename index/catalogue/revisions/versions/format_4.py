"""API keys and the log of changes, which were in files beside the store until format 4."""

from __future__ import annotations

from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Make the tables. A revision is never changed once it was released: it says all in the SQL of its time."""
    for statement in (
        """
        CREATE TABLE keys (
            id TEXT COLLATE "C" PRIMARY KEY,
            name TEXT COLLATE "C" NOT NULL,
            sha256 TEXT COLLATE "C" NOT NULL,
            scopes TEXT COLLATE "C" NOT NULL,
            collections TEXT COLLATE "C" NOT NULL,
            created_at TEXT COLLATE "C" NOT NULL,
            expires_at TEXT COLLATE "C",
            revoked_at TEXT COLLATE "C",
            checksum TEXT COLLATE "C" NOT NULL
        )
        """,
        """
        CREATE TABLE audit (
            id BIGSERIAL PRIMARY KEY,
            at TEXT COLLATE "C" NOT NULL,
            actor TEXT COLLATE "C" NOT NULL,
            operation TEXT COLLATE "C" NOT NULL,
            subject TEXT COLLATE "C",
            count INTEGER NOT NULL,
            outcome TEXT COLLATE "C" NOT NULL
        )
        """,
        "CREATE INDEX ix_audit_at ON audit (at)",
        """
        CREATE TABLE key_use (
            day TEXT COLLATE "C" NOT NULL,
            key_id TEXT COLLATE "C" NOT NULL,
            operation TEXT COLLATE "C" NOT NULL,
            outcome TEXT COLLATE "C" NOT NULL,
            first_at TEXT COLLATE "C" NOT NULL,
            last_at TEXT COLLATE "C" NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (day, key_id, operation, outcome)
        )
        """,
    ):
        op.execute(statement)
