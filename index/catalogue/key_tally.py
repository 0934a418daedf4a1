"""Which API keys a store must have: kept apart from them, so that one whose row is lost is noticed.

A row that is lost must not open the door: a server whose keys are all gone would ask for none. Only the ids are
counted, since every key has a checksum of its own; no row in `key_tally` stands for no keys.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text

from index.catalogue.integrity.seals import Tally, seal
from index.catalogue.keys import Key, insert_key
from index.catalogue.schema import key_tally, keys
from index.errors import DamageError

_NO_HASH = "0" * 64


def lost_keys(connection: Connection) -> str | None:
    """What is wrong with which keys are there; None where they are those that were made."""
    there = _there(connection)
    try:
        wanted = _stated(connection)
    except DamageError as error:
        return str(error)
    if there == wanted:
        return None
    if there.rows == wanted.rows:
        return "the API keys are not those that were made"
    return f"there are {there.rows} API keys, and must be {wanted.rows}"


@contextmanager
def counted(connection: Connection) -> Iterator[None]:
    """Count what is changed within. What was lost before stays lost, and is still told of."""
    before = _there(connection)
    yield
    after = _there(connection)
    if before != after:
        # The sums are of whole numbers modulo the same: what came and what went needs not be told apart.
        wanted = _stated(connection)
        total = (wanted.total + after.total - before.total) % (1 << 128)
        _state(connection, Tally(wanted.rows + after.rows - before.rows, total))


def forget_all(connection: Connection) -> int:
    """Remove every key, and whatever is counted of those that are lost; how many there were."""
    count = connection.execute(delete(keys)).rowcount
    connection.execute(delete(key_tally))
    return count


def accept_losses(connection: Connection, now: datetime) -> list[str]:
    """Go on with the keys that are there; what was done, a sentence each. Where none is left, one that opens nothing
    is put there, so that the door stays locked."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))
    if lost_keys(connection) is None:
        return []
    if _there(connection).rows == 0:
        own = {"id": secrets.token_hex(6), "name": "in place of lost keys", "sha256": _NO_HASH}
        insert_key(connection, Key.model_validate(own | {"scopes": ("read",), "created_at": now, "revoked_at": now}))
    _state(connection, _there(connection))
    return ["API keys that are lost were given up: make them anew with qa keys add"]


def _there(connection: Connection) -> Tally:
    return Tally().plus(seal("key", one) for one in connection.scalars(select(keys.c.id)))


def _stated(connection: Connection) -> Tally:
    rows = list(connection.scalars(select(key_tally.c.tally)))
    try:
        if len(rows) > 1:
            raise ValueError
        return Tally.parse(rows[0]) if rows else Tally()
    except (AttributeError, ValueError) as error:
        raise DamageError("the count of API keys is damaged: qa store repair states it anew") from error


def _state(connection: Connection, tally: Tally) -> None:
    connection.execute(delete(key_tally))
    if tally.rows:
        connection.execute(insert(key_tally).values(id=1, tally=str(tally)))
