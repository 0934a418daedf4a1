"""`qa audit`: what was done to a store, and what its keys were used for."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from api.cli.opening import open_store
from api.cli.options import StoreOption
from api.cli.store_keeping.times import parse_moment
from api.terminal import Terminal, say_json
from index.text.printable import printable

CHANGE_COLUMNS = ("at", "by", "operation", "of", "count", "outcome")
USE_COLUMNS = ("day", "key", "operation", "outcome", "count", "first", "last")


def audit(
    *,
    store: StoreOption,
    use: Annotated[bool, typer.Option("--use", help="What keys were used for, by day, and not the changes.")] = False,
    key: Annotated[str | None, typer.Option(help="Only of this key, by id or name.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only from then on: 12h or 30d ago, or a date and time in ISO 8601.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Only the newest.")] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Show what was changed in the store, when and by whom, oldest first; or, with --use, what keys were used for.

    Neither holds a word of a document or a question. At most 400 days and 100,000 rows of each are kept; uses that are
    not half a minute old may be missing.
    """
    from index.catalogue import audit_log
    from index.store.keyring import KeyRing

    opened = open_store(store)
    names = {one.id: one.name for one in KeyRing(opened).listed()}
    ids = [None] if key is None else [one for one, name in names.items() if key in (one, name)] or [key]
    begin = audit_log.moment(parse_moment("--since", since, ago=True)) if since else ""
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
    for column in USE_COLUMNS if use else CHANGE_COLUMNS:
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
