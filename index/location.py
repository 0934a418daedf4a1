"""Where a store is: in a folder on this machine, or on servers that several machines share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_cache_path
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from index.errors import InputError

DEFAULT_SCHEMA = "spanqa"
_OURS = ("schema", "milvus", "derived")


@dataclass(frozen=True, slots=True)
class ServerStore:
    """A store whose catalogue is a schema of a PostgreSQL database.

    `milvus` is the URL of the Milvus server that searches it; if None, each machine keeps search indexes in its local
    folder `derived`. Passwords are best left out of URLs: libpq reads PGPASSWORD and ~/.pgpass, and Milvus's
    credentials are taken from MILVUS_TOKEN.
    """

    database: URL = field(repr=False)
    schema: str
    milvus: str | None
    derived: Path

    def __str__(self) -> str:
        return self.database.update_query_pairs(self._own_settings()).render_as_string(hide_password=True)

    def _own_settings(self) -> list[tuple[str, str]]:
        chosen = [("schema", self.schema)] if self.schema != DEFAULT_SCHEMA else []
        return [*chosen, ("milvus", self.milvus)] if self.milvus else chosen


Location = Path | ServerStore


def parse_location(value: str) -> Location:
    """A folder, or `postgresql://[USER@]HOST[:PORT]/DATABASE[?schema=NAME][&milvus=URL][&derived=FOLDER]`.

    Other URL parameters are passed to libpq (sslmode, ...). Raises InputError if it is neither.
    """
    scheme = value.partition("://")[0] if "://" in value else ""
    if not scheme:
        return Path(value)
    if scheme not in ("postgresql", "postgres"):
        raise InputError(f"{scheme}://...: a store is a folder or a URL that begins with postgresql://")
    try:
        url = make_url(value).set(drivername="postgresql")
    except (ArgumentError, ValueError) as error:
        # The message leaves out the URL, which may contain a password.
        raise InputError("not a URL: postgresql://[USER@]HOST[:PORT]/DATABASE[?milvus=http://HOST:19530]") from error
    if not url.database:
        raise InputError("the store's URL names no database: postgresql://[USER@]HOST[:PORT]/DATABASE")
    settings = {name: _single(name, url.query.get(name)) for name in _OURS}
    database = url.difference_update_query(_OURS)
    schema = settings["schema"] or DEFAULT_SCHEMA
    milvus = settings["milvus"]
    if milvus is not None:
        _require_http(milvus)
    derived = Path(settings["derived"]) if settings["derived"] else _cache_of(database, schema)
    return ServerStore(database, schema, milvus, derived)


def _single(name: str, given: str | tuple[str, ...] | None) -> str | None:
    if given is not None and not isinstance(given, str):
        raise InputError(f"the store's URL says {name} more than once")
    return given


def _require_http(milvus: str) -> None:
    parts = urlsplit(milvus)
    if parts.username or parts.password:
        raise InputError("milvus=...: name its user and password, or its token, in MILVUS_TOKEN, not in the URL")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"milvus={milvus}: not a URL of a server, such as http://localhost:19530")


def _cache_of(database: URL, schema: str) -> Path:
    name = "_".join(str(part) for part in (database.host or "local", database.port or 5432, database.database, schema))
    return user_cache_path("spanqa") / "".join(char if char.isalnum() or char in "._-" else "-" for char in name)
