"""Stores in the servers that `scale.servers` started, named in the environment; each is dropped in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import uuid4

from sqlalchemy import create_engine, text

from index.location import ServerStore, parse_location

POSTGRES, MILVUS, MILVUS_LITE = "QA_TEST_POSTGRES", "QA_TEST_MILVUS", "QA_TEST_MILVUS_LITE"
# What searches a store in PostgreSQL, by name: its own machine's indexes, or the server whose URL the variable holds.
SEARCHED_BY = {"postgres": None, "postgres+milvus": MILVUS, "postgres+milvus-lite": MILVUS_LITE}


def here() -> list[str]:
    """Which of them can be made now."""
    return [name for name, server in SEARCHED_BY.items() if {POSTGRES, server or POSTGRES} <= set(os.environ)]


@contextmanager
def server_store(name: str, derived: Path | None = None) -> Iterator[ServerStore]:
    """A store of its own of that name, of `SEARCHED_BY`."""
    server = SEARCHED_BY[name]
    own = {"milvus": os.environ[server]} if server else {}
    own |= {"derived": str(derived)} if derived else {}
    with postgres_schema(own) as store:
        try:
            yield store
        finally:
            if store.milvus is not None:
                _drop_collections(store, store.milvus)


@contextmanager
def postgres_schema(settings: dict[str, str] | None = None) -> Iterator[ServerStore]:
    """A schema of the test server that is dropped in the end; its name needs quotes wherever it stands."""
    schema = f"test {uuid4().hex}"
    store = parse_location(
        f"{os.environ[POSTGRES]}?{urlencode({'schema': schema, **(settings or {})}, quote_via=quote)}"
    )
    assert isinstance(store, ServerStore)
    yield store
    engine = create_engine(store.database.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))
    engine.dispose()


def _drop_collections(store: ServerStore, uri: str) -> None:
    from index.catalogue.postgres import PostgresCatalogue
    from index.search.milvus_server import connect

    catalogue = PostgresCatalogue(store)
    own = f"spanqa_{(catalogue.setting('store_id') or '')[:16]}_"
    catalogue.close()
    client = connect(uri)
    for name in client.list_collections():
        if name.startswith(own):
            client.drop_collection(name)
    client.close()
