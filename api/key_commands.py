"""`qa keys`: who may use a store's server."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from api.errors import UsageError
from api.options import StoreOption
from api.terminal import Terminal, say, say_json, tell
from index.printable import printable

keys = typer.Typer(
    help="API keys of the store's server. Running servers heed every change at once.", no_args_is_help=True
)
_DURATION = re.compile(r"([1-9]\d{0,4})([hd])")


@keys.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the key is for; a name in use is refused.")],
    *,
    store: StoreOption,
    scope: Annotated[
        list[str] | None, typer.Option(help="read (ask, search, show) or write (add, remove); default: read.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="Only this collection; may be repeated. Default: all.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends: 12h, 30d, or a date and time in ISO 8601 (UTC by default).")
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Where there is no store yet, begin with an empty one.")
    ] = False,
) -> None:
    """Make a key. Its secret is printed once, on standard output, and kept nowhere."""
    from api.keys import KeyFile, Scope
    from api.opening import open_store

    scopes: list[Scope] = []
    for given in scope or ["read"]:
        if given not in ("read", "write"):
            raise UsageError(f"--scope {given}: not a scope; take read or write")
        scopes.append("read" if given == "read" else "write")
    file = KeyFile(open_store(store, create=create).folder)
    key, token = file.add(name, scopes, collection or (), _moment(expires) if expires else None)
    tell(f"key {key.id} ({', '.join(key.scopes)}); keep it now, it is not shown again:")
    say(token)


@keys.command("list")
def list_keys(
    *, store: StoreOption, as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False
) -> None:
    """List the keys, without their secrets."""
    from api.keys import KeyFile
    from api.opening import open_store

    found = KeyFile(open_store(store).folder).keys()
    if as_json:
        for key in found:
            say_json(key.model_dump_json(exclude={"sha256"}))
        return
    now = datetime.now(UTC)
    table = Table("id", "name", "scopes", "collections", "made", "expires", "state", box=box.SIMPLE)
    for key in found:
        table.add_row(
            key.id,
            printable(key.name),
            ", ".join(key.scopes),
            printable(", ".join(key.collections)) or "all",
            key.created_at.date().isoformat(),
            key.expires_at.isoformat(timespec="minutes") if key.expires_at else "never",
            key.obstacle(now) or "usable",
        )
    Terminal().print(table if found else "no keys: the server is for this machine only, and asks for none")


@keys.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="Its id or name.")], *, store: StoreOption) -> None:
    """Revoke a key; running servers refuse it from their next request on."""
    from api.keys import KeyFile
    from api.opening import open_store

    key = KeyFile(open_store(store).folder).revoke(name)
    say(f"revoked {key.id} {printable(key.name)}")


def _moment(text: str) -> datetime:
    duration = _DURATION.fullmatch(text)
    if duration:
        hours = int(duration.group(1)) * (24 if duration.group(2) == "d" else 1)
        return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--expires {text}: neither like 12h or 30d, nor a time in ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
