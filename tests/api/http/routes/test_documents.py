"""Adding, listing, showing and removing documents over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.client import Client
from api.schemas import Description
from index.catalogue.audit_log import entries
from index.errors import StoreError
from index.store.health import check_store
from index.store.keyring import KeyRing
from index.store.store import Store

Check = Callable[..., dict[str, Any]]


def put(client: TestClient, **document: Any) -> Any:
    return client.post("/v1/documents", json=document)


def test_new_unchanged_changed(client: TestClient) -> None:
    new = put(client, uri="a.txt", text="One.")
    assert new.status_code == 201 and new.headers["location"] == f"/v1/documents/{new.json()['id']}"
    same = put(client, uri="a.txt", text="One.")
    assert same.status_code == 200 and same.json() == new.json()
    changed = put(client, uri="a.txt", text="Two.")
    assert changed.status_code == 201
    assert changed.json()["id"] == new.json()["id"] and changed.json()["sha256"] != new.json()["sha256"]
    titled = put(client, uri="a.txt", text="Two.", title="A title")
    assert titled.status_code == 201 and titled.json()["title"] == "A title"
    assert client.get("/v1/documents").json()["total"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "line\r\nline\rline\n\u2028end\t ",
        "\ufeffA mark that counts.",
        " Ünïcödé 🛰 e\u0301 \u200b",
        "a" * 3000,
        "…",
        "\x85.",
    ],
)
def test_a_json_text_is_stored_exactly(api: Client, text: str) -> None:
    record = api.put_document("a", text).document
    stored = api.show_text(record.id)
    assert stored.text == text
    assert stored.sha256 == record.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert record.characters == len(text)


def raw(client: TestClient, content: bytes, content_type: str = "text/plain", **query: str) -> Any:
    return client.post("/v1/documents", params=query, content=content, headers={"content-type": content_type})


def test_a_bare_text(client: TestClient) -> None:
    response = raw(
        client, "Zwei Wörter.\r\n".encode(), "text/plain; charset=UTF-8", uri="https://e.org/a/b%20c.txt?x=1"
    )
    assert response.status_code == 201
    record = response.json()
    assert record["uri"] == "https://e.org/a/b%20c.txt?x=1"
    assert (record["title"], record["media_type"]) == ("b c.txt", "text/plain")
    assert client.get(f"/v1/documents/{record['id']}/text").json()["text"] == "Zwei Wörter.\r\n"
    assert raw(client, b"\xef\xbb\xbfMarked.", uri="m").json()["characters"] == len("Marked.")
    assert raw(client, "Wide.".encode("utf-16"), uri="w").json()["characters"] == len("Wide.")


def test_a_bare_markdown(client: TestClient) -> None:
    record = raw(client, b"# The heading\n\nText.\n", "Text/Markdown", uri="notes").json()
    assert (record["title"], record["media_type"]) == ("The heading", "text/markdown")
    named = raw(client, b"# The heading\n\nText.\n", "text/markdown", uri="notes", title="Mine").json()
    assert named["title"] == "Mine"
    as_json = put(client, uri="n2", text="# The heading\n\nText.\n", media_type="text/markdown").json()
    assert as_json["title"] == "The heading"


@pytest.mark.parametrize("uri", ["http://[", "a/", "%00", "🛰"])
def test_odd_names_are_their_own_titles(client: TestClient, uri: str) -> None:
    record = put(client, uri=uri, text="Text.").json()
    assert record["uri"] == uri and record["title"] in (uri, "a")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"uri": "a", "text": ""}, "text"),
        ({"uri": "a", "text": " \n\t"}, "text"),
        ({"uri": "a", "text": "nul\x00nul"}, "text"),
        ({"uri": "a"}, "text"),
        ({"uri": "a", "text": 7}, "text"),
        ({"text": "Text."}, "uri"),
        ({"uri": "", "text": "Text."}, "uri"),
        ({"uri": " ", "text": "Text."}, "uri"),
        ({"uri": "a\x00", "text": "Text."}, "uri"),
        ({"uri": "a" * 2001, "text": "Text."}, "uri"),
        ({"uri": "a", "text": "Text.", "media_type": "application/pdf"}, "media_type"),
        ({"uri": "a", "text": "Text.", "title": ""}, "title"),
        ({"uri": "a", "text": "Text.", "pages": []}, "pages"),
    ],
)
def test_wrong_fields_are_named(client: TestClient, problem: Check, document: dict[str, Any], field: str) -> None:
    body = problem(put(client, **document), 422, "invalid-request")
    assert [(error["location"], error["field"]) for error in body["errors"]] == [("body", field)]
    assert field in body["detail"]
    assert client.get("/v1/documents").json() == {"documents": [], "total": 0, "next_cursor": None}


@pytest.mark.parametrize(
    ("content", "query", "status", "kind"),
    [
        (b"", {"uri": "a"}, 422, "unusable-input"),
        (b" \n", {"uri": "a"}, 422, "unusable-input"),
        (b"nul\x00", {"uri": "a"}, 422, "unusable-input"),
        (b"\xff\xfe\xff", {"uri": "a"}, 422, "unusable-input"),
        (b"latin \xe9", {"uri": "a"}, 422, "unusable-input"),
        (b"surrogate \xed\xa0\x80", {"uri": "a"}, 422, "unusable-input"),
        (b"Text.", {}, 422, "invalid-request"),
        (b"Text.", {"uri": ""}, 422, "invalid-request"),
        (b"Text.", {"uri": "a", "title": ""}, 422, "invalid-request"),
        (b"Text.", {"uri": "a" * 2001}, 422, "invalid-request"),
    ],
)
def test_bare_texts_that_are_none(
    client: TestClient, problem: Check, *, content: bytes, query: dict[str, str], status: int, kind: str
) -> None:
    problem(raw(client, content, **query), status, kind)
    assert client.get("/v1/documents").json()["total"] == 0


def test_other_media_types(client: TestClient, problem: Check) -> None:
    for content_type in ("image/png", "application/zip", "", "nonsense", "text/plain; charset=latin-1"):
        problem(raw(client, b"Text.", content_type, uri="a"), 415, "unsupported-media-type")
    assert raw(client, b'{"uri": "a", "text": "Text."}', "application/vnd.x+json").status_code == 201


def test_an_address_in_both_places(client: TestClient, problem: Check) -> None:
    body = problem(client.post("/v1/documents?uri=b", json={"uri": "a", "text": "Text."}), 422, "invalid-request")
    assert [(error["location"], error["field"]) for error in body["errors"]] == [("query", "uri")]


def test_listing(client: TestClient, problem: Check) -> None:
    for name in "cab":
        put(client, uri=name, text=f"Text {name}.")
    listed = client.get("/v1/documents").json()
    assert [record["uri"] for record in listed["documents"]] == ["a", "b", "c"] and listed["total"] == 3
    part = client.get("/v1/documents?limit=1&offset=1").json()
    assert [record["uri"] for record in part["documents"]] == ["b"] and part["total"] == 3
    assert client.get("/v1/documents?offset=9").json() == {"documents": [], "total": 3, "next_cursor": None}
    for query in (
        "limit=0",
        "limit=1001",
        "limit=x",
        "offset=-1",
        "offset=" + "9" * 19,
        "limit=" + "9" * 5000,
        "limit=1.5",
        "limit=1.0",
        "limit=true",
        "limit=1_0",
    ):
        body = problem(client.get(f"/v1/documents?{query}"), 422, "invalid-request")
        assert body["errors"][0]["field"] == query.partition("=")[0] and body["errors"][0]["location"] == "query"


def test_paging_past_the_longest_names(api: Client) -> None:
    names = ["\U0001f6f0" * 1_999 + last for last in "ab"]
    for name in names:
        api.put_document(name, "Text.", known=Description(collection="\U0001f6f0" * 100))
    first = api.list_documents(limit=1)
    second = api.list_documents(limit=1, cursor=first.next_cursor)
    assert [page.documents[0].uri for page in (first, second)] == names and second.next_cursor is None


def test_showing_and_removing(client: TestClient, document: dict[str, Any], text: str, problem: Check) -> None:
    path = f"/v1/documents/{document['id']}"
    assert client.get(path).json() == document
    assert client.get(f"{path}/text").json() == {"id": document["id"], "sha256": document["sha256"], "text": text}
    removed = client.delete(path)
    assert removed.status_code == 204 and removed.content == b""
    for method, where in (("GET", path), ("GET", f"{path}/text"), ("DELETE", path)):
        problem(client.request(method, where), 404, "not-found")
    assert client.get("/v1/documents").json()["total"] == 0


DAMAGE = {
    "title": "UPDATE documents SET title = 'Another'",
    "text": "UPDATE documents SET text = replace(text, 'a', 'b')",
    "no Unicode": "UPDATE documents SET title = CAST(x'ff' AS TEXT)",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_document_can_be_removed(
    client: TestClient, store: Store, document: dict[str, Any], problem: Check, damage: str
) -> None:
    path = f"/v1/documents/{document['id']}"
    with store.catalogue.connection(write=True) as connection:
        connection.exec_driver_sql(DAMAGE[damage])
    problem(client.get(f"{path}/text"), 503, "store-unavailable")
    problem(client.delete(path, headers={"if-match": '"0"'}), 412, "changed")
    assert client.delete(path).status_code == 204
    problem(client.delete(path), 404, "not-found")
    assert check_store(store).sound


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_document_can_be_replaced(
    client: TestClient, store: Store, document: dict[str, Any], text: str, damage: str
) -> None:
    with store.catalogue.connection(write=True) as connection:
        connection.exec_driver_sql(DAMAGE[damage])
    upload = {"uri": document["uri"], "text": text}
    assert client.post("/v1/documents", json=upload, headers={"if-none-match": "*"}).status_code == 412
    assert put(client, **upload).status_code == 201
    assert client.get(f"/v1/documents/{document['id']}/text").json()["text"] == text and check_store(store).sound


def test_a_damaged_document_is_removed_by_nobody_who_may_not_see_it(
    client: TestClient, store: Store, document: dict[str, Any], problem: Check
) -> None:
    token = KeyRing(store).add("k", ["read", "write"], ["other"])[1]
    with store.catalogue.connection(write=True) as connection:
        connection.exec_driver_sql(DAMAGE["title"])
    headers = {"authorization": f"Bearer {token}"}
    problem(client.delete(f"/v1/documents/{document['id']}", headers=headers), 404, "not-found")


def test_a_removal_stands_where_the_indexes_cannot_follow(
    client: TestClient, store: Store, document: dict[str, Any], problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = store.remove

    def fails(document_id: str) -> bool:
        remove(document_id)
        raise StoreError("the indexes cannot be updated (0 B are free)")

    monkeypatch.setattr(store, "remove", fails)
    path = f"/v1/documents/{document['id']}"
    assert client.delete(path).status_code == 204
    problem(client.delete(path), 404, "not-found")
    with store.catalogue.connection() as connection:
        assert [entry.operation for entry in entries(connection, limit=1)] == ["documents remove"]


def test_a_removal_that_fails_says_so(
    client: TestClient, store: Store, document: dict[str, Any], problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(document_id: str) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(store, "remove", fails)
    path = f"/v1/documents/{document['id']}"
    problem(client.delete(path), 503, "store-unavailable")
    assert client.get(path).status_code == 200


def test_unknown_ids_of_any_kind(client: TestClient, problem: Check) -> None:
    for name in ("0" * 16, "x", "%00", "%FF", "a" * 5000, "%F0%9F%9B%B0", "'; drop table documents"):
        problem(client.get(f"/v1/documents/{name}"), 404, "not-found")
