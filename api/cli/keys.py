"""`qa keys`: who may use a store's server; `qa audit`: what was done to the store, and what keys were used for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from api.cli.errors import UsageError
from api.cli.options import StoreOption
from api.terminal import Terminal, say, say_json, tell
from index.text.printable import printable

if TYPE_CHECKING:
    from index.catalogue.keys import Key, Scope

keys = typer.Typer(
    help="API keys of the store's server. Running servers heed every change at once.", no_args_is_help=True
)
_DURATION = re.compile(r"([1-9]\d{0,4})([hd])")
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines.")]


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
    from api.cli.opening import open_store
    from index.store.keyring import KeyRing

    scopes: list[Scope] = []
    for given in scope or ["read"]:
        if given not in ("read", "write"):
            raise UsageError(f"--scope {given}: not a scope; take read or write")
        scopes.append("read" if given == "read" else "write")
    ends = _moment("--expires", expires) if expires else None
    key, token = KeyRing(open_store(store, create=create)).add(name, scopes, collection or (), ends)
    _show(key, token)


@keys.command("list")
def list_keys(*, store: StoreOption, as_json: JsonOption = False) -> None:
    """List the keys, without their secrets, and when each was last used."""
    from api.cli.opening import open_store
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
    from api.cli.opening import open_store
    from index.store.keyring import KeyRing

    duration = timedelta() if grace == "0" else _duration(grace)
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
    from api.cli.opening import open_store
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
    from api.cli.opening import open_store
    from index.store.keyring import KeyRing

    if not yes:
        raise UsageError("a server without keys lets everybody on this machine read and remove documents; add --yes")
    say(f"{KeyRing(open_store(store)).clear()} keys are gone")


def audit(
    *,
    store: StoreOption,
    use: Annotated[bool, typer.Option("--use", help="What keys were used for, by day, and not the changes.")] = False,
    key: Annotated[str | None, typer.Option(help="Only of this key, by id or name.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only from then on: 12h or 30d ago, or a date and time in ISO 8601.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Only the newest.")] = 1_000,
    as_json: JsonOption = False,
) -> None:
    """Show what was changed in the store, when and by whom, oldest first; or, with --use, what keys were used for.

    Neither holds a word of a document or a question. At most 400 days and 100,000 rows of each are kept; uses that are
    not half a minute old may be missing.
    """
    from api.cli.opening import open_store
    from index.catalogue import audit_log
    from index.store.keyring import KeyRing

    opened = open_store(store)
    names = {one.id: one.name for one in KeyRing(opened).listed()}
    ids = [None] if key is None else [one for one, name in names.items() if key in (one, name)] or [key]
    begin = audit_log.moment(_moment("--since", since, ago=True)) if since else ""
    with opened.catalogue.connection() as connection:
        shown: list[audit_log.Entry] | list[audit_log.Use]
        if use:
            shown = [row for one in ids for row in audit_log.uses(connection, limit=limit, key_id=one, since=begin)]
        else:
            shown = [row for one in ids for row in audit_log.entries(connection, limit=limit, actor=one, since=begin)]
    if as_json:
        for row in shown:
            say_json(row.model_dump_json())
        return
    table = Table(box=box.SIMPLE)
    columns = ("day", "key", "operation", "outcome", "count", "first", "last") if use else (
        "at", "by", "operation", "of", "count", "outcome"
    )  # fmt: skip
    for column in columns:
        table.add_column(column, no_wrap=column in ("at", "day", "operation", "outcome"), overflow="fold")

    def who(one: str | None) -> str:
        return "" if one is None else printable(f"{one} {names[one]}" if one in names else one)

    for row in shown:
        if isinstance(row, audit_log.Use):
            times = (row.first_at[11:19], row.last_at[11:19])
            table.add_row(row.day, who(row.key_id), printable(row.operation), row.outcome, f"{row.count:,}", *times)
        else:
            what = (printable(row.operation), who(row.subject), f"{row.count:,}", row.outcome)
            table.add_row(row.at[:19], who(row.actor), *what)
    Terminal().print(table if shown else "nothing is noted")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")
    app.command("audit")(audit)


def _show(key: Key, token: str) -> None:
    tell(f"key {key.id} ({', '.join(key.scopes)}); keep it now, it is not shown again:")
    say(token)


def _duration(text: str) -> timedelta | None:
    duration = _DURATION.fullmatch(text)
    return timedelta(hours=int(duration.group(1)) * (24 if duration.group(2) == "d" else 1)) if duration else None


def _moment(option: str, text: str, *, ago: bool = False) -> datetime:
    """A time that is stated, or that long from now, or ago."""
    duration = _duration(text)
    if duration is not None:
        return datetime.now(UTC).replace(microsecond=0) + (-duration if ago else duration)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: neither like 12h or 30d, nor a time in ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
