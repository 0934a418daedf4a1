"""A store that is embedded anew while others have it open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.embedders import FakeEmbedder

from eval.bench.kills.material import HashingEmbedder
from index.documents import Document
from index.errors import ModelError
from index.store import backend
from index.store.store import Store
from index.text.passages import CutSettings

Make = Callable[..., Document]
SMALL = CutSettings(minimum=2, maximum=8, overlap=0)


def embed_anew(store: Store) -> None:
    """In the catalogue alone: bringing up the search indexes would wait for whoever is at it."""
    values = {"embedder": "other", "embedder_sha256": store.embedder.sha256, "dimensions": "16"}
    store.catalogue.re_embed(store.embedder.embed, values)


@pytest.mark.parametrize("opened", ["before", "after"], ids=["its indexes were open", "they were not"])
def test_a_question_that_another_embedder_embedded_is_refused(tmp_path: Path, make_document: Make, opened: str) -> None:
    asking = Store(tmp_path, FakeEmbedder(), cut=SMALL)
    asking.put(make_document("a", "Cats sleep."))
    if opened == "after":
        asking.close()
        asking = Store(tmp_path, FakeEmbedder(), cut=SMALL)
    vector = asking.embedder.embed(["cats"])[0]
    changing = Store(tmp_path, HashingEmbedder(16), cut=SMALL)
    changing.re_embed()
    with pytest.raises(ModelError, match="was embedded with hashed words 16"):
        asking.search("cats", vector, 3)
    ranked = changing.search("cats", changing.embedder.embed(["cats"])[0], 3)
    assert len(ranked.dense) == len(ranked.lexical) == 1
    asking.close()
    changing.close()


def test_embedded_anew_while_the_indexes_are_brought_up(
    tmp_path: Path, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing = Store(tmp_path, FakeEmbedder(), cut=SMALL)
    changing.put(make_document("a", "Cats sleep."))
    changing.embedder = HashingEmbedder(16)
    catching_up = Store(tmp_path, FakeEmbedder(), cut=SMALL)
    open_derived = Store._open_derived
    left = ["re-embed"]

    def late(store: Store) -> object:
        derived = open_derived(store)
        if store is catching_up and left:
            left.clear()
            embed_anew(changing)
        return derived

    monkeypatch.setattr(Store, "_open_derived", late)
    catching_up.sync()
    assert not left and catching_up.check_derived() == []
    catching_up.close()
    changing.close()


def test_embedded_anew_between_the_size_of_vectors_and_the_name_of_their_indexes(
    tmp_path: Path, make_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing = Store(tmp_path, FakeEmbedder(), cut=SMALL)
    changing.put(make_document("a", "Cats sleep."))
    changing.embedder = HashingEmbedder(16)
    catching_up = Store(tmp_path, FakeEmbedder(), cut=SMALL)
    open_local = backend._local_indexes
    left = ["re-embed"]

    def late(folder: Path, catalogue: Any, dimensions: int) -> Any:
        if left:
            left.clear()
            embed_anew(changing)
        return open_local(folder, catalogue, dimensions)

    monkeypatch.setattr(backend, "_local_indexes", late)
    catching_up.sync()
    assert not left and catching_up.check_derived() == []
    catching_up.close()
    changing.close()
