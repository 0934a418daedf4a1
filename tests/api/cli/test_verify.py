"""`qa verify`: citations of real answers, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import ARTICLE, QUESTION, Run


def test_citations_verify_against_store_and_file(qa: Run, seed_store: str, tmp_path: Path) -> None:
    response = qa("ask", QUESTION, "--store", seed_store, "--json", "-n", "3", "--candidates").out
    assert qa("verify", "-", "--store", seed_store, stdin=response).code == 0
    assert qa("verify", "-", "--source", str(ARTICLE), stdin=response).code == 0
    edited = tmp_path / "edited.txt"
    edited.write_bytes(ARTICLE.read_bytes().replace(b"August 9-14", b"August 9-15"))
    ran = qa("verify", "-", "--source", str(edited), stdin=response)
    assert ran.code == 1
    assert "sha256" in ran.out and "quote" in ran.out


def test_many_answers_verify_whatever_their_sentences_hold(qa: Run, tmp_path: Path) -> None:
    folder, store = tmp_path / "odd", str(tmp_path / "store")
    folder.mkdir()
    odd = {"Nauru": "\x85", "Tonga": "\u2028", "Palau": "\x0b", "Samoa": "\x1c"}
    for number, (island, mark) in enumerate(odd.items()):
        text = f"The harbour of {island} was opened in {1911 + number},{mark}as its letters say."
        (folder / f"{island}.txt").write_text(text, encoding="utf-8")
    assert qa("index", str(folder), "--store", store).code == 0
    asked = "\n".join(f"In which year was the harbour of {island} opened?" for island in odd)
    ran = qa("ask", "-", "--store", store, "--threshold", "0", stdin=asked)
    responses = [json.loads(line) for line in ran.out.split("\n") if line]
    sentences = [response["answers"][0]["citation"]["sentence"]["text"] for response in responses]
    assert {mark for mark in odd.values() if any(mark in sentence for sentence in sentences)} >= {"\x85", "\x0b"}
    checked = qa("verify", "-", "--store", store, stdin=ran.out)
    assert checked.code == 0 and checked.out.count("holds:") >= len(odd), checked.err


def test_verify_refuses_what_is_no_citation(qa: Run, seed_store: str) -> None:
    for text in ("", "not json", "{}", '{"quote": "x", "document": {}}'):
        ran = qa("verify", "-", "--store", seed_store, stdin=text)
        assert ran.code == 1
        assert "error" in ran.err
