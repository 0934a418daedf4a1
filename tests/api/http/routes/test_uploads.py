"""Uploads: what is known of them, conditions, several at once, and their progress as events."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from index.store.store import Store

Check = Callable[..., dict[str, Any]]
Serving = Callable[..., TestClient]
EVENTS = {"accept": "text/event-stream"}


def put(client: TestClient, headers: dict[str, str] | None = None, **document: Any) -> Any:
    return client.post("/v1/documents", json=document, headers=headers or {})


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for block in text.split("\n\n"):
        if block and not block.startswith(":"):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


KNOWN = {"title": "T", "collection": "c", "tags": ["x", "y"], "date": "2026-08", "author": "A", "language": "en"}


def test_what_is_known_of_a_document(client: TestClient) -> None:
    as_json = put(client, uri="a", text="Text.", **KNOWN).json()
    assert {name: as_json[name] for name in KNOWN} == KNOWN
    bare = client.post(
        "/v1/documents", params={"uri": "b", **KNOWN}, content=b"Text.", headers={"content-type": "text/plain"}
    )
    assert bare.status_code == 201 and {name: bare.json()[name] for name in KNOWN} == KNOWN
    again = put(client, uri="a", text="Text.", **{**KNOWN, "tags": ["z"]})
    assert again.status_code == 201 and again.json()["tags"] == ["z"] and again.json()["id"] == as_json["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", "yesterday"),
        ("date", "2026-13"),
        ("collection", ""),
        ("collection", "a\nb"),
        ("tags", [""]),
        ("tags", ["x"] * 51),
        ("tags", "x"),
        ("language", "no language"),
        ("author", ""),
    ],
)
def test_what_cannot_be_known(client: TestClient, problem: Check, field: str, value: Any) -> None:
    body = problem(put(client, uri="a", text="Text.", **{field: value}), 422, "invalid-request")
    assert body["errors"][0]["field"].split(".")[0] == field
    assert client.get("/v1/documents").json()["total"] == 0


def test_html_is_read_as_text(client: TestClient) -> None:
    page = b"<html><title>Page</title><body><script>alert(1)</script><p>The words &amp; more.</p></body></html>"
    stored = client.post("/v1/documents?uri=p", content=page, headers={"content-type": "text/html; charset=utf-8"})
    assert stored.status_code == 201
    text = client.get(f"/v1/documents/{stored.json()['id']}/text").json()["text"]
    assert "The words & more." in text and "alert" not in text


def test_etags(client: TestClient, problem: Check) -> None:
    stored = put(client, uri="a", text="One.")
    etag, path = stored.headers["etag"], stored.headers["location"]
    shown = client.get(path)
    assert shown.headers["etag"] == etag
    for header in (etag, f'"other", {etag}', "*", f"W/{etag}"):
        known = client.get(path, headers={"if-none-match": header})
        assert known.status_code == 304 and known.content == b"" and known.headers["etag"] == etag
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    text = client.get(f"{path}/text")
    assert text.headers["etag"] == f'"{shown.json()["sha256"]}"'
    assert client.get(f"{path}/text", headers={"if-none-match": text.headers["etag"]}).status_code == 304
    problem(put(client, {"if-none-match": "*"}, uri="a", text="Two."), 412, "changed")
    assert put(client, {"if-none-match": "*"}, uri="b", text="Two.").status_code == 201
    changed = put(client, {"if-match": etag}, uri="a", text="Two.")
    assert changed.status_code == 201 and changed.headers["etag"] != etag
    problem(put(client, {"if-match": etag}, uri="a", text="Three."), 412, "changed")
    problem(put(client, {"if-match": "*"}, uri="c", text="Three."), 412, "changed")
    for other in (etag, f"W/{changed.headers['etag']}"):
        problem(client.delete(path, headers={"if-match": other}), 412, "changed")
    assert client.get(f"{path}/text").json()["text"] == "Two."
    assert client.delete(path, headers={"if-match": changed.headers["etag"]}).status_code == 204


def test_events_of_one_upload(client: TestClient) -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "One sentence of many stands here. " * 12 for n in range(120))
    response = put(client, EVENTS, uri="long", text=text)
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/event-stream")
    *progress, (name, stored) = events(response.text)
    assert name == "stored" and stored["changed"] and stored["document"]["characters"] == len(text)
    assert progress and {kind for kind, _ in progress} == {"progress"}
    assert progress[-1][1]["done"] == progress[-1][1]["total"] == stored["document"]["passages"]
    again = events(put(client, EVENTS, uri="long", text=text).text)[-1]
    assert again == ("stored", {**stored, "changed": False})


def test_events_of_an_upload_that_fails(client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = client.post("/v1/documents?uri=a", content=b"latin \xe9", headers={"content-type": "text/plain", **EVENTS})
    kind, body = events(sent.text)[-1]
    assert (kind, body["status"], body["type"]) == ("problem", 422, "urn:spanqa:problem:unusable-input")

    def broken(*_arguments: Any) -> None:
        raise KeyError("the secret of the inside")

    monkeypatch.setattr(store, "put", broken)
    kind, body = events(put(client, EVENTS, uri="a", text="Text.").text)[-1]
    assert (kind, body["status"]) == ("problem", 500) and "secret" not in json.dumps(body)


def files(*named: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", entry) for entry in named]


def test_several_files(client: TestClient) -> None:
    sent = files(
        ("../../etc/a.txt", b"First."),
        ("b.md", b"# Heading\n\nSecond."),
        ("c.bin", b"\x00"),
        ("d.txt", b"\xff\xfe\xff"),
    )
    response = client.post("/v1/uploads", params={"collection": "c", "tags": ["x"]}, files=sent)
    assert response.status_code == 200
    results = response.json()["files"]
    assert [(result["name"], result["changed"], result["document"] is None) for result in results] == [
        ("../../etc/a.txt", True, False),
        ("b.md", True, False),
        ("c.bin", False, True),
        ("d.txt", False, True),
    ]
    first, second = results[0]["document"], results[1]["document"]
    assert (first["uri"], first["title"], first["collection"], first["tags"]) == ("upload:a.txt", "a.txt", "c", ["x"])
    assert second["title"] == "Heading"
    assert results[2]["problem"]["status"] == results[3]["problem"]["status"] == 422
    again = client.post("/v1/uploads", params={"collection": "c", "tags": ["x"]}, files=sent[:2]).json()["files"]
    assert [(result["changed"], result["document"]) for result in again] == [(False, first), (False, second)]


def test_files_of_one_name(client: TestClient) -> None:
    sent = files(("x/readme.txt", b"First words."), ("y/readme.txt", b"Second words."), ("x/readme.txt", b"Third."))
    results = client.post("/v1/uploads", files=sent).json()["files"]
    uris = [result["document"] and result["document"]["uri"] for result in results]
    assert uris == ["upload:x/readme.txt", "upload:y/readme.txt", None]
    assert results[2]["problem"]["status"] == 422 and "replace the other" in results[2]["problem"]["detail"]
    assert [result["replaced"] for result in results] == [False, False, False]
    again = client.post("/v1/uploads", files=files(("x/readme.txt", b"Other words."))).json()["files"]
    assert (again[0]["changed"], again[0]["replaced"]) == (True, True)
    assert len(client.get("/v1/documents").json()["documents"]) == 2


@pytest.mark.parametrize("name", ["/etc/a.txt", "C:\\docs\\a.txt", "..\\a.txt", "x/../a.txt"])
def test_a_path_that_leads_elsewhere_is_no_part_of_a_name(client: TestClient, name: str) -> None:
    (result,) = client.post("/v1/uploads", files=files((name, b"Words."))).json()["files"]
    assert result["document"]["uri"] == "upload:a.txt"


def test_a_packed_body_is_refused_by_its_coding(client: TestClient, problem: Check) -> None:
    packed = gzip.compress(b'{"uri": "a", "text": "Words."}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    for path in ("/v1/documents", "/v1/ask"):
        body = problem(client.post(path, content=packed, headers=headers), 415, "unsupported-media-type")
        assert "'gzip'" in body["detail"]


def test_events_of_several_files(client: TestClient) -> None:
    response = client.post("/v1/uploads", files=files(("a.txt", b"First."), ("b.bin", b"x")), headers=EVENTS)
    told = events(response.text)
    assert [kind for kind, _ in told if kind != "progress"] == ["file", "file", "report"]
    assert [result["name"] for result in told[-1][1]["files"]] == ["a.txt", "b.bin"]


def test_bodies_that_are_no_files(serving: Serving, problem: Check) -> None:
    client = serving(max_upload_files=2, max_document_bytes=50, max_upload_bytes=1_000)
    problem(client.post("/v1/uploads", json={}), 415, "unsupported-media-type")
    form = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"", b"nonsense", b"--x\r\n\r\n", b"--x--\r\n"):
        problem(client.post("/v1/uploads", content=content, headers=form), 400, "malformed-body")
    problem(
        client.post("/v1/uploads", content=b"x", headers={"content-type": "multipart/form-data"}), 400, "malformed-body"
    )
    problem(client.post("/v1/uploads", files=[("other", ("a.txt", b"x"))]), 400, "malformed-body")
    problem(client.post("/v1/uploads", files=files(*[(f"{n}.txt", b"x") for n in range(3)])), 400, "malformed-body")
    problem(client.post("/v1/uploads", files=files(("a.txt", b"x" * 51))), 413, "too-large")
    problem(client.post("/v1/uploads", files=files(("a.txt", b"x" * 1_001))), 413, "too-large")
    assert client.get("/v1/documents").json()["total"] == 0


def test_one_writer_and_the_last_one_stays(client: TestClient) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: put(client, uri="same", text=f"Version {n}."), range(4)))
    stored = [answer for answer in answers if answer.status_code == 201]
    assert stored and {answer.status_code for answer in answers} <= {201, 503}
    assert client.get("/v1/documents").json()["total"] == 1


def test_what_was_not_read_is_said_wherever_the_document_is(client: TestClient, tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.active.title = "Budget"
    for row in (["Item", "Cost"], ["Rent", 1200], ["Total", "=VLOOKUP(A2,A2:B2,2)"]):
        made.active.append(row)
    made.save(tmp_path / "budget.xlsm")
    unread = [
        {
            "part": "cell B3 of sheet Budget",
            "reason": "a formula whose value is not in the file: open it in a spreadsheet program and save it",
        }
    ]
    content = (tmp_path / "budget.xlsm").read_bytes()
    answer = client.post("/v1/uploads", files=[("files", ("budget.xlsm", content))]).json()["files"][0]
    assert answer["problem"] is None and answer["document"]["unread"] == unread
    assert client.get(f"/v1/documents/{answer['document']['id']}").json()["unread"] == unread
    assert client.get("/v1/documents").json()["documents"][0]["unread"] == unread
    # All of it is read now: what is known of the document changes with it.
    assert put(client, uri="upload:budget.xlsm", text="Rent: 1200").json()["unread"] == []
