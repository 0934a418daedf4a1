"""What is damaged is found, refused where it is read, and mended where the text allows; texts are never touched."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index.catalogue.integrity.audit import Damage
from index.catalogue.sqlite import CATALOGUE_FILE
from index.documents import Document, Source
from index.errors import DamageError, ModelError
from index.search.index_folders import DERIVED_FOLDER
from index.selection import Selection
from index.store.health import check_store, repair_store
from index.store.removal import remove_documents
from index.store.store import Store
from index.text.passages import CutSettings

pytestmark = pytest.mark.slow

Make = Callable[..., Document]
SMALL = CutSettings(minimum=2, maximum=8, overlap=0)


@pytest.fixture
def reopen(tmp_path: Path, make_embedder: Any) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def open_store() -> Store:
        opened.append(Store(tmp_path / "store", make_embedder(), cut=SMALL))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[[], Store], make_document: Make) -> Store:
    store = reopen()
    list(store.put_all(make_document(f"d{n}", f"Word{n} stands. Cats chase mice. Dogs bury bones.") for n in range(20)))
    store.remove(make_document("d3", "").id)
    return store


def test_a_sound_store(store: Store) -> None:
    health = check_store(store)
    assert health.sound and health.findings == ()
    assert (health.documents, health.generation) == (19, store.catalogue.generation())
    assert repair_store(store) == (health, [])


def test_an_empty_store_is_sound(reopen: Callable[[], Store]) -> None:
    assert check_store(reopen()).sound


def spoil(store: Store, sql: str) -> None:
    with closing(sqlite3.connect(store.folder / CATALOGUE_FILE)) as connection:
        connection.execute(sql)
        connection.commit()


# What is done to the first document or the first passage, and what a check must tell of it.
_FIRST = "WHERE rowid = (SELECT min(rowid) FROM documents)"
_PASSAGE = "WHERE id = (SELECT min(id) FROM passages)"
TEXTS = {
    "another word": f"UPDATE documents SET text = replace(text, 'Cats', 'Rats') {_FIRST}",
    "not UTF-8": f"UPDATE documents SET text = CAST(x'ff' || CAST(text AS BLOB) AS TEXT) {_FIRST}",
    "no text": f"UPDATE documents SET text = CAST(text AS BLOB) {_FIRST}",
}
FIELDS = {
    "uri": f"UPDATE documents SET uri = 'elsewhere' {_FIRST}",
    "title": f"UPDATE documents SET title = title || '.' {_FIRST}",
    "date": f"UPDATE documents SET date = '2024' {_FIRST}",
    "collection": f"UPDATE documents SET collection = 'plans' {_FIRST}",
    "hash": f"UPDATE documents SET sha256 = replace(sha256, '0', '1') {_FIRST}",
    "pages": f"UPDATE documents SET pages = '[{{' {_FIRST}",
    "outline": f'UPDATE documents SET outline = \'[{{"level":1,"title":"x","start":2}}]\' {_FIRST}',
    "rows": f"UPDATE documents SET rows = x'00' {_FIRST}",
    "tags": f"UPDATE documents SET tags = '[\"secret\"]' {_FIRST}",
    "unread": f'UPDATE documents SET unread = \'[{{"part":"page 3","reason":"x"}}]\' {_FIRST}',
    "time": f"UPDATE documents SET indexed_at = 5 {_FIRST}",
    "seal": f"UPDATE documents SET seal = zeroblob(16) {_FIRST}",
}
PASSAGES = {
    "moved": f'UPDATE passages SET start = start + 1, "end" = "end" + 1 {_PASSAGE}',
    "longer": f'UPDATE passages SET "end" = 9999 {_PASSAGE}',
    "headings": f"UPDATE passages SET context = 'Other' {_PASSAGE}",
    "of another": "UPDATE passages SET document_id = (SELECT document_id FROM passages ORDER BY id DESC) " + _PASSAGE,
    "gone": f"DELETE FROM passages {_PASSAGE}",
    "twice": 'INSERT INTO passages SELECT id + 9999, document_id, start, "end", context, generation, embedding, '
    f"place_seal, embedding_seal FROM passages {_PASSAGE}",
    "no numbers": f"UPDATE passages SET start = 'x' {_PASSAGE}",
}
EMBEDDINGS = {
    "zeroed": f"UPDATE passages SET embedding = zeroblob(length(embedding)) {_PASSAGE}",
    "short": f"UPDATE passages SET embedding = x'0102030405' {_PASSAGE}",
    "a number": f"UPDATE passages SET embedding = 123456789012 {_PASSAGE}",
    "later": f"UPDATE passages SET generation = 9999 {_PASSAGE}",
}
OTHERS = {
    Damage.TAGS: "INSERT INTO document_tags SELECT id, 'x' FROM documents LIMIT 1",
    Damage.FILES: "UPDATE sources SET stamp = 'x'",
    Damage.REMOVALS: "INSERT INTO removals SELECT min(id), 1 FROM passages",
}
SETTINGS = {
    "store id": "DELETE FROM settings WHERE name = 'store_id'",
    "embedder": "UPDATE settings SET value = 'another' WHERE name = 'embedder'",
    "generation": "UPDATE settings SET value = '1' WHERE name = 'generation'",
    "promise": "INSERT INTO settings VALUES ('promise', '{}')",
    "seal": "DELETE FROM settings WHERE name = 'seal'",
    "no text": "UPDATE settings SET value = x'00' WHERE name = 'generation'",
}


def kinds(store: Store) -> set[Damage]:
    return {finding.kind for finding in check_store(store).findings}


@pytest.mark.parametrize("change", [*TEXTS.values(), *FIELDS.values()], ids=[*TEXTS, *FIELDS])
def test_a_damaged_document_is_refused_and_mended_by_indexing_it_again(
    store: Store, reopen: Callable[[], Store], make_document: Make, change: str
) -> None:
    record = store.catalogue.records()[0]
    spoil(store, change)
    health = check_store(store)
    finding = health.findings[0]
    assert finding.kind is (Damage.TEXT if change in TEXTS.values() else Damage.DOCUMENT)
    assert finding.subject == record.id and f"qa documents remove {record.id}" in finding.remedy
    with pytest.raises(DamageError, match=record.id) as caught:
        store.catalogue.document(record.id)
    assert "chase" not in str(caught.value) and "bones" not in str(caught.value)
    # Neither the search indexes nor a repair touch it; removed and put again, it is whole.
    assert health.unchecked
    assert repair_store(store)[0].findings == health.findings
    again = reopen()
    assert [receipt.id for receipt in remove_documents(again, [record.id], purge=True)] == [record.id]
    again.put(make_document("d0", "Word0 stands. Cats chase mice. Dogs bury bones."))
    assert check_store(again).sound


@pytest.mark.parametrize("change", FIELDS.values(), ids=FIELDS)
def test_a_damaged_document_is_replaced_by_the_same(store: Store, make_document: Make, change: str) -> None:
    spoil(store, change)
    store.put(make_document("d0", "Word0 stands. Cats chase mice. Dogs bury bones."))
    assert check_store(store).sound


@pytest.mark.parametrize("change", [*PASSAGES.values(), *EMBEDDINGS.values()], ids=[*PASSAGES, *EMBEDDINGS])
def test_damaged_passages_are_refused_and_made_anew(
    store: Store, reopen: Callable[[], Store], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {one: store.catalogue.document(one) for one in store.catalogue.allowed_documents(Selection())}
    spoil(store, change)
    assert kinds(store) <= {Damage.PASSAGES, Damage.EMBEDDINGS} and kinds(store)
    shutil.rmtree(store.folder / DERIVED_FOLDER)
    with pytest.raises(DamageError, match="qa store check"):
        reopen().sync()
    with pytest.raises(DamageError):
        store.catalogue.entries(list(before))
    with monkeypatch.context() as patch, pytest.raises(ModelError, match="was embedded with fake"):
        patch.setattr(store.embedder, "sha256", "0" * 64)
        repair_store(store)
    health, done = repair_store(store)
    assert health.sound and done
    assert {one: store.catalogue.document(one) for one in before} == before
    assert check_store(reopen()).sound


@pytest.mark.parametrize("kind", OTHERS, ids=str)
def test_rows_beside_documents_are_mended(store: Store, kind: Damage) -> None:
    store.catalogue.keep_sources("default", {Source("file:///d0", "ab", "1", "1"): None})
    spoil(store, OTHERS[kind])
    assert kinds(store) == {kind}
    health, done = repair_store(store)
    assert health.sound and done


@pytest.mark.parametrize("change", SETTINGS.values(), ids=SETTINGS)
def test_damaged_settings_are_refused_and_never_written_over(
    store: Store, reopen: Callable[[], Store], make_document: Make, change: str
) -> None:
    spoil(store, change)
    for use in (store.catalogue.generation, store.catalogue.settings, lambda: store.put(make_document("x", "X."))):
        with pytest.raises(DamageError, match="settings are damaged"):
            use()
    (finding,) = check_store(store).findings
    assert finding.kind is Damage.SETTINGS and "restore a backup" in finding.remedy
    assert repair_store(store)[0].findings == (finding,)


@pytest.mark.parametrize("value", ["1", "2", "7", "x"])
def test_a_damaged_format_is_no_other_format(store: Store, reopen: Callable[[], Store], value: str) -> None:
    spoil(store, f"UPDATE settings SET value = '{value}' WHERE name = 'format_version'")
    with pytest.raises(DamageError, match=f"says that it is of format {value}, and is not"):
        reopen()


def test_a_store_that_does_not_say_its_format_is_not_made_anew(store: Store, reopen: Callable[[], Store]) -> None:
    spoil(store, "DELETE FROM settings")
    with pytest.raises(DamageError, match="does not say of which format"):
        reopen()


def test_missing_documents_are_told_of_and_given_up_by_a_repair(store: Store) -> None:
    store.catalogue.keep_sources("default", {Source("file:///d0", "ab", "1", "1"): None})
    spoil(store, f"DELETE FROM documents {_FIRST}")
    assert kinds(store) == {Damage.MISSING, Damage.PASSAGES}
    health, done = repair_store(store)
    assert health.sound and health.documents == 18
    assert any("1 documents that are lost were given up" in line for line in done)
    # Its file will be read again.
    assert store.catalogue.sources("default") == {}


def test_a_row_that_went_back_is_told_of(store: Store, make_document: Make) -> None:
    record = store.catalogue.records()[0]
    with closing(sqlite3.connect(store.folder / CATALOGUE_FILE)) as connection:
        columns = "title, indexed_at, structure_seal, author, passages, passage_seals, seal"
        old = connection.execute(f"SELECT {columns} FROM documents WHERE id = ?", (record.id,)).fetchone()
        document = store.catalogue.document(record.id)
        assert document is not None
        store.catalogue.describe(document.model_copy(update={"author": "Someone"}))
        names = ", ".join(f"{name} = ?" for name in columns.split(", "))
        connection.execute(f"UPDATE documents SET {names} WHERE id = ?", (*old, record.id))
        connection.commit()
    assert kinds(store) == {Damage.MISSING}


def test_missing_tables_are_told_of(store: Store) -> None:
    spoil(store, "DROP TABLE removals")
    (finding,) = check_store(store).findings
    assert finding.kind is Damage.PAGES and "removals are missing" in finding.problem


def derived(store: Store, kind: str) -> Path:
    (folder,) = (store.folder / DERIVED_FOLDER).glob(f"*/{kind}")
    return folder


@pytest.mark.parametrize("kind", ["vectors", "lexical"])
def test_a_file_that_rotted_is_found_and_made_anew(store: Store, reopen: Callable[[], Store], kind: str) -> None:
    largest = max(derived(store, kind).iterdir(), key=lambda path: path.stat().st_size)
    before = largest.stat()
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0x40
    with largest.open("r+b") as file:
        file.write(content)
    import os

    # As a disk does it: nothing says that the file has changed.
    os.utime(largest, ns=(before.st_atime_ns, before.st_mtime_ns))
    health = check_store(reopen())
    assert health.sound or "does not hold what was written" in health.findings[0].problem
    after, _ = repair_store(store)
    assert after.sound
    assert check_store(reopen()).sound


def test_entries_that_differ_from_the_catalogue_are_found_and_mended(store: Store) -> None:
    import numpy as np

    indexes = store.backend.open_local_indexes(store.embedder.dimensions)
    indexes.catch_up(store.catalogue)
    first, second = store.catalogue.embedded()[1][:2].tolist()
    vectors, lexical = indexes._vectors, indexes._lexical
    vectors.remove([first])
    vectors.add(np.array([second, 99_999]), np.ones((2, store.embedder.dimensions), np.float32))
    vectors.commit(vectors.generation)
    lexical.remove([second])
    lexical.commit(lexical.generation)
    problems = " / ".join(finding.problem for finding in check_store(store).findings)
    assert f"the vector index lacks 1 passages, the first of them {first}" in problems
    assert "the vector index holds 1 passages that were removed, the first of them 99999" in problems
    assert f"another vector for the passage {second}" in problems
    assert f"the lexical index lacks 1 passages, the first of them {second}" in problems
    health, rebuilt = repair_store(store)
    assert rebuilt and health.sound
