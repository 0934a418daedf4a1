"""What a writer does, one operation after the other, and what the store holds after each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.kills.material import CUT, NAMES, HashingEmbedder, made_id, make_document
from index.store import Store

Kind = Literal["add", "update", "describe", "remove", "compact", "re-embed"]
KINDS: tuple[Kind, ...] = ("add", "update", "describe", "remove", "compact", "re-embed")
# The documents of a store: the revision and the label of each, by name.
State = Mapping[str, tuple[int, int]]
TOGETHER = 4
_FULL, _EMPTY = 3 * len(NAMES) // 4, TOGETHER


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of the store: documents put in one transaction or removed, or neither."""

    kind: Kind
    puts: Mapping[str, tuple[int, int]]
    removed: str | None = None

    def after(self, state: State) -> State:
        """What the store holds once it is done."""
        left = {name: value for name, value in state.items() if name != self.removed}
        return left | dict(self.puts)


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


def open_made(folder: str, *, create: bool = False) -> Store:
    """The store of made documents in a folder."""
    return Store(Path(folder), HashingEmbedder(), cut=CUT, create=create)


def perform(store: Store, operation: Operation) -> None:
    """Do it; it is acknowledged once this returns."""
    if operation.kind == "compact":
        store.purge()
    elif operation.kind == "re-embed":
        store.re_embed()
    elif operation.removed is not None:
        store.remove(made_id(operation.removed))
    else:
        for _ in store.put_all(make_document(name, *own) for name, own in operation.puts.items()):
            pass
        store.sync()


def _possible(wanted: Kind, state: State) -> Kind:
    """The wanted kind, but where the store is too full or too empty for it."""
    if wanted == "add" and len(state) > _FULL:
        return "remove"
    if wanted in ("update", "describe", "remove") and len(state) <= _EMPTY:
        return "add"
    return wanted


def _operation(kind: Kind, state: State, revision: int, draw: random.Random) -> Operation:
    there = sorted(state)
    if kind == "remove":
        return Operation(kind, {}, draw.choice(there))
    if kind == "add":
        names = draw.sample([name for name in NAMES if name not in state], draw.randint(1, TOGETHER))
        return Operation(kind, {name: (revision + number, 0) for number, name in enumerate(names)})
    if kind == "update":
        names = draw.sample(there, draw.randint(1, TOGETHER))
        return Operation(kind, {name: (revision + number, state[name][1]) for number, name in enumerate(names)})
    if kind == "describe":
        name = draw.choice(there)
        own, label = state[name]
        return Operation(kind, {name: (own, label + 1)})
    return Operation(kind, {})
