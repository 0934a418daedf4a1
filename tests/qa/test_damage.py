"""Questions to a damaged store: it says what is damaged, not that it changes too fast, and no words of a document."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eval.bench.kills.material import CUT, CodeReader, HashingEmbedder, ask_for, code, make_document, sections
from index.catalogue.sqlite import CATALOGUE_FILE
from index.errors import ChangingError, DamageError
from index.search.index_folders import DERIVED_FOLDER
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.types import MAX_PASSAGES, Question, Response

NAME = "lindal"
SECTION = sections(NAME, 1)[0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store", HashingEmbedder(), cut=CUT)
    list(store.put_all([make_document(NAME, 1, 0), make_document("borby", 1, 0)]))
    store.sync()
    return store


def ask(store: Store) -> Response:
    question = Question(question=ask_for(NAME, SECTION), threshold=0.0, passages=MAX_PASSAGES)
    return Engine(store, CodeReader(), load_calibration()).ask(question)


CHANGES = {
    "behind the answer": (
        "UPDATE documents SET text = text || '!' WHERE uri = 'made:lindal'",
        r"the text of the document made:lindal \(\w+\) is damaged.*qa documents remove \w+.*qa index PATH",
    ),
    "the answer itself": (
        f"UPDATE documents SET text = replace(text, '{code(NAME, 1, SECTION)}', '{code(NAME, 2, SECTION)}')",
        "its place or its words are not what was stored; qa store check",
    ),
    "its place": ('UPDATE passages SET start = start + 1, "end" = "end" + 1', "its place or its words"),
    "its title": ("UPDATE documents SET title = 'x'", "what is stored of the document made:"),
    "its passages": ("DELETE FROM passages", "found by the search indexes"),
    "settings": ("DELETE FROM settings WHERE name = 'embedder_sha256'", "settings are damaged"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_damage_is_told_of(store: Store, change: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    (answer,) = ask(store).answers[:1]
    assert answer.text == code(NAME, 1, SECTION)
    with closing(sqlite3.connect(store.folder / CATALOGUE_FILE)) as connection:
        connection.execute(change)
        connection.commit()
    with caplog.at_level(logging.DEBUG), pytest.raises(DamageError, match=message) as caught:
        ask(store)
    assert not isinstance(caught.value, ChangingError)
    for word in (code(NAME, 1, SECTION), code(NAME, 2, SECTION)):
        assert word not in f"{caught.value} {caplog.text}"


@pytest.mark.parametrize(
    "change", ["DELETE FROM passages WHERE id = 1", "DELETE FROM documents WHERE uri = 'made:borby'"]
)
def test_search_indexes_are_not_made_of_a_catalogue_that_lacks_something(store: Store, change: str) -> None:
    with closing(sqlite3.connect(store.folder / CATALOGUE_FILE)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(change)
        connection.commit()
    shutil.rmtree(store.folder / DERIVED_FOLDER)
    with pytest.raises(DamageError, match="are missing"):
        ask(Store(store.folder, store.embedder, cut=CUT))


def test_a_catalogue_that_was_cut_to_nothing_is_no_new_store(store: Store) -> None:
    store.close()
    (store.folder / CATALOGUE_FILE).write_bytes(b"")
    with pytest.raises(DamageError, match="is empty: what the catalogue held is lost"):
        Store(store.folder, store.embedder, cut=CUT, create=False)
