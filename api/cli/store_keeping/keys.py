"""`qa keys`: who may use a store's server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from api.cli.errors import UsageError
from api.cli.opening import open_store
from api.cli.options import CreateOption, StoreOption
from api.cli.store_keeping.times import parse_duration, parse_moment
from api.terminal import Terminal, say, tell
from index.text.printable import printable

if TYPE_CHECKING:
    from index.catalogue.keys import Key, Scope

keys = typer.Typer(
    help="API keys of the store's server. Running servers heed every change at once.", no_args_is_help=True
)


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
    create: CreateOption = False,
) -> None:
    """Make a key. Its secret is printed once, on standard output, and kept nowhere."""
    from index.store.keyring import KeyRing

    scopes: list[Scope] = []
    for given in scope or ["read"]:
        if given not in ("read", "write"):
            raise UsageError(f"--scope {given}: not a scope; take read or write")
        scopes.append("read" if given == "read" else "write")
    ends = parse_moment("--expires", expires) if expires else None
    key, token = KeyRing(open_store(store, create=create)).add(name, scopes, collection or (), ends)
    _show(key, token)


@keys.command("list")
def list_keys(
    *, store: StoreOption, as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False
) -> None:
    """List the keys, without their secrets, and when each was last used."""
    from index.catalogue.audit_log import last_uses
    from index.catalogue.keys import DamagedKey
    from index.store.keyring import KeyRing

    opened = open_store(store)
    listed = KeyRing(opened).listed()
    with opened.catalogue.connection() as connection:
        last = last_uses(connection)
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE)
    for column in ("id", "state", "name", "scopes", "collections", "expires", "last used"):
        table.add_column(column, no_wrap=column in ("id", "state"), overflow="fold")
    for key in listed:
        state = "damaged" if isinstance(key, DamagedKey) else key.obstacle(now) or "usable"
        if as_json:
            sound = {} if isinstance(key, DamagedKey) else key.model_dump(mode="json", exclude={"sha256"})
            say(json.dumps({"id": key.id, "name": key.name, **sound, "last_used_at": last.get(key.id), "state": state}))
        elif isinstance(key, DamagedKey):
            table.add_row(printable(key.id), state, printable(key.name))
        else:
            table.add_row(
                key.id,
                state,
                printable(key.name),
                ", ".join(key.scopes),
                printable(", ".join(key.collections)) or "all",
                key.expires_at.isoformat(timespec="minutes") if key.expires_at else "never",
                last.get(key.id, "never")[:16],
            )
    if not as_json:
        Terminal().print(table if listed else "no keys: the server is for this machine only, and asks for none")


@keys.command("rotate")
def rotate(
    name: Annotated[str, typer.Argument(help="The key's name or id.")],
    *,
    store: StoreOption,
    grace: Annotated[str, typer.Option(help="How long the old secret still works: 12h, 1d, or 0 for not at all.")] = (
        "1d"
    ),
) -> None:
    """Give a key a new secret, with the same rights and end; it is printed once, on standard output."""
    from index.store.keyring import KeyRing

    duration = timedelta() if grace == "0" else parse_duration(grace)
    if duration is None:
        raise UsageError(f"--grace {grace}: neither like 12h or 1d, nor 0")
    key, token, old = KeyRing(open_store(store)).rotate(name, duration)
    for one in old:
        until = one.expires_at.isoformat(timespec="minutes") if one.expires_at and duration else "now"
        tell(f"the secret of {one.id} ends {until}")
    _show(key, token)


@keys.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Its id, or its name: then all secrets of that name.")],
    *,
    store: StoreOption,
) -> None:
    """Revoke a key; running servers refuse it from their next request on."""
    from index.store.keyring import KeyRing

    for key in KeyRing(open_store(store)).revoke(name):
        say(f"revoked {printable(key.id)} {printable(key.name)}")


@keys.command("clear")
def clear(
    *,
    store: StoreOption,
    yes: Annotated[bool, typer.Option("--yes", help="Really: from then on the server asks for no key.")] = False,
) -> None:
    """Forget all keys, so that a server that is started next asks for none and is for this machine only."""
    from index.store.keyring import KeyRing

    if not yes:
        raise UsageError("a server without keys lets everybody on this machine read and remove documents; add --yes")
    say(f"{KeyRing(open_store(store)).clear()} keys are gone")


def _show(key: Key, token: str) -> None:
    tell(f"key {key.id} ({', '.join(key.scopes)}); keep it now, it is not shown again:")
    say(token)
