"""From format 4 to 5, in either database: which API keys there are is counted. As any step, it is never changed once
released."""

from __future__ import annotations

from sqlalchemy import Connection, column, insert, select, table

from index.catalogue.integrity.seals import Tally, seal

_keys = table("keys", column("id"))
_key_tally = table("key_tally", column("id"), column("tally"))


def count_keys(connection: Connection) -> None:
    """State which keys there are."""
    tally = Tally().plus(seal("key", one) for one in connection.scalars(select(_keys.c.id)))
    if tally.rows:
        connection.execute(insert(_key_tally).values(id=1, tally=str(tally)))
