"""Stores in servers: the contract of every store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from contracts.store import StoreContract

from index.errors import StoreError
from index.location import Location, ServerStore
from index.store.backend import open_backend
from scale.locations import POSTGRES, here, server_store

pytestmark = pytest.mark.skipif(POSTGRES not in os.environ, reason="make test-scale starts the servers")


class TestStoreInServers(StoreContract):
    @pytest.fixture(params=here())
    def location(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
        with server_store(request.param, tmp_path / "derived") as store:
            yield store


class TestBackends:
    """What differs between stores in servers; no Milvus is asked for it."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ServerStore]:
        with server_store("postgres", tmp_path / "derived") as store:
            yield store

    def test_search_indexes_are_on_this_machine_without_milvus(self, store: ServerStore) -> None:
        backend = open_backend(store, create=True)
        assert not backend.searched_by_server and not backend.catalogue.can_purge
        indexes = backend.open_indexes(3)
        indexes.catch_up(backend.catalogue)
        assert indexes.generation == backend.catalogue.generation()
        assert backend.folder == store.derived and backend.other_indexes() == []
        with pytest.raises(StoreError, match="pg_dump"):
            backend.file_catalogue()
        backend.close()

    def test_with_milvus_no_index_is_at_hand(self, store: ServerStore) -> None:
        searched = ServerStore(store.database, store.schema, "http://127.0.0.1:9", store.derived)
        backend, other = open_backend(searched, create=True), open_backend(searched, create=False)
        assert backend.searched_by_server
        with pytest.raises(StoreError, match="whose files are not at hand"):
            backend.open_local_indexes(3)
        with backend.lock_indexes(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("index.store.backend.LOCK_TIMEOUT_S", 0.1)
            with pytest.raises(TimeoutError), other.lock_indexes():
                pass
        backend.close()
        other.close()
