"""The tools for agents, driven by the protocol's own client over both transports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from fastapi.testclient import TestClient
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from index.documents import Document
from index.store.keyring import KeyRing
from index.store.store import Store
from qa.types import Response

SEEDS = Path(__file__).parents[2] / "seeds"
TOOLS = {"ask", "search", "read_document", "verify_citation"}
URI = "https://example.org/drills.txt"


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    anyio.run(work)


def over_http(port: int, token: str | None = None) -> Client:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    http = httpx2.AsyncClient(headers=headers, timeout=20)
    return Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http))


def refusal(result: CallToolResult) -> str:
    assert result.is_error
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def drive(client: Client, question: str, expected: str) -> None:
    """Every tool once: an answer, its citation checked and read in its document, and the passage that it is from."""
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.description and tool.output_schema
        assert tool.annotations is not None and tool.annotations.read_only_hint
    asked = await client.call_tool("ask", {"question": question})
    assert asked.structured_content is not None, refusal(asked)
    answer = Response.model_validate(asked.structured_content).answers[0]
    assert answer.text == expected
    citation = answer.citation
    read = await client.call_tool(
        "read_document", {"document_id": citation.document.id, "start": citation.start, "end": citation.end}
    )
    assert read.structured_content is not None, refusal(read)
    assert read.structured_content["text"] == citation.quote == expected
    assert read.structured_content["sha256"] == citation.document.sha256
    checked = await client.call_tool("verify_citation", {"citation": citation.model_dump(mode="json")})
    assert checked.structured_content is not None, refusal(checked)
    assert checked.structured_content["valid"] is True
    result = await client.call_tool("search", {"question": question, "passages": 3})
    assert result.structured_content is not None, refusal(result)
    assert any(expected in passage["text"] for passage in result.structured_content["passages"])


def put(store: Store, text: str, uri: str = URI, collection: str = "default") -> str:
    document = Document(uri=uri, title="Drills", text=text, collection=collection)
    list(store.put_all([document]))
    return document.id


def test_every_tool_over_http(listening: Callable[..., int], store: Store, text: str) -> None:
    put(store, text)

    async def work() -> None:
        async with over_http(listening()) as client:
            await drive(client, "When do the drills run?", "August 9 to 13")

    run(work)


def test_an_agent_may_ask_why(listening: Callable[..., int], store: Store, text: str) -> None:
    put(store, text)

    async def work() -> None:
        async with over_http(listening()) as client:
            told = []
            for fields in ({}, {"explain": True}):
                asked = await client.call_tool("ask", {"question": "When do the drills run?", **fields})
                assert asked.structured_content is not None, refusal(asked)
                told.append(Response.model_validate(asked.structured_content).explanation)
            assert told[0] is None
            assert told[1] is not None and told[1].candidates[0].text == "August 9 to 13"

    run(work)


@pytest.mark.slow
def test_every_tool_over_standard_input_with_the_real_models(tmp_path: Path) -> None:
    script = "from api.cli.main import main; main()"
    store = str(tmp_path / "store")

    async def work() -> None:
        indexing = [sys.executable, "-c", script, "index", str(SEEDS), "--store", store]
        await anyio.run_process(indexing)
        server = StdioServerParameters(command=sys.executable, args=["-c", script, "mcp", "--store", store])
        async with Client(server) as client:
            await drive(client, "When do the Russia-China drills run?", "August 9-14")

    run(work)


def test_what_cannot_be_done_is_said_in_words(listening: Callable[..., int], store: Store, text: str) -> None:
    known = put(store, text)

    async def work() -> None:
        async with over_http(listening()) as client:
            assert "has no words" in refusal(await client.call_tool("ask", {"question": "?!"}))
            assert "is empty" in refusal(await client.call_tool("search", {"question": " "}))
            assert "no document has the id" in refusal(await client.call_tool("read_document", {"document_id": "x"}))
            beyond = {"document_id": known, "start": 10_000}
            assert "beyond the document" in refusal(await client.call_tool("read_document", beyond))
            backwards = {"document_id": known, "start": 5, "end": 5}
            assert "not behind start" in refusal(await client.call_tool("read_document", backwards))
            assert refusal(await client.call_tool("verify_citation", {"citation": {"quote": "x"}}))
            wrong = {"question": "When?", "filters": {"date_from": "2026", "date_to": "2025"}}
            assert "later than" in refusal(await client.call_tool("ask", wrong))

    run(work)


@pytest.mark.parametrize(
    ("question", "threshold", "margin", "status", "says"),
    [
        ("When do the drills run?", None, 9.0, "answered", "quote the answer"),
        ("When do the drills run?", 1.0, 2.0, "unsure", "Do not state it as a fact"),
        ("When do the drills run?", None, -9.0, "not_found", "no proof that the documents hold none"),
        ("Summarise the drills", None, -9.0, "not_found", "This asks for a summary."),
    ],
)
def test_what_may_be_concluded_comes_first(
    listening: Callable[..., int],
    store: Store,
    text: str,
    reader: Any,
    *,
    question: str,
    threshold: float | None,
    margin: float,
    status: str,
    says: str,
) -> None:
    put(store, text)
    reader.margins = {"August 9 to 13": margin}

    async def work() -> None:
        async with over_http(listening()) as client:
            result = await client.call_tool("ask", {"question": question, "threshold": threshold})
            words, whole = result.content
            assert isinstance(words, TextContent) and isinstance(whole, TextContent)
            assert says in words.text
            response = Response.model_validate(result.structured_content)
            assert response.status == status and response == Response.model_validate_json(whole.text)
            if status == "unsure":
                assert f"{response.candidates[0].confidence:.0%}" in words.text

    run(work)


def test_a_long_document_is_read_in_parts(listening: Callable[..., int], store: Store) -> None:
    text = "".join(f"Line {number} of the long report 🛰.\n" for number in range(2_000))
    known = put(store, text)

    async def work() -> None:
        read = ""
        async with over_http(listening()) as client:
            while len(read) < len(text):
                part = await client.call_tool("read_document", {"document_id": known, "start": len(read)})
                assert part.structured_content is not None, refusal(part)
                assert part.structured_content["length"] == len(text)
                assert 0 < len(part.structured_content["text"]) <= 20_000
                read += part.structured_content["text"]
        assert read == text

    run(work)


def test_a_key_for_some_collections_binds_every_tool(listening: Callable[..., int], store: Store, text: str) -> None:
    secret = put(store, text, collection="secret")
    put(store, "The engine was built by Charles in 1843.", uri="https://example.org/engine.txt", collection="open")
    everything, some = KeyRing(store).add("all")[1], KeyRing(store).add("some", ["read"], ["open"])[1]

    async def work() -> None:
        port = listening()
        async with over_http(port, everything) as client:
            seen = await client.call_tool("ask", {"question": "When do the drills run?"})
            assert seen.structured_content is not None, refusal(seen)
            citation = seen.structured_content["answers"][0]["citation"]
        async with over_http(port, some) as client:
            asked = await client.call_tool("ask", {"question": "When do the drills run?", "filters": {}})
            assert asked.structured_content is not None, refusal(asked)
            shown = Response.model_validate(asked.structured_content)
            spans = (*shown.answers, *shown.candidates, *shown.also_found)
            assert all(span.text != "August 9 to 13" for span in spans)
            found = await client.call_tool("search", {"question": "When do the drills run?"})
            assert found.structured_content is not None, refusal(found)
            assert all("drills" not in passage["text"] for passage in found.structured_content["passages"])
            assert "no document" in refusal(await client.call_tool("read_document", {"document_id": secret}))
            checked = await client.call_tool("verify_citation", {"citation": citation})
            assert checked.structured_content is not None, refusal(checked)
            assert checked.structured_content["valid"] is False

    run(work)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_without_a_good_key_nothing_is_told(serving: Callable[..., TestClient], store: Store, headers: Any) -> None:
    KeyRing(store).add("k")
    response = serving().post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
    assert response.status_code == 401


def test_pages_of_other_sites_and_large_bodies_are_refused(
    serving: Callable[..., TestClient], problem: Callable[..., dict[str, Any]]
) -> None:
    client = serving(max_citations_bytes=2_000)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    problem(client.post("/mcp", json=call, headers={"origin": "https://evil.example"}), 403, "foreign-origin")
    problem(client.post("/mcp", json={**call, "params": {"x": "y" * 3_000}}), 413, "too-large")
    assert client.get("/healthz").status_code == 200


def test_an_application_can_be_started_again(serving: Callable[..., TestClient], client: TestClient) -> None:
    assert client.get("/mcp", headers={"accept": "application/json"}).status_code < 500
    with TestClient(client.app, base_url="http://127.0.0.1:8000") as again:
        assert again.get("/mcp", headers={"accept": "application/json"}).status_code < 500
