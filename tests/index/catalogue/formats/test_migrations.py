"""Stores of older formats: everything in them is kept, once, or nothing is changed."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine

from index.catalogue.formats import migrations
from index.catalogue.integrity.audit import Damage
from index.catalogue.integrity.seals import settings_seal
from index.catalogue.schema import FORMAT_VERSION
from index.catalogue.sqlite import SqliteCatalogue
from index.documents import Document, Page, Passage, Source, Unread, document_id
from index.errors import StoreError

# What the code of format 1 wrote: two documents, and a third that was removed again.
FORMAT_1 = (Path(__file__).parents[1] / "format1.sql").read_bytes().decode("utf-8")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.sqlite"
    with closing(sqlite3.connect(path)) as store:
        store.executescript(FORMAT_1)
        store.execute("PRAGMA journal_mode=WAL")
    return path


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as store:
        return list(store.iterdump())


def shape(path: Path) -> dict[str, object]:
    """Tables with their columns, keys and indexes."""
    with closing(sqlite3.connect(path)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        shapes: dict[str, object] = {}
        for table in sorted(tables):
            columns = sorted(row[1:] for row in store.execute(f"PRAGMA table_info({table})"))
            keys = sorted(row[2:] for row in store.execute(f"PRAGMA foreign_key_list({table})"))
            indexes = sorted(
                (unique, tuple(column for _, _, column in store.execute(f'PRAGMA index_info("{name}")')))
                for _, name, unique, *_ in store.execute(f"PRAGMA index_list({table})")
            )
            shapes[table] = (columns, keys, indexes)
        return shapes


def test_everything_is_kept(old: Path) -> None:
    catalogue = SqliteCatalogue(old)
    assert catalogue.setting("format_version") == str(FORMAT_VERSION)
    assert catalogue.setting("store_id") == "912cc1d72b4545b4b527fb11bf4bc6dc"
    assert (catalogue.generation(), catalogue.counts()) == (4, (2, 3))
    uri = "file:///notes/a%20b.md"
    first = Document(
        uri=uri,
        title="Née",
        own_title=True,
        text="# Née\r\n\nCats' \U0001f600 chase.",
        media_type="text/markdown",
        source_sha256="cd",
        pages=(Page(number=1, start=0, end=5), Page(number=2, start=5, end=22)),
        source=uri,
    )
    assert catalogue.document(document_id(uri)) == first
    assert catalogue.document(document_id("https://example.org/b")) == Document(
        uri="https://example.org/b", title="b", text="Dogs."
    )
    assert catalogue.sources("default") == {uri: Source(uri, "cd", "", "")}
    changes = catalogue.changes_since(0)
    assert changes.removed == [4]
    rows = [
        (int(number), vector.tolist(), passage.text, passage.context)
        for ids, vectors, stored in changes.added
        for number, vector, passage in zip(ids, vectors, stored, strict=True)
    ]
    assert rows == [(1, [1, 0], "# Née", "Née"), (2, [0, 1], "Cats' 😀 chas", "Née"), (3, [0.5, 0.5], "Dogs.", "")]
    assert [record.collection for record in catalogue.records()] == ["default", "default"]


def test_it_is_then_a_store_like_a_new_one(old: Path, tmp_path: Path) -> None:
    SqliteCatalogue(old).close()
    SqliteCatalogue(tmp_path / "new").close()
    expected, migrated = shape(tmp_path / "new"), shape(old)
    assert migrated == expected


def test_removal_still_cascades_and_numbers_are_not_given_again(old: Path) -> None:
    catalogue = SqliteCatalogue(old)
    assert catalogue.remove(document_id("file:///notes/a%20b.md"))
    assert catalogue.counts() == (1, 1)
    catalogue.put(Document(uri="new", title="", text="Words"), [Passage(start=0, end=5)], [[1, 0]])  # type: ignore[arg-type]
    assert catalogue.passage_ids([document_id("new")]).tolist() == [5]


def test_several_at_once_migrate_once(old: Path) -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            assert SqliteCatalogue(old).counts() == (2, 3)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_failed_step_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump(old)

    def fails(_: Connection) -> None:
        raise StoreError("no room on the disk")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", [*migrations.STEPS, fails])
        with pytest.raises(
            StoreError, match=rf"format 1 and could not be brought to format {FORMAT_VERSION}.*nothing was changed"
        ):
            SqliteCatalogue(old)
    assert dump(old) == before
    assert SqliteCatalogue(old).counts() == (2, 3)


def test_a_store_whose_passages_have_no_document_is_left_alone(old: Path) -> None:
    with closing(sqlite3.connect(old)) as store:
        store.execute("DELETE FROM documents WHERE title = 'b'")
        store.commit()
    before = dump(old)
    with pytest.raises(StoreError, match="a passage belongs to no document"):
        SqliteCatalogue(old)
    assert dump(old) == before


def test_there_is_a_step_to_every_format() -> None:
    assert len(migrations.STEPS) == FORMAT_VERSION - 1


def format_2(path: Path, *statements: str) -> None:
    """The store of format 1, as the code of format 2 left it, changed by these statements afterwards."""
    with create_engine(f"sqlite:///{path}").begin() as connection:
        migrations.STEPS[0](connection)
        for statement in ("UPDATE settings SET value = '2' WHERE name = 'format_version'", *statements):
            connection.exec_driver_sql(statement)


def test_format_2_gets_its_seals(old: Path) -> None:
    format_2(old)
    catalogue = SqliteCatalogue(old)
    assert catalogue.problems() == []
    assert catalogue.setting("format_version") == str(FORMAT_VERSION)
    assert [(record.characters, record.passages) for record in catalogue.records()] == [(22, 2), (5, 1)]
    # And what is written afterwards is in step.
    catalogue.remove(document_id("https://example.org/b"))
    catalogue.re_embed(lambda texts: np.ones((len(texts), 2), np.float32), {})
    assert catalogue.problems() == []


def test_keys_of_format_4_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    SqliteCatalogue(path).close()
    row = "('0123456789ab', 'k', '', '[]', '[]', '', NULL, NULL, '')"
    with create_engine(f"sqlite:///{path}").begin() as connection:
        connection.exec_driver_sql("DROP TABLE key_tally")
        connection.exec_driver_sql("ALTER TABLE documents DROP COLUMN unread")
        connection.exec_driver_sql(f"INSERT INTO keys VALUES {row}")
        rows = connection.exec_driver_sql("SELECT name, value FROM settings").all()
        values = {row.name: row.value for row in rows} | {"format_version": "4"}
        del values["seal"]
        connection.exec_driver_sql("UPDATE settings SET value = '4' WHERE name = 'format_version'")
        connection.exec_driver_sql("UPDATE settings SET value = ? WHERE name = 'seal'", (settings_seal(values),))
    catalogue = SqliteCatalogue(path)
    assert Damage.LOST_KEYS not in {problem.kind for problem in catalogue.problems()}
    with catalogue.connection(write=True) as opened:
        opened.exec_driver_sql("DELETE FROM keys")
    assert {problem.kind for problem in catalogue.problems()} == {Damage.LOST_KEYS}


def format_5(path: Path) -> None:
    """A store of today, as the code of format 5 would have left it."""
    with create_engine(f"sqlite:///{path}").begin() as connection:
        connection.exec_driver_sql("ALTER TABLE documents DROP COLUMN unread")
        rows = connection.exec_driver_sql("SELECT name, value FROM settings").all()
        values = {row.name: row.value for row in rows} | {"format_version": "5"}
        del values["seal"]
        connection.exec_driver_sql("UPDATE settings SET value = '5' WHERE name = 'format_version'")
        connection.exec_driver_sql("UPDATE settings SET value = ? WHERE name = 'seal'", (settings_seal(values),))


def test_documents_of_format_5_lack_nothing_and_keep_their_seals(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    catalogue = SqliteCatalogue(path)
    document = Document(uri="a", title="", text="Words", tags=("x",))
    catalogue.put(document, [Passage(start=0, end=5)], np.ones((1, 2), np.float32))
    catalogue.put(document.model_copy(update={"uri": "b"}), [], np.empty((0, 2), np.float32))
    catalogue.close()
    format_5(path)
    with closing(sqlite3.connect(path)) as store:
        seals = store.execute("SELECT id, seal FROM documents ORDER BY id").fetchall()
        # What was damaged before must not look sound afterwards.
        store.execute("UPDATE documents SET title = 'other' WHERE uri = 'b'")
        store.commit()
    catalogue = SqliteCatalogue(path)
    assert catalogue.setting("format_version") == str(FORMAT_VERSION)
    assert catalogue.document(document.id) == document
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("SELECT id, seal FROM documents ORDER BY id").fetchall() == seals
    assert {problem.subject for problem in catalogue.problems()} == {document_id("b")}
    partly = document.with_unread([Unread(part="page 2", reason="no text")])
    assert catalogue.describe(partly)
    assert catalogue.document(document.id) == partly
    assert {problem.subject for problem in catalogue.problems()} == {document_id("b")}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("UPDATE documents SET text = 'Pigs.' WHERE title = 'b'", {Damage.DOCUMENT}),
        ("UPDATE documents SET pages = '[{' WHERE title = 'b'", {Damage.DOCUMENT}),
        ("UPDATE documents SET text = CAST(x'ff' AS TEXT) WHERE title = 'b'", {Damage.DOCUMENT}),
        ('UPDATE passages SET "end" = 99 WHERE id = 3', {Damage.PASSAGES}),
        ("UPDATE passages SET embedding = x'00' WHERE id = 3", {Damage.EMBEDDINGS}),
        ("UPDATE passages SET embedding = x'0000C07F0000C07F' WHERE id = 3", {Damage.EMBEDDINGS}),
    ],
)
def test_what_was_damaged_before_is_not_sealed(old: Path, change: str, kinds: set[Damage]) -> None:
    format_2(old, change)
    catalogue = SqliteCatalogue(old)
    assert {problem.kind for problem in catalogue.problems()} >= kinds
    assert {problem.subject for problem in catalogue.problems()} == {document_id("https://example.org/b")}
    assert catalogue.document(document_id("file:///notes/a%20b.md")) is not None


def test_an_interrupted_migration_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    format_2(old)
    before = dump(old)

    def killed(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("index.catalogue.formats.format_3.settings_seal", killed)
        SqliteCatalogue(old)
    assert dump(old) == before
    assert SqliteCatalogue(old).problems() == []
