"""Settings, with what the catalogue knows of itself among them: read as a whole, and changed as a whole.

A seal over all of them says whether one was lost or changed. Beside those that `index.catalogue.schema` names, they
hold the tallies of the tables whose rows nothing else counts, and the number of the last passage.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from index.catalogue.integrity.seals import Tally, settings_seal
from index.catalogue.schema import settings
from index.errors import DamageError

Tallied = Literal["documents", "sources", "removals"]
SEAL = "seal"
LAST_PASSAGE = "last_passage"
_TALLIES: dict[Tallied, str] = {
    "documents": "tally_documents",
    "sources": "tally_sources",
    "removals": "tally_removals",
}
# What is the catalogue's own business.
INTERNAL = frozenset({SEAL, LAST_PASSAGE, *_TALLIES.values()})
_WHAT_TO_DO = "restore a backup into another folder (qa store restore BACKUP --store ANOTHER), or index anew into one"


def read_settings(connection: Connection) -> dict[str, str]:
    """Every setting by name. Raises DamageError where one is not as it was written, or is not there."""
    values = stored_settings(connection)
    seal = values.pop(SEAL, None)
    if seal != settings_seal(values):
        raise DamageError(f"the store's settings are damaged: one is not what was written, or gone; {_WHAT_TO_DO}")
    return values


def stored_settings(connection: Connection) -> dict[str, str]:
    """Settings as they stand there, their seal among them. Raises DamageError where one is no text."""
    rows = connection.execute(select(settings.c.name, settings.c.value)).all()
    if not all(isinstance(part, str) for row in rows for part in row):
        raise DamageError(f"the store's settings are damaged: one of them is no text; {_WHAT_TO_DO}")
    return {row.name: row.value for row in rows}


def is_other_format(values: dict[str, str], version: int) -> bool:
    """Whether settings are those of a catalogue of format `version` in which nothing but that number is damaged."""
    rest = {name: value for name, value in values.items() if name != SEAL}
    return SEAL in values and values[SEAL] == settings_seal(rest | {"format_version": str(version)})


class Ledger:
    """Settings and tallies for one transaction that changes something, on its `connection`.

    Changes are kept here until `finish` writes them, with a new seal.
    """

    def __init__(self, connection: Connection, values: dict[str, str]) -> None:
        self.connection = connection
        self._stored = dict(values)
        self._values = dict(values)

    @classmethod
    def open(cls, connection: Connection) -> Ledger:
        """Read it, at the beginning of a transaction. Raises DamageError: what is damaged is not sealed anew."""
        return cls(connection, read_settings(connection))

    def get(self, name: str) -> str | None:
        """The value of a setting."""
        return self._values.get(name)

    def set(self, name: str, value: str) -> None:
        """Give a setting a value."""
        self._values[name] = value

    @property
    def generation(self) -> int:
        """The catalogue's generation."""
        return int(self._values.get("generation", "0"))

    def raise_generation(self) -> int:
        """The next generation, which is the catalogue's from now on."""
        self.set("generation", str(self.generation + 1))
        return self.generation

    def passage_numbers(self, count: int) -> range:
        """Numbers for so many new passages, that none had before."""
        last = int(self._values.get(LAST_PASSAGE, "0"))
        self.set(LAST_PASSAGE, str(last + count))
        return range(last + 1, last + count + 1)

    def tally(self, table: Tallied) -> Tally:
        """What a table must hold."""
        return tally_in(self._values, table)

    def set_tally(self, table: Tallied, tally: Tally) -> None:
        """State what a table must hold from now on."""
        self.set(_TALLIES[table], str(tally))

    def came(self, table: Tallied, seals: Iterable[bytes]) -> None:
        """Note rows that were put into a table, by their seals."""
        self.set_tally(table, self.tally(table).plus(seals))

    def went(self, table: Tallied, seals: Iterable[object]) -> None:
        """Note rows that were taken out of a table, by their seals as they stood there."""
        known = [seal if isinstance(seal, bytes) else b"" for seal in seals]
        self.set_tally(table, self.tally(table).minus(known))

    def finish(self) -> None:
        """Write what has changed, and the seal over all of it."""
        changed = {name: value for name, value in self._values.items() if self._stored.get(name) != value}
        if not changed:
            return
        for name, value in (changed | {SEAL: settings_seal(self._values)}).items():
            done = self.connection.execute(update(settings).where(settings.c.name == name).values(value=value))
            if done.rowcount == 0:
                self.connection.execute(insert(settings).values(name=name, value=value))


def tally_in(values: dict[str, str], table: Tallied) -> Tally:
    """What a table must hold by these settings."""
    stored = values.get(_TALLIES[table])
    return Tally.parse(stored) if stored else Tally()
