"""What the tests of measuring share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.askers import TEXT, URI, FakeAsker, make_answer, make_response
from fakes.embedders import LetterEmbedder
from harbours import TOWNS, gold_set

from eval.gold.corpus import gold_documents
from index.documents import document_id
from index.models.embedder import Embedder
from index.store.store import Store
from qa.types import Answer, Response


@pytest.fixture
def embedder() -> Embedder:
    return LetterEmbedder()


@pytest.fixture
def answer() -> Callable[..., Answer]:
    return make_answer


@pytest.fixture
def response() -> Callable[..., Response]:
    return make_response


@pytest.fixture
def fake_asker() -> type[FakeAsker]:
    return FakeAsker


@pytest.fixture
def source() -> tuple[str, str]:
    """The id and the text of the document that every fake answer cites."""
    return document_id(URI), TEXT


@pytest.fixture
def harbour_store(tmp_path: Path, embedder: Embedder) -> Iterator[Store]:
    """A store of the documents that the questions about harbours are about."""
    store = Store(tmp_path / "store", embedder)
    assert len(list(store.put_all(gold_documents(gold_set())))) == len(TOWNS)
    store.sync()
    yield store
    store.close()
