"""The API keys of a store: made, renewed, revoked and looked up in its catalogue."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from pydantic import ValidationError
from sqlalchemy import Connection, delete, select

from index.catalogue import audit_log
from index.catalogue.key_tally import counted, forget_all, lost_keys
from index.catalogue.keys import (
    DamagedKey,
    Key,
    RefusedKey,
    Scope,
    all_keys,
    insert_key,
    key_of,
    revoke_damaged,
    secret_hash,
    write_key,
)
from index.catalogue.schema import keys
from index.errors import DamageError, InputError
from index.store.key_files import move_aside, read_file
from index.store.store import Store

MAX_KEYS = 1_000


class KeyRing:
    """The keys of a store. Every use reads the catalogue: a change holds in all servers from their next request on.

    A key that was revoked stays in it, so that revoking the last one locks the door rather than opening it. Keys of the
    file that older versions kept beside the store are brought in first; raises StoreError where that cannot be done.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # It is moved only once its keys are here: whoever is interrupted in between brings them in once more, which
        # changes nothing.
        if (kept := read_file(store.folder)) is not None:
            self._take(kept)
            move_aside(store.folder)

    def listed(self) -> list[Key | DamagedKey]:
        """All keys, oldest first, those revoked, expired and damaged among them. Raises StoreError."""
        with self._store.catalogue.connection() as connection:
            return all_keys(connection)

    def sound_keys(self) -> list[Key]:
        """All keys whose rows are sound, oldest first."""
        return [key for key in self.listed() if isinstance(key, Key)]

    def usable(self) -> list[Key]:
        """The keys that open the door now."""
        now = datetime.now(UTC)
        return [key for key in self.sound_keys() if key.obstacle(now) is None]

    def required(self) -> bool:
        """Whether requests need a key: as soon as there is any, usable or not.

        Raises DamageError where keys are lost: a store that had some is not served without.
        """
        with self._store.catalogue.connection() as connection:
            if (what := lost_keys(connection)) is not None:
                raise DamageError(
                    f"API keys of the store {self._store.location} are lost ({what}); go on with those that are left: "
                    f"qa store repair --store {self._store.location}, then make the others anew: qa keys add NAME"
                )
            return connection.scalar(select(keys.c.id).limit(1)) is not None

    def authenticate(self, token: str) -> Key | RefusedKey:
        """The key that a token is, or why it is none. Raises StoreError."""
        with self._store.catalogue.connection() as connection:
            return key_of(connection, token)

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
        with self.changing() as connection:
            if any(key.name == name and _opens(key, now) for key in all_keys(connection)):
                raise InputError(
                    f"there is a key {name!r} already; revoke it first, take another name, or give it a new secret: "
                    "qa keys rotate"
                )
            key, token = _make(connection, name, scopes, collections, expires_at)
            audit_log.record(connection, audit_log.LOCAL_COMMAND, "keys add", key.id)
        return key, token

    def rotate(self, name: str, grace: timedelta) -> tuple[Key, str, list[Key]]:
        """A new secret for a key of that name or id, with the same rights and end; the old ones work until `grace` is
        over. Returns the new key, its token and the old ones as they are now.

        Raises InputError where there is none that could be used.
        """
        now = datetime.now(UTC)
        with self.changing() as connection:
            usable = [key for key in all_keys(connection) if isinstance(key, Key) and _opens(key, now)]
            named = next((key.name for key in usable if key.id == name), name)
            same = [key for key in usable if key.name == named]
            if not same:
                raise InputError(f"no key {name!r} that could be given a new secret; see: qa keys list")
            until = now + grace
            old = [key.model_copy(update={"expires_at": min(key.expires_at or until, until)}) for key in same]
            for key in old:
                write_key(connection, key)
            # The others of that name are there for their grace alone: the newest has the end that is meant.
            newest = same[-1]
            key, token = _make(connection, named, newest.scopes, newest.collections, newest.expires_at)
            audit_log.record(connection, audit_log.LOCAL_COMMAND, "keys rotate", key.id)
        return key, token, old

    def revoke(self, name: str) -> list[Key | DamagedKey]:
        """Revoke the key of that id, or all of that name; running servers refuse them from their next request on.

        Raises InputError where there is none that could be used.
        """
        now = datetime.now(UTC)
        with self.changing() as connection:
            known = [key for key in all_keys(connection) if isinstance(key, DamagedKey) or key.revoked_at is None]
            meant = [key for key in known if key.id == name] or [key for key in known if key.name == name]
            # An expired key's name may have been given to another: those meant are the ones that open the door.
            meant = [key for key in meant if isinstance(key, DamagedKey) or _opens(key, now)] or meant
            if not meant:
                raise InputError(f"no key {name!r} to revoke; see: qa keys list")
            revoked: list[Key | DamagedKey] = []
            for key in meant:
                if isinstance(key, DamagedKey):
                    revoke_damaged(connection, key, now)
                    revoked.append(key)
                else:
                    ended = key.model_copy(update={"revoked_at": now.replace(microsecond=0)})
                    write_key(connection, ended)
                    revoked.append(ended)
                audit_log.record(connection, audit_log.LOCAL_COMMAND, "keys revoke", key.id)
        return revoked

    def clear(self) -> int:
        """Forget every key, so that the server asks for none; how many there were."""
        with self._store.catalogue.changing_own_rows() as connection:
            count = forget_all(connection)
            audit_log.record(connection, audit_log.LOCAL_COMMAND, "keys clear", count=count)
        return count

    def _take(self, brought: Sequence[Key]) -> None:
        """Bring in keys that were kept elsewhere. Of one that is known the narrower state holds."""
        with self.changing() as connection:
            known = {key.id: key for key in all_keys(connection)}
            names = {key.name for key in known.values()}
            for key in brought:
                there = known.get(key.id)
                if isinstance(there, Key):
                    ends = [one for one in (there.expires_at, key.expires_at) if one is not None]
                    revoked = [one for one in (there.revoked_at, key.revoked_at) if one is not None]
                    update = {"expires_at": min(ends, default=None), "revoked_at": min(revoked, default=None)}
                    write_key(connection, there.model_copy(update=update))
                elif there is None:
                    # Two machines may have given a name each; what is revoked by it must be one of them.
                    name = key.name if key.name not in names else f"{key.name[:80]} ({key.id})"
                    insert_key(connection, key.model_copy(update={"name": name}))
            audit_log.record(connection, audit_log.LOCAL_COMMAND, "keys import", count=len(brought))

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that alone may change keys and counts of their use; it does not wait for indexing in servers.

        Raises StoreError.
        """
        with self._store.catalogue.changing_own_rows() as connection, counted(connection):
            yield connection


def _make(
    connection: Connection,
    name: str,
    scopes: Sequence[Scope],
    collections: Sequence[str],
    expires_at: datetime | None,
) -> tuple[Key, str]:
    _make_room(connection)
    ids = set(connection.scalars(select(keys.c.id)))
    new_id = next(drawn for drawn in iter(partial(secrets.token_hex, 6), "") if drawn not in ids)
    secret = secrets.token_urlsafe(32)
    try:
        key = Key(
            id=new_id,
            name=name,
            sha256=secret_hash(secret),
            scopes=tuple(sorted(set(scopes))),
            collections=tuple(sorted(set(collections))),
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
    except ValidationError as error:
        raise InputError(f"key {name[:100]!r}: {error.errors()[0]['msg']}") from error
    insert_key(connection, key)
    return key, f"spanqa_{key.id}_{secret}"


def _make_room(connection: Connection) -> None:
    """Forget the oldest key that opens nothing, where there are as many as there may be; the one that is made next
    keeps the door locked."""
    known = all_keys(connection)
    if len(known) < MAX_KEYS:
        return
    now = datetime.now(UTC)
    spent = [key for key in known if isinstance(key, Key) and not _opens(key, now)]
    if not spent:
        raise InputError(f"there are {MAX_KEYS} keys already, all in use; revoke one that is not needed")
    connection.execute(delete(keys).where(keys.c.id == spent[0].id))


def _opens(key: Key | DamagedKey, now: datetime) -> bool:
    return isinstance(key, Key) and key.obstacle(now) is None
