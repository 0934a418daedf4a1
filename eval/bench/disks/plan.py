"""The commands that are given on a full disk, and what must be there after each."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from eval.bench.kills.material import EMBEDDERS, NAMES, make_document
from eval.bench.kills.performing import garble, open_made
from index.search.index_folders import DERIVED_FOLDER

Kind = Literal[
    "add",
    "update",
    "prune",
    "remove",
    "remove, purge later",
    "purge",
    "re-embed",
    "repair",
    "backup",
    "restore",
    "migrate",
    "key added",
    "key rotated",
    "key revoked",
    "opening",
    "catching up",
    "new store",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
TOGETHER = 4
_FULL, _EMPTY = 3 * len(NAMES) // 4, TOGETHER
_MOST_KEYS = 900


@dataclass(frozen=True, slots=True)
class State:
    """What the store holds: the revision of each document by name, the number of its embedder, and the names of the
    keys that open the door. `backup` is what the newest backup holds, of how many keys were made `keys_made`."""

    documents: Mapping[str, int] = field(default_factory=dict)
    embedder: int = 0
    keys: frozenset[str] = frozenset()
    keys_made: int = 0
    backup: tuple[Mapping[str, int], int] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its arguments, what must be there once it succeeded, and the folder that it makes, if any."""

    kind: Kind
    arguments: tuple[str, ...]
    after: State
    made: Path | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is: `disk` is the small one, with the store; `work` is elsewhere."""

    disk: Path
    work: Path

    @property
    def store(self) -> Path:
        return self.disk / "store"

    @property
    def documents(self) -> Path:
        return self.work / "documents"

    @property
    def backup(self) -> Path:
        return self.work / "backup"

    def file(self, name: str) -> Path:
        """The file of a document."""
        return self.documents / f"{name}.txt"

    def write(self, name: str, revision: int) -> None:
        """Write a revision of a document to its file."""
        self.file(name).write_text(text_of(name, revision), encoding="utf-8")

    def lay_out(self, documents: Mapping[str, int]) -> None:
        """Have a file for each of these documents, and no other."""
        for name in NAMES:
            if name in documents:
                self.write(name, documents[name])
            else:
                self.file(name).unlink(missing_ok=True)


def text_of(name: str, revision: int) -> str:
    """The whole text of a revision."""
    return make_document(name, revision, 0).text


def prepare(places: Places, state: State, wanted: Kind, number: int, draw: random.Random) -> Command:
    """The command of a kind, or of one that must come before it, with whatever it needs lying ready.

    `number` is greater than any before; a document's new revision is.
    """
    kind = _possible(wanted, state)
    if kind in ("add", "update", "prune", "remove", "remove, purge later"):
        return _of_documents(places, state, kind, number, draw)
    if kind in ("key added", "key rotated", "key revoked"):
        return _of_keys(places, state, kind, number, draw)
    return _of_the_store(places, state, kind)


def _of_documents(places: Places, state: State, kind: Kind, number: int, draw: random.Random) -> Command:
    store = ("--store", str(places.store))
    documents = dict(state.documents)
    if kind in ("add", "update"):
        among = sorted(documents) if kind == "update" else [name for name in NAMES if name not in documents]
        for name in draw.sample(among, draw.randint(1, TOGETHER)):
            documents[name] = number
            places.write(name, number)
        return Command(kind, ("index", str(places.documents), *store), replace(state, documents=documents))
    name = draw.choice(sorted(documents))
    del documents[name]
    places.file(name).unlink()
    arguments: tuple[str, ...] = ("documents", "remove", str(places.file(name)))
    if kind == "prune":
        arguments = ("index", str(places.documents))
    elif kind == "remove, purge later":
        arguments += ("--no-purge",)
    return Command(kind, (*arguments, *store), replace(state, documents=documents))


def _of_keys(places: Places, state: State, kind: Kind, number: int, draw: random.Random) -> Command:
    store = ("--store", str(places.store))
    if kind == "key added":
        after = replace(state, keys=state.keys | {f"key {number}"}, keys_made=state.keys_made + 1)
        return Command(kind, ("keys", "add", f"key {number}", *store), after)
    name = draw.choice(sorted(state.keys))
    if kind == "key rotated":
        return Command(kind, ("keys", "rotate", name, "--grace", "0", *store), state)
    return Command(kind, ("keys", "revoke", name, *store), replace(state, keys=state.keys - {name}))


def _of_the_store(places: Places, state: State, kind: Kind) -> Command:
    store = ("--store", str(places.store))
    made = str(places.disk / "made")
    embedder = 1 - state.embedder
    # A check brings the search indexes up first, as whoever searches does.
    arguments: dict[Kind, tuple[str, ...]] = {
        "purge": ("store", "purge", *store),
        "re-embed": ("index", "--re-embed", "--embedder", EMBEDDERS[embedder].name, *store),
        "repair": ("store", "repair", *store),
        "backup": ("store", "backup", made, *store),
        "restore": ("store", "restore", str(places.backup), "--replace", *store),
        "migrate": ("migrate-store", str(places.store), made),
        "opening": ("documents", "list", *store),
        "catching up": ("store", "check", *store),
        "new store": ("index", str(places.documents), "--store", made),
    }
    after = state
    if kind == "re-embed":
        after = replace(state, embedder=embedder)
    elif kind == "restore" and state.backup is not None:
        after = replace(state, documents=state.backup[0], embedder=state.backup[1])
    return Command(kind, arguments[kind], after, Path(made) if made in arguments[kind] else None)


def lay_ready(places: Places, kind: Kind) -> None:
    """What a command finds in the store's search indexes: none to be caught up, or a garbled one to repair. Call it in
    a process of its own."""
    if kind == "catching up":
        shutil.rmtree(places.store / DERIVED_FOLDER, ignore_errors=True)
    elif kind == "repair":
        store = open_made(places.store)
        store.sync()
        garble(store)
        store.close()


def _possible(wanted: Kind, state: State) -> Kind:
    count = len(state.documents)
    if wanted == "add" and count > _FULL:
        return "remove"
    if wanted in ("update", "prune", "remove", "remove, purge later") and count <= _EMPTY:
        return "add"
    if wanted == "restore" and state.backup is None:
        return "backup"
    if wanted in ("key rotated", "key revoked") and not state.keys:
        wanted = "key added"
    if wanted == "key added" and state.keys_made >= _MOST_KEYS:
        return "backup"
    return wanted
