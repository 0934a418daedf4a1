"""What made an answer: the version installed, the store's generation and the models."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from index.models.embedder import Embedder
from qa.reading.reader import Reader
from qa.types import ModelRef, Provenance


def provenance(embedder: Embedder, reader: Reader, generation: int) -> Provenance:
    """The provenance of an answer read from that generation of a store."""
    return Provenance(
        version=_installed_version(),
        store_generation=generation,
        embedder=ModelRef(name=embedder.name, sha256=embedder.sha256),
        reader=ModelRef(name=reader.name, sha256=reader.sha256),
    )


@cache
def _installed_version() -> str:
    try:
        return version("spanqa")
    except PackageNotFoundError:
        return "uninstalled"
