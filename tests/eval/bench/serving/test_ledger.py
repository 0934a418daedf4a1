"""The ledger of a soak: what may answer and be listed, by what was acknowledged."""

from __future__ import annotations

from eval.bench.serving.ledger import Ledger, Version, unchanged
from index.documents import document_id

A, B = Version("The code is 1."), Version("The code is 2.")


def response(version: Version, start: int = 0, end: int = 3) -> dict[str, object]:
    document = {"id": document_id("a"), "sha256": version.sha256}
    citation = {"document": document, "start": start, "end": end, "quote": "The"}
    return {"answers": [{"citation": citation, "supporting": []}], "candidates": [], "also_found": []}


def test_the_ledger_knows_what_may_answer() -> None:
    ledger = Ledger()
    ledger.begin("a", A)
    before = ledger.moment()
    # Not acknowledged: it may be there or not.
    assert ledger.wrong_answer(before, response(A)) == [] and ledger.wrong_list(before, {}) == []
    ledger.acknowledge("a", A)
    before = ledger.moment()
    assert ledger.wrong_answer(before, response(A)) == []
    assert "not the words of any version" in ledger.wrong_answer(before, response(A, 1, 4))[0]
    assert "is not listed" in ledger.wrong_list(before, {})[0]
    ledger.begin("a", B)
    ledger.acknowledge("a", B)
    # What was known before the change says nothing about what was seen after it.
    assert ledger.wrong_answer(before, response(A)) == []
    assert "to be replaced" in ledger.wrong_answer(ledger.moment(), response(A))[0]
    ledger.begin("a", None)
    assert ledger.wrong_answer(ledger.moment(), response(B)) == []
    assert ledger.settle("a", None) and not ledger.settle("a", B.sha256)
    assert "to be removed" in ledger.wrong_answer(ledger.moment(), response(B))[0]
    assert "never sent" in ledger.wrong_list(ledger.moment(), {"f" * 16: A.sha256})[0]
    assert unchanged(before, ledger.moment(), document_id("a")) is None
