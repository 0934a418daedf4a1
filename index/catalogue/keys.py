"""API keys: what they may do, and the rows of the catalogue that keep their hashes.

A key is `spanqa_<id>_<secret>`: 12 hexadecimal digits that name it, and 32 random bytes. Only the SHA-256 of the secret
is kept. A slow, salted hash protects passwords, which people choose among few; nobody can try 2**256 secrets, so that
a fast hash gives nothing away and costs a request nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, insert, select, update

from index.catalogue.audit_log import moment
from index.catalogue.schema import keys

Scope = Literal["read", "write"]
Obstacle = Literal["unknown", "revoked", "expired", "damaged"]

_TOKEN = re.compile(r"spanqa_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_NO_HASH = "0" * 64


class Key(BaseModel):
    """A key without its secret. `collections` empty: every one; times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    name: str = Field(min_length=1, max_length=100)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...] = Field(min_length=1)
    collections: tuple[str, ...] = ()
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    def obstacle(self, now: datetime) -> Literal["revoked", "expired"] | None:
        """What keeps the key from being used at a time."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return None


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """Why a token opens nothing; `key_id` names the key that it is, or was, where its secret shows that."""

    reason: Obstacle
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class DamagedKey:
    """A key whose row is not what was written: it opens nothing, and can only be revoked or made anew."""

    id: str
    name: str


def secret_hash(secret: str) -> str:
    """What is kept of a key's secret."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def all_keys(connection: Connection) -> list[Key | DamagedKey]:
    """All keys, oldest first, those revoked, expired and damaged among them."""
    return [_read(row) for row in connection.execute(select(keys).order_by(keys.c.created_at, keys.c.id))]


def damaged_keys(connection: Connection) -> list[DamagedKey]:
    """The keys whose rows are not what was written."""
    return [key for key in all_keys(connection) if isinstance(key, DamagedKey)]


def key_of(connection: Connection, token: str) -> Key | RefusedKey:
    """The key that a token is, or why it is none."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return RefusedKey("unknown")
    row = connection.execute(select(keys).where(keys.c.id == match.group(1))).first()
    key = None if row is None else _read(row)
    if isinstance(key, DamagedKey):
        return RefusedKey("damaged", key.id)
    same = hmac.compare_digest(secret_hash(match.group(2)), key.sha256 if key else _NO_HASH)
    if key is None or not same:
        return RefusedKey("unknown")
    obstacle = key.obstacle(datetime.now(UTC))
    return RefusedKey(obstacle, key.id) if obstacle else key


def insert_key(connection: Connection, key: Key) -> None:
    """Keep a new key."""
    connection.execute(insert(keys), _row(key))


def write_key(connection: Connection, key: Key) -> None:
    """Keep a known key as it is now."""
    connection.execute(update(keys).where(keys.c.id == key.id).values(_row(key)))


def revoke_damaged(connection: Connection, damaged: DamagedKey, now: datetime) -> None:
    """Make a damaged row that of a revoked key: whatever the damage was, nobody knows a secret with this hash."""
    name = damaged.name[:100] or damaged.id
    row = _row(Key(id="0" * 12, name=name, sha256=_NO_HASH, scopes=("read",), created_at=now, revoked_at=now))
    row |= {"id": damaged.id}
    row |= {"checksum": _checksum({name: value for name, value in row.items() if name != "checksum"})}
    connection.execute(update(keys).where(keys.c.id == damaged.id).values(row))


def _read(row: Any) -> Key | DamagedKey:
    fields = dict(row._mapping)
    checksum = fields.pop("checksum")
    try:
        if not hmac.compare_digest(_checksum(fields), str(checksum)):
            return DamagedKey(str(row.id), str(row.name))
        lists = {name: json.loads(fields[name]) for name in ("scopes", "collections")}
        return Key.model_validate(fields | lists)
    except (ValidationError, ValueError, TypeError):
        return DamagedKey(str(row.id), str(row.name))


def _checksum(fields: dict[str, Any]) -> str:
    ordered = json.dumps(sorted(fields.items()), ensure_ascii=True)
    return hashlib.sha256(ordered.encode("ascii")).hexdigest()


def _row(key: Key) -> dict[str, Any]:
    def at(time: datetime | None) -> str | None:
        return None if time is None else moment(time)

    fields = {
        "id": key.id,
        "name": key.name,
        "sha256": key.sha256,
        "scopes": json.dumps(key.scopes),
        "collections": json.dumps(key.collections),
        "created_at": at(key.created_at),
        "expires_at": at(key.expires_at),
        "revoked_at": at(key.revoked_at),
    }
    return fields | {"checksum": _checksum(fields)}
