"""A server process around models that need no weights: `python -m serving.server STORE PORT [SETTINGS [FAULT]]`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from fakes.embedders import FakeEmbedder
from fakes.engines import engine_of

from api.http.app import serve
from api.settings import ServerSettings
from index.store.store import Store

if __name__ == "__main__":
    folder, port, *rest = sys.argv[1:]
    settings = ServerSettings.model_validate(json.loads(rest[0]) if rest else {})
    store = Store(Path(folder), FakeEmbedder())
    if rest[1:] == ["keeps removed"]:
        store.remove = lambda _document_id: True  # type: ignore[method-assign]
    if rest[1:] == ["loses"]:
        store.catalogue.records = lambda *_arguments, **_more: []  # type: ignore[method-assign]
    finished = serve(engine_of(store), port=int(port), settings=settings)
    # As the command does: threads may still be at work.
    os._exit(0 if finished else 1)
