"""How the operations of a plan are done, each as its command does it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eval.bench.kills.keys import KeyRing
from eval.bench.kills.material import CUT, EMBEDDERS, made_id, make_document
from eval.bench.kills.plan import Operation
from index.catalogue.copying import copy_catalogue
from index.errors import StoreError
from index.search.index_folders import DERIVED_FOLDER
from index.store.backups import back_up, restore
from index.store.health import repair_store
from index.store.store import Store


@dataclass(frozen=True, slots=True)
class Work:
    """Where everything is: the store, its backups and its copies side by side in a folder, and its keys."""

    folder: Path
    keys: KeyRing

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def named(self, name: str | None) -> Path:
        """The folder of a backup or a copy."""
        if name is None:
            raise ValueError("the operation names no folder")
        return self.folder / name


def open_made(folder: str | Path, *, create: bool = False) -> Store:
    """The store of made documents in a folder, with the embedder that it is pinned to."""
    store = Store(Path(folder), EMBEDDERS[0], cut=CUT, create=create)
    _take_pinned(store)
    return store


def embedder_of(store: Store) -> int:
    """Which embedder a store is pinned to; one without any takes the first. Raises StoreError for another's."""
    pinned = store.catalogue.setting("embedder_sha256") or EMBEDDERS[0].sha256
    for number, embedder in enumerate(EMBEDDERS):
        if embedder.sha256 == pinned:
            return number
    raise StoreError(f"the store {store.location} is pinned to an embedder that nobody embedded it with")


def perform(store: Store, operation: Operation, work: Work) -> str | None:
    """Do it; it is acknowledged once this returns, with the token of a key that was made or got a new secret."""
    kind = operation.kind
    if kind == "purge":
        store.purge()
    elif kind == "repair":
        garble(store)
        repair_store(store)
    elif operation.embedder is not None:
        store.embedder = EMBEDDERS[operation.embedder]
        store.re_embed()
    elif kind == "backup":
        back_up(store, work.named(operation.folder))
    elif kind == "restore":
        restore(store, work.named(operation.folder))
        _take_pinned(store)
    elif kind == "migrate":
        copy(store, work.named(operation.folder))
    elif operation.key is not None:
        if kind == "key added":
            return work.keys.add(store, operation.key)
        if kind == "key rotated":
            return work.keys.rotate(store, operation.key)
        work.keys.revoke(store, operation.key)
    elif operation.removed is not None:
        store.remove(made_id(operation.removed))
    else:
        for _ in store.put_all(make_document(name, *written) for name, written in operation.puts.items()):
            pass
        store.sync()
    return None


def copy(store: Store, target: Path) -> None:
    """Copy a store to a folder, or go on with it, as `qa migrate-store` does."""
    made = Store(target, store.embedder, cut=CUT)
    try:
        copy_catalogue(store.catalogue, made.catalogue, lambda done, total: None)
        made.sync()
    finally:
        made.close()


def garble(store: Store) -> None:
    """Change a byte of the largest file of search vectors where only a check can notice: neither its size nor its time
    of change tells."""
    files = [path for path in (store.folder / DERIVED_FOLDER).rglob("*.vectors") if path.stat().st_size]
    if files:
        path = max(files, key=lambda path: (path.stat().st_size, path.name))
        status = path.stat()
        with path.open("r+b") as file:
            # The lowest bits of a number: searches that run meanwhile rank as before.
            first = file.read(1)[0]
            file.seek(0)
            file.write(bytes([first ^ 1]))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _take_pinned(store: Store) -> None:
    store.embedder = EMBEDDERS[embedder_of(store)]
