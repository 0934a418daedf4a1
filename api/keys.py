"""API keys: what they may do, and the file of the store's folder that keeps their hashes.

A key is `spanqa_<id>_<secret>`: 12 hexadecimal digits that name it, and 32 random bytes. Only the SHA-256 of the secret
is kept. A slow, salted hash protects passwords, which people choose among few; nobody can try 2**256 secrets, so that
a fast hash gives nothing away and costs a request nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from index.checksums import room_at
from index.errors import InputError, StoreError

KEYS_FILE = "keys.json"
MAX_KEYS = 1_000
LOCK_TIMEOUT_S = 30
Scope = Literal["read", "write"]

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


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """The keys by id, and what tells the file that they were read from."""

    signature: tuple[int, int, int] | None
    keys: dict[str, Key]


class KeyFile:
    """The keys of a store. Other processes may change the file at any time: every use looks whether it has changed.

    A key that was revoked stays in the file, so that revoking the last one locks the door rather than opening it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / KEYS_FILE
        self._read = _Read(None, {})

    def keys(self) -> list[Key]:
        """All keys, oldest first, those revoked and expired among them.

        Raises StoreError where the file cannot be read or understood.
        """
        return list(self._current().values())

    def usable(self) -> list[Key]:
        """The keys that open the door now."""
        now = datetime.now(UTC)
        return [key for key in self.keys() if key.obstacle(now) is None]

    def authenticate(self, token: str) -> Key | Literal["unknown", "revoked", "expired"]:
        """The key that a token is, or why it is none. Raises StoreError as `keys` does."""
        match = _TOKEN.fullmatch(token)
        key = self._current().get(match.group(1)) if match else None
        given = hashlib.sha256((match.group(2) if match else "").encode("ascii")).hexdigest()
        same = hmac.compare_digest(given, key.sha256 if key else _NO_HASH)
        if key is None or not same:
            return "unknown"
        return key.obstacle(datetime.now(UTC)) or key

    def add(
        self,
        name: str,
        scopes: Sequence[Scope] = ("read",),
        collections: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        """Make a key; returns it with its token, which nobody can see again.

        Raises InputError for a name that is in use, a time that has passed and a key too many.
        """
        now = datetime.now(UTC)
        if expires_at is not None and expires_at <= now:
            raise InputError(f"key {name!r}: would expire before it is made ({expires_at.isoformat()})")
        secret = secrets.token_urlsafe(32)
        with self._changing() as known:
            if any(key.name == name and key.obstacle(now) is None for key in known):
                raise InputError(f"there is a key {name!r} already; revoke it first, or take another name")
            if len(known) >= MAX_KEYS:
                raise InputError(f"{self.path} holds {MAX_KEYS} keys already; take revoked ones out of it")
            ids = {key.id for key in known}
            new_id = next(drawn for drawn in iter(partial(secrets.token_hex, 6), "") if drawn not in ids)
            try:
                key = Key(
                    id=new_id,
                    name=name,
                    sha256=hashlib.sha256(secret.encode("ascii")).hexdigest(),
                    scopes=tuple(sorted(set(scopes))),
                    collections=tuple(sorted(set(collections))),
                    created_at=now.replace(microsecond=0),
                    expires_at=expires_at,
                )
            except ValidationError as error:
                raise InputError(f"key {name[:100]!r}: {error.errors()[0]['msg']}") from error
            self._write([*known, key])
        return key, f"spanqa_{key.id}_{secret}"

    def revoke(self, name: str) -> Key:
        """Revoke a key by its id or name; running servers refuse it from their next request on.

        Raises InputError where there is none that could be used.
        """
        now = datetime.now(UTC)
        with self._changing() as known:
            found = [key for key in known if name in (key.id, key.name) and key.revoked_at is None]
            if not found:
                raise InputError(f"no key {name!r} to revoke; see: qa keys list")
            # An expired key's name may have been given to another: the one meant is the one that opens the door.
            chosen = min(found, key=lambda key: key.obstacle(now) is not None)
            revoked = chosen.model_copy(update={"revoked_at": now.replace(microsecond=0)})
            self._write([revoked if key.id == chosen.id else key for key in known])
        return revoked

    def _current(self) -> dict[str, Key]:
        signature = self._signature()
        if signature != self._read.signature:
            # The signature is taken first: a change in between is noticed the next time.
            self._read = _Read(signature, self._load() if signature else {})
        return self._read.keys

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"the keys in {self.path} cannot be read: {error.strerror}") from error
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _load(self) -> dict[str, Key]:
        try:
            content = _Content.model_validate_json(self.path.read_bytes())
        except OSError as error:
            raise StoreError(f"the keys in {self.path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise StoreError(
                f"{self.path} is not a sound file of keys ({first['msg']}); restore a copy of it, or remove it and add "
                "keys anew"
            ) from error
        return {key.id: key for key in content.keys}

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """The keys as they are now, while nobody else may change them."""
        try:
            with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S):
                yield self.keys()
        except Timeout as error:
            raise StoreError(f"another process has been changing {self.path} for {LOCK_TIMEOUT_S} s") from error
        except OSError as error:
            room = room_at(self.path.parent)
            raise StoreError(f"the keys in {self.path} cannot be changed ({room}): {error.strerror}") from error

    def _write(self, keys: Sequence[Key]) -> None:
        beside = self.path.with_suffix(".tmp")
        try:
            # Readable by its owner alone from the first byte on.
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(_Content(keys=tuple(keys)).model_dump_json(indent=2))
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path)
        except OSError as error:
            room = room_at(self.path.parent)
            raise StoreError(f"the keys cannot be written to {self.path} ({room}): {error.strerror}") from error
