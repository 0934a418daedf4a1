"""The log of a store: what was changed in it, by whom, and what each API key was used for. It holds no word of a
document, a question, a title or a path, and is bounded in rows and age.

Single uses of keys are not written, which would cost a question a write: they are added up by day (`Use`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, delete, func, insert, select, update

from index.catalogue.schema import audit, key_use

# Who changed something, where it was no key.
LOCAL_COMMAND = "local command"
NO_KEY = "no key"
MAX_ENTRIES = 100_000
MAX_USES = 100_000
MAX_AGE = timedelta(days=400)

Outcome = Literal["done", "refused", "failed"]


class Entry(BaseModel):
    """A change. `actor` is a key's id, `LOCAL_COMMAND` or `NO_KEY`; `subject` the id of a key or document, None where
    `count` says how many there were."""

    model_config = ConfigDict(frozen=True)

    at: str
    actor: str
    operation: str
    subject: str | None = None
    count: int = Field(ge=0)
    outcome: Outcome


class Use(BaseModel):
    """What a key was used for on a day (UTC), by outcome: how often, first and last when."""

    model_config = ConfigDict(frozen=True)

    day: str
    key_id: str
    operation: str
    outcome: Outcome
    first_at: str
    last_at: str
    count: int = Field(ge=1)


def moment(now: datetime | None = None) -> str:
    """A time as it stands in the log."""
    return (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def record(
    connection: Connection,
    actor: str,
    operation: str,
    subject: str | None = None,
    *,
    count: int = 1,
    outcome: Outcome = "done",
) -> None:
    """Note a change, and forget what is too old or too much."""
    now = datetime.now(UTC)
    entry = Entry(at=moment(now), actor=actor, operation=operation, subject=subject, count=count, outcome=outcome)
    connection.execute(insert(audit), entry.model_dump())
    newest = connection.scalar(select(func.max(audit.c.id))) or 0
    connection.execute(delete(audit).where(audit.c.id <= newest - MAX_ENTRIES))
    connection.execute(delete(audit).where(audit.c.at < moment(now - MAX_AGE)))


def entries(connection: Connection, *, limit: int, actor: str | None = None, since: str = "") -> list[Entry]:
    """The newest changes, oldest first; of one actor or, where `actor` is a key's id, also those of that key itself."""
    query = select(audit).where(audit.c.at >= since)
    if actor is not None:
        query = query.where((audit.c.actor == actor) | (audit.c.subject == actor))
    rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit)).mappings().all()
    return [Entry.model_validate({name: row[name] for name in Entry.model_fields}) for row in reversed(rows)]


def add_uses(connection: Connection, uses: Iterable[Use]) -> None:
    """Add counts to those of their days. Whoever calls it holds the lock on the store's own rows."""
    for use in uses:
        same = (
            (key_use.c.day == use.day)
            & (key_use.c.key_id == use.key_id)
            & (key_use.c.operation == use.operation)
            & (key_use.c.outcome == use.outcome)
        )
        known = connection.execute(select(key_use.c.first_at, key_use.c.last_at).where(same)).first()
        if known is None:
            connection.execute(insert(key_use), use.model_dump())
            continue
        values = {
            "first_at": min(known.first_at, use.first_at),
            "last_at": max(known.last_at, use.last_at),
            "count": key_use.c.count + use.count,
        }
        connection.execute(update(key_use).where(same).values(values))
    oldest = (datetime.now(UTC) - MAX_AGE).date().isoformat()
    connection.execute(delete(key_use).where(key_use.c.day < oldest))
    # Whole days go, the oldest first.
    while (connection.scalar(select(func.count()).select_from(key_use)) or 0) > MAX_USES:
        connection.execute(delete(key_use).where(key_use.c.day == select(func.min(key_use.c.day)).scalar_subquery()))


def uses(connection: Connection, *, limit: int, key_id: str | None = None, since: str = "") -> list[Use]:
    """The newest daily counts, oldest first."""
    query = select(key_use).where(key_use.c.last_at >= since)
    if key_id is not None:
        query = query.where(key_use.c.key_id == key_id)
    rows = connection.execute(query.order_by(key_use.c.last_at.desc()).limit(limit)).mappings().all()
    return [Use.model_validate(dict(row)) for row in reversed(rows)]


def last_uses(connection: Connection) -> Mapping[str, str]:
    """When each key was last used with success, by its id."""
    query = select(key_use.c.key_id, func.max(key_use.c.last_at)).where(key_use.c.outcome == "done")
    return {row[0]: row[1] for row in connection.execute(query.group_by(key_use.c.key_id))}
