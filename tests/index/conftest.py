"""What the tests of the index share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.embedders import FakeEmbedder

from index.documents import Document


@pytest.fixture
def make_embedder() -> type[FakeEmbedder]:
    return FakeEmbedder


@pytest.fixture
def make_document() -> Callable[..., Document]:
    def make(name: str, text: str, **changes: object) -> Document:
        return Document.model_validate({"uri": f"file:///{name}", "title": name, "text": text} | changes)

    return make
