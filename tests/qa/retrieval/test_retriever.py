"""The passages that are found to be read for a question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.embedders import FakeEmbedder

from index.documents import Document
from index.errors import DamageError, ModelError
from index.store.store import Store
from qa.asking.asked import Asked
from qa.retrieval.fusion import FusionWeights
from qa.retrieval.retriever import Retrieved, Retriever
from qa.types import Question

NAMES = ("Vega", "Orion", "Lyra", "Mira")
DOCUMENTS = [Document(uri=f"file:///{name}.txt", title=name, text=f"The {name} left port.") for name in NAMES]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store", FakeEmbedder())
    yield made
    made.close()


@pytest.fixture
def full(store: Store) -> Store:
    list(store.put_all(DOCUMENTS))
    return store


def asked(text: str, **fields: object) -> Asked:
    return Asked(Question.model_validate({"question": text} | fields))


def retrieve(store: Store, *questions: Asked) -> list[Retrieved]:
    return Retriever(store, FusionWeights()).retrieve(questions)


def test_best_first_and_at_most_as_many_as_are_read(full: Store) -> None:
    (all_of_them,) = retrieve(full, asked("Did the Orion leave port?"))
    (two,) = retrieve(full, asked("Did the Orion leave port?", passages=2))
    assert all_of_them.passages[0].passage.document_id == DOCUMENTS[1].id
    assert len(all_of_them.passages) == len(DOCUMENTS) and list(all_of_them.passages[:2]) == list(two.passages)
    scores = [entry.hit.score for entry in all_of_them.passages]
    assert scores == sorted(scores, reverse=True) and all_of_them.reason is None
    best = all_of_them.passages[0]
    assert best.similarity == max(entry.similarity for entry in all_of_them.passages) == best.hit.dense_score


def test_only_what_the_filters_let_in(full: Store) -> None:
    (retrieved,) = retrieve(full, asked("Did the Orion leave port?", filters={"document_ids": [DOCUMENTS[2].id]}))
    assert [entry.passage.document_id for entry in retrieved.passages] == [DOCUMENTS[2].id]
    (none,) = retrieve(full, asked("Did the Orion leave port?", filters={"tags": ["none"]}))
    assert (list(none.passages), none.reason) == ([], "nothing_retrieved")


def test_company_changes_nothing(full: Store) -> None:
    questions = [asked(f"Did the {name} leave port?", passages=number) for number, name in enumerate(NAMES, start=1)]
    together = [retrieved.passages for retrieved in retrieve(full, *questions)]
    assert together == [retrieve(full, question)[0].passages for question in questions]


def test_an_empty_store_is_not_told_to_whoever_sees_a_part_of_it(store: Store) -> None:
    everywhere, somewhere = asked("When?"), asked("When?", filters={"collections": ["a"]})
    assert [retrieved.reason for retrieved in retrieve(store, everywhere, somewhere)] == [
        "empty_index",
        "nothing_retrieved",
    ]


def test_what_is_replaced_behind_the_search_is_searched_again(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    search, searches = full.search, []

    def then_replace(*arguments: Any) -> Any:
        result = search(*arguments)
        if not searches:
            full.put(DOCUMENTS[1].model_copy(update={"text": "The Orion left port again."}))
        searches.append(1)
        return result

    monkeypatch.setattr(full, "search", then_replace)
    (retrieved,) = retrieve(full, asked("Did the Orion leave port?"))
    assert retrieved.passages[0].passage.text == "The Orion left port again."
    assert len(retrieved.passages) == len(DOCUMENTS) and len(searches) == 2


def test_a_passage_that_was_never_in_the_catalogue_is_damage(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = full.catalogue.snapshot

    def without_the_first(ids: list[int]) -> Any:
        return snapshot(ids[1:])

    monkeypatch.setattr(full.catalogue, "snapshot", without_the_first)
    with pytest.raises(DamageError, match=r"is not in its catalogue: qa store check"):
        retrieve(full, asked("Did the Orion leave port?"))


def test_another_embedder_is_refused(full: Store) -> None:
    full.embedder = FakeEmbedder("other")
    with pytest.raises(ModelError, match="qa index --re-embed"):
        retrieve(full, asked("When?"))
