"""Store format 5: which API keys there are is counted."""

from __future__ import annotations

from alembic import op

from index.catalogue.formats.format_5 import count_keys

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Make the table and fill it in."""
    op.execute('CREATE TABLE key_tally (id INTEGER PRIMARY KEY, tally TEXT COLLATE "C" NOT NULL)')
    count_keys(op.get_bind())
