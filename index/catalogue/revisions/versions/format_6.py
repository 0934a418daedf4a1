"""Store format 6: documents name the parts of their sources that were not read."""

from __future__ import annotations

from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add the column; rows with nothing in it keep their seals. A revision is never changed once it was released."""
    op.execute("""ALTER TABLE documents ADD COLUMN unread TEXT COLLATE "C" NOT NULL DEFAULT '[]'""")
