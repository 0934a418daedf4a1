"""What a writer does, one operation after the other, and what the store, its backups and its copies hold after each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from eval.bench.kills.material import NAMES

Kind = Literal[
    "add",
    "update",
    "describe",
    "remove",
    "purge",
    "re-embed",
    "repair",
    "backup",
    "restore",
    "migrate",
    "key added",
    "key rotated",
    "key revoked",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
TOGETHER = 4
_FULL, _EMPTY = 3 * len(NAMES) // 4, TOGETHER
# A store keeps its revoked keys, and has room for a thousand of either.
_MOST_KEYS = 900
_MOST_USABLE_KEYS = 6
# How often a copy is brought up to what the store is now, rather than a new one made.
_BROUGHT_UP = 0.6


@dataclass(frozen=True, slots=True)
class Held:
    """What a store holds: the revision and the label of each document, by name, and which embedder it is pinned to."""

    documents: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    embedder: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """All that is to be expected once everything up to now was done.

    `backup` and `copy` name the folders of the newest of each with what they hold. `begun` is a folder in which a
    backup was interrupted; a copy whose making was interrupted holds None. `keys` says of every key whether it opens
    the door.
    """

    held: Held = field(default_factory=Held)
    backup: tuple[str, Held] | None = None
    begun: str | None = None
    copy: tuple[str, Held | None] | None = None
    keys: Mapping[str, bool] = field(default_factory=dict)

    @property
    def usable_keys(self) -> list[str]:
        """The names of the keys that open the door."""
        return sorted(name for name, usable in self.keys.items() if usable)


@dataclass(frozen=True, slots=True)
class Operation:
    """One command: documents put in one transaction or removed, another embedder, a backup or copy into a folder or out
    of one, a key by its name, or nothing beside its kind."""

    kind: Kind
    puts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    removed: str | None = None
    embedder: int | None = None
    folder: str | None = None
    key: str | None = None

    def after(self, state: State) -> State:
        """What is to be expected once it is done."""
        if self.kind == "restore" and state.backup is not None:
            # A restored store has an identity of its own: what was copied from it before is a copy of another.
            return replace(state, held=state.backup[1], copy=None)
        if self.kind == "backup" and self.folder is not None:
            return replace(state, backup=(self.folder, state.held), begun=None)
        if self.kind == "migrate" and self.folder is not None:
            return replace(state, copy=(self.folder, state.held))
        if self.key is not None:
            return replace(state, keys={**state.keys, self.key: self.kind != "key revoked"})
        left = {name: value for name, value in state.held.documents.items() if name != self.removed}
        embedder = state.held.embedder if self.embedder is None else self.embedder
        return replace(state, held=Held(left | dict(self.puts), embedder))

    def interrupted(self, state: State) -> State:
        """What is to be expected where it was killed and nothing of it is there but what it may go on with."""
        if self.kind == "backup":
            return replace(state, begun=self.folder)
        if self.kind == "restore":
            # Where both hold the same documents, only its identity tells whether it was restored.
            return replace(state, copy=None)
        if self.kind == "migrate" and self.folder is not None:
            known = state.copy[1] if state.copy is not None and state.copy[0] == self.folder else None
            return replace(state, copy=(self.folder, known))
        return state


def operations(state: State, seed: str, revision: int, aimed: Kind, skipped: int) -> Iterator[Operation]:
    """Operations without end, the same ones for the same arguments; `aimed` comes after `skipped` others.

    `revision` is the first that they use: a greater one than any before, so that it tells what is newer.
    """
    draw = random.Random(seed)
    for number in itertools.count():
        wanted = aimed if number == skipped else draw.choice(KINDS)
        kind = _possible(wanted, state)
        operation = _operation(kind, state, revision, draw)
        revision += TOGETHER
        state = operation.after(state)
        yield operation


def _possible(wanted: Kind, state: State) -> Kind:
    """The wanted kind, or what must come before it can be done."""
    count = len(state.held.documents)
    if wanted == "add" and count > _FULL:
        return "remove"
    if wanted in ("update", "describe", "remove") and count <= _EMPTY:
        return "add"
    if wanted == "restore" and state.backup is None:
        return "backup"
    if wanted in ("key rotated", "key revoked") and not state.usable_keys:
        wanted = "key added"
    if wanted == "key added" and len(state.keys) >= _MOST_KEYS:
        return "describe" if count > _EMPTY else "add"
    if wanted == "key added" and len(state.usable_keys) >= _MOST_USABLE_KEYS:
        return "key revoked"
    return wanted


def _operation(kind: Kind, state: State, revision: int, draw: random.Random) -> Operation:
    if kind in ("add", "update", "describe", "remove"):
        return _of_documents(kind, state.held.documents, revision, draw)
    folder = key = None
    if kind == "backup":
        folder = state.begun or f"backup-{revision}"
    elif kind == "restore" and state.backup is not None:
        folder = state.backup[0]
    elif kind == "migrate":
        folder = f"copy-{revision}"
        if state.copy is not None and (state.copy[1] is None or draw.random() < _BROUGHT_UP):
            folder = state.copy[0]
    elif kind == "key added":
        key = f"key {revision}"
    elif kind in ("key rotated", "key revoked"):
        key = draw.choice(state.usable_keys)
    return Operation(kind, embedder=1 - state.held.embedder if kind == "re-embed" else None, folder=folder, key=key)


def _of_documents(
    kind: Kind, documents: Mapping[str, tuple[int, int]], revision: int, draw: random.Random
) -> Operation:
    there = sorted(documents)
    if kind == "remove":
        return Operation(kind, removed=draw.choice(there))
    if kind == "describe":
        name = draw.choice(there)
        written, label = documents[name]
        return Operation(kind, {name: (written, label + 1)})
    among = there if kind == "update" else [name for name in NAMES if name not in documents]
    names = draw.sample(among, draw.randint(1, TOGETHER))
    labels = {name: written[1] for name, written in documents.items()}
    return Operation(kind, {name: (revision + number, labels.get(name, 0)) for number, name in enumerate(names)})
