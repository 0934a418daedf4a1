"""Write the generated pages of docs/: `python -m reference.write`, which `make docs` calls."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.embedders import FakeEmbedder
from fakes.engines import engine_of
from fastapi import FastAPI

from api.http.app import create_app
from index.store.store import Store
from reference.commands import commands_page
from reference.http import http_page
from reference.measures import measures_page
from reference.settings import ROOT, settings_page


@contextmanager
def empty_server() -> Iterator[FastAPI]:
    """The server's application around an empty store; nothing is asked of its models."""
    # A thread of the word index may still put a file of its own down while the folder is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = Store(Path(folder) / "store", FakeEmbedder())
        try:
            yield create_app(engine_of(store))
        finally:
            store.close()


def pages(app: FastAPI) -> dict[Path, str]:
    """What each generated page should hold."""
    docs = ROOT / "docs"
    return {
        docs / "commands.md": commands_page(),
        docs / "http.md": http_page(app),
        docs / "measures.md": measures_page(),
        docs / "settings.md": settings_page(app),
    }


if __name__ == "__main__":
    with empty_server() as app:
        for path, text in pages(app).items():
            path.write_text(text, "utf-8")
