"""Store format 3: a seal for every row."""

from __future__ import annotations

from alembic import op

from index.catalogue.formats.format_3 import seal_rows, statements

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the columns and fill them in."""
    for statement in statements("BYTEA"):
        op.execute(statement)
    seal_rows(op.get_bind())
