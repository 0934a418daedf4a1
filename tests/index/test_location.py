"""Where a store is, as users write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import InputError
from index.location import ServerStore, parse_location


def servers(value: str) -> ServerStore:
    location = parse_location(value)
    assert isinstance(location, ServerStore)
    return location


@pytest.mark.parametrize("name", ["store", "/a/b c", "~/x?y=z", "postgresql:x", "C:\\store", "é"])
def test_what_has_no_scheme_is_a_folder(name: str) -> None:
    assert parse_location(name) == Path(name)


def test_servers() -> None:
    found = servers("postgresql://me@db:5433/kb?sslmode=require&schema=a b&milvus=http://vectors:19530&derived=/d")
    assert (found.schema, found.milvus, found.derived) == ("a b", "http://vectors:19530", Path("/d"))
    assert found.database.render_as_string() == "postgresql://me@db:5433/kb?sslmode=require", "libpq gets its own"


def test_defaults() -> None:
    found = servers("postgres://db/kb")
    assert (found.schema, found.milvus) == ("spanqa", None)
    assert found.database.drivername == "postgresql"
    assert found.derived != servers("postgres://db/kb?schema=other").derived


def test_a_password_is_shown_to_nobody() -> None:
    found = servers("postgresql://me:secret@db/kb?schema=s&milvus=https://v")
    assert "secret" not in f"{found} {found!r}"
    assert servers(str(found).replace("***", "secret")) == found, "the name can be used again"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("mysql://db/kb", "begins with postgresql://"),
        ("postgresql://db", "names no database"),
        ("postgresql://me:secret@db:port/kb", "not a URL"),
        ("postgresql://db/kb?milvus=localhost:19530", "not a URL of a server"),
        ("postgresql://db/kb?milvus=http://root:secret@v", "MILVUS_TOKEN"),
        ("postgresql://db/kb?schema=a&schema=b", "schema more than once"),
    ],
)
def test_what_is_neither(value: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_location(value)
    assert "secret" not in str(caught.value)
