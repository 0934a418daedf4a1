"""A check finds what is damaged, says what mends it, and a repair never touches what is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.checking import check_store, repair_store
from index.documents import Document
from index.index_folders import DERIVED_FOLDER
from index.passages import CutSettings
from index.store import CATALOGUE_FILE, Store

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
    assert repair_store(store) == (health, False)


def test_an_empty_store_is_sound(reopen: Callable[[], Store]) -> None:
    assert check_store(reopen()).sound


SPOILED = {
    "its hash differs": "UPDATE documents SET text = text || '!' WHERE rowid = 1",
    "cannot be read": "UPDATE documents SET pages = '[{' WHERE rowid = 1",
    "the URI of another": "UPDATE documents SET uri = 'elsewhere' WHERE rowid = 1",
    "lie outside of its text": 'UPDATE documents SET outline = \'[{"level":1,"title":"x","start":999}]\'',
    "lies outside of its document": 'UPDATE passages SET "end" = 9999 WHERE id = 1',
    "is of generation 9999": "UPDATE passages SET generation = 9999 WHERE id = 1",
    "has 5 bytes": "UPDATE passages SET embedding = x'0102030405' WHERE id = 2",
    "is not a number": "UPDATE passages SET embedding = unhex(replace(hex(zeroblob(length(embedding) / 4)), '00', '0000C07F')) WHERE id = 2",  # noqa: E501
    "noted as removed": "INSERT INTO removals SELECT id, 1 FROM passages WHERE id = 2",
    "that is not there": "DELETE FROM documents WHERE rowid = 1",
    "are missing": "DROP TABLE removals",
}


@pytest.mark.parametrize("problem", SPOILED)
def test_rows_that_do_not_fit_are_found(store: Store, problem: str) -> None:
    with sqlite3.connect(store.folder / CATALOGUE_FILE) as connection:
        if "unhex" in SPOILED[problem] and sqlite3.sqlite_version_info < (3, 41):
            (size,) = connection.execute("SELECT length(embedding) FROM passages WHERE id = 2").fetchone()
            connection.execute("UPDATE passages SET embedding = ? WHERE id = 2", (b"\x00\x00\xc0\x7f" * (size // 4),))
        else:
            connection.execute(SPOILED[problem])
    health = check_store(store)
    found = [finding for finding in health.findings if problem in finding.problem]
    assert found and found[0].part == "catalogue" and found[0].remedy
    # The search indexes say nothing of a catalogue that is not sound, and a repair leaves it alone.
    assert health.unchecked
    assert repair_store(store) == (health, False)


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

    indexes = store._local()
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
