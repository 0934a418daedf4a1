"""Opening what a command needs: the store's folder, its embedder, the reader and the engine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Thread

from platformdirs import user_data_path

from api.terminal import tell
from index.errors import ModelError
from index.location import Location, parse_location
from index.models.embedder import DEFAULT_EMBEDDER, open_embedder
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import BUNDLED_CALIBRATION, load_calibration
from qa.reading.reader import DEFAULT_READER, WindowReader, open_reader


def default_store() -> Path:
    """The user's own store: a folder of the user data directory."""
    return user_data_path("spanqa") / "store"


def be_offline() -> None:
    """Keep model libraries from asking the network about models that are already here."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def open_store(
    location: str | Location, embedder: str | None = None, *, create: bool = False, runtime: str | None = None
) -> Store:
    """Open a store with the embedder that it is pinned to, or with the one named.

    A location in words is a folder or a URL, see `index.location`; `runtime` is what runs the models
    (`index.models.runtime`).
    Raises NoStoreError where there is no store and `create` is false, ModelError where the models do not fit.
    """
    where = parse_location(location) if isinstance(location, str) else location
    store = Store(where, open_embedder(embedder or DEFAULT_EMBEDDER, runtime), create=create)
    pinned = store.catalogue.setting("embedder")
    if embedder is None and pinned not in (None, DEFAULT_EMBEDDER):
        store.embedder = open_embedder(str(pinned), runtime)
    return store


def open_engine(
    store: Store,
    reader: str | None = None,
    calibration: Path | None = None,
    *,
    runtime: str | None = None,
    ahead: bool = False,
) -> Engine:
    """An engine over a store; another reader than the bundled one needs a calibration of its own to mean anything.

    `ahead` begins to load the reader in a thread: it is there when the embedder is, for a question that comes at once.
    """
    fitted = load_calibration(calibration or BUNDLED_CALIBRATION)
    model = open_reader(reader or DEFAULT_READER, runtime)
    if ahead and model.runtime == "openvino":
        Thread(target=_load, args=(model,), name="loading the reader").start()
    return Engine(store, model, fitted)


def tell_ignored_promise(engine: Engine) -> None:
    """Say so on standard error where the store keeps a promise that does not hold for this engine."""
    _, ignored = engine.promise()
    if ignored:
        tell(f"{ignored}; make it anew: qa calibrate GOLD --risk R", label="the store's promise is ignored:")


def _load(reader: WindowReader) -> None:
    # Whoever reads meets the same error, and says it.
    with suppress(ModelError):
        reader.load()
