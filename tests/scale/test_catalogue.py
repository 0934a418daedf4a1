"""The catalogue in PostgreSQL: the contract of every catalogue, and what is a server's own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from contracts.catalogue import CatalogueContract, Open, document, put
from contracts.catalogue_model import MODEL_SETTINGS, CatalogueModel
from sqlalchemy import create_engine, text

from index.catalogue import schema
from index.catalogue.postgres import PostgresCatalogue
from index.catalogue.protocol import Catalogue
from index.documents import document_id
from index.errors import InputError, StoreError
from index.location import ServerStore, parse_location
from scale.locations import POSTGRES, postgres_schema

pytestmark = pytest.mark.skipif(POSTGRES not in os.environ, reason="make test-scale starts PostgreSQL")


class TestPostgresCatalogue(CatalogueContract):
    @pytest.fixture
    def reopen(self) -> Iterator[Open]:
        with postgres_schema() as store:
            opened: list[Catalogue] = []

            def open_one() -> Catalogue:
                opened.append(PostgresCatalogue(store))
                return opened[-1]

            yield open_one
            for catalogue in opened:
                catalogue.close()


class PostgresModel(CatalogueModel):
    def opener(self) -> Open:
        store = self.resources.enter_context(postgres_schema())
        return lambda: PostgresCatalogue(store)


TestPostgresModel = PostgresModel.TestCase
TestPostgresModel.settings = MODEL_SETTINGS


class TestPostgres:
    @pytest.fixture
    def store(self) -> Iterator[ServerStore]:
        with postgres_schema() as store:
            yield store

    def test_its_revisions_make_the_tables_of_today(self, store: ServerStore) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        PostgresCatalogue(store).close()
        options = f'-csearch_path="{store.schema}"'.replace(" ", "\\ ")
        engine = create_engine(store.database.set(drivername="postgresql+psycopg"), connect_args={"options": options})
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, schema.metadata) == []
        engine.dispose()

    def test_format_2_gets_its_seals(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        put(catalogue, "a", "x\x00yz", passages=3)
        put(catalogue, "b")
        catalogue.remove(document_id("b"))
        catalogue.close()
        options = f'-csearch_path="{store.schema}"'.replace(" ", "\\ ")
        engine = create_engine(store.database.set(drivername="postgresql+psycopg"), connect_args={"options": options})
        added = {
            "documents": ("characters", "structure_seal", "passages", "passage_seals", "seal", "unread"),
            "passages": ("place_seal", "embedding_seal"),
            "sources": ("seal",),
        }
        with engine.begin() as connection:
            for table, columns in added.items():
                for column in columns:
                    connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
            connection.execute(text("DROP TABLE keys, key_tally, audit, key_use"))
            connection.execute(text("DELETE FROM settings WHERE name ~ '^(seal|last_passage|tally_.*)$'"))
            connection.execute(text("UPDATE settings SET value = '2' WHERE name = 'format_version'"))
            connection.execute(text("UPDATE alembic_version SET version_num = '2'"))
        engine.dispose()
        again = PostgresCatalogue(store)
        assert again.setting("format_version") == str(schema.FORMAT_VERSION)
        assert again.problems() == []
        assert again.document(document_id("a")) == document("a", "x\x00yz")
        assert put(again, "b")
        assert again.problems() == []
        again.close()

    def test_none_there(self, store: ServerStore) -> None:
        with pytest.raises(StoreError, match=r"no store at .* create it with: qa index"):
            PostgresCatalogue(store, create=False)
        PostgresCatalogue(store).close()
        PostgresCatalogue(store, create=False).close()

    def test_a_newer_format_is_refused_and_left_alone(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        catalogue.set_settings({"format_version": "99"})
        with pytest.raises(StoreError, match=r"newer version of spanqa \(format 99"):
            PostgresCatalogue(store)
        assert catalogue.setting("format_version") == "99"
        catalogue.close()

    def test_no_server_there(self) -> None:
        store = parse_location("postgresql://someone:secret@127.0.0.1:9/kb")
        assert isinstance(store, ServerStore)
        with pytest.raises(StoreError, match=r"127.0.0.1:9/kb cannot be used: .*refused") as caught:
            PostgresCatalogue(store)
        assert "secret" not in str(caught.value)

    def test_no_such_database(self) -> None:
        store = parse_location(f"{os.environ['QA_TEST_POSTGRES'].rpartition('/')[0]}/nowhere")
        assert isinstance(store, ServerStore)
        with pytest.raises(StoreError, match='database "nowhere" does not exist'):
            PostgresCatalogue(store)

    def test_several_at_once_make_one_store(self, store: ServerStore) -> None:
        ids: list[str | None] = []

        def open_one() -> None:
            catalogue = PostgresCatalogue(store)
            ids.append(catalogue.setting("store_id"))
            catalogue.close()

        threads = [threading.Thread(target=open_one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 4
        assert len(set(ids)) == 1

    def test_a_lost_connection_is_made_again(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        put(catalogue, "a")
        other = create_engine(store.database.set(drivername="postgresql+psycopg"))
        with other.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spanqa'")
            )
        other.dispose()
        assert catalogue.counts() == (1, 1)
        assert put(catalogue, "b")
        catalogue.close()

    def test_one_holds_a_lock_at_a_time(self, store: ServerStore) -> None:
        one, two = PostgresCatalogue(store), PostgresCatalogue(store)
        with one.exclusive("engine", 1):
            with pytest.raises(TimeoutError), two.exclusive("engine", 0.2):
                pass
            with two.exclusive("another", 1):
                put(two, "a")
        with two.exclusive("engine", 1):
            assert one.counts() == (1, 1)
        one.close()
        two.close()

    def test_a_text_that_it_cannot_keep(self, store: ServerStore) -> None:
        catalogue = PostgresCatalogue(store)
        with pytest.raises(InputError, match=r"U\+10FFFE"):
            put(catalogue, "a", "x\U0010fffe")
        assert catalogue.counts() == (0, 0)
        catalogue.close()
