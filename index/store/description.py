"""What a store is made of: its format, models, counts, and the size of its parts."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from index.catalogue.sqlite import CATALOGUE_FILE
from index.search.index_folders import DERIVED_FOLDER
from index.store.store import Store


class Description(BaseModel):
    """A store in numbers. `bytes` are those of its files on this machine, by part."""

    model_config = ConfigDict(frozen=True)

    location: str
    format_version: int
    generation: int
    documents: int
    passages: int
    embedder: str | None
    embedder_sha256: str | None
    dimensions: int | None
    promise: bool
    bytes: dict[str, int]


def describe_store(store: Store) -> Description:
    """Describe a store; raises StoreError where it cannot be read."""
    catalogue = store.catalogue
    documents, passages = catalogue.counts()
    dimensions = catalogue.setting("dimensions")
    return Description(
        location=str(store.location),
        format_version=int(catalogue.setting("format_version") or 0),
        generation=catalogue.generation(),
        documents=documents,
        passages=passages,
        embedder=catalogue.setting("embedder"),
        embedder_sha256=catalogue.setting("embedder_sha256"),
        dimensions=int(dimensions) if dimensions else None,
        promise=bool(catalogue.setting("promise")),
        bytes=_sizes(store.folder),
    )


def _sizes(folder: Path) -> dict[str, int]:
    sizes = {"catalogue": sum(path.stat().st_size for path in folder.glob(f"{CATALOGUE_FILE}*"))}
    for kind in ("vectors", "lexical"):
        files = [path for part in (folder / DERIVED_FOLDER).glob(f"*/{kind}") for path in _files(part)]
        sizes[kind] = sum(path.stat().st_size for path in files)
    return sizes


def _files(folder: Path) -> list[Path]:
    return [Path(base) / name for base, _, names in os.walk(folder) for name in names]
