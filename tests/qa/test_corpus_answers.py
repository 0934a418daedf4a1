"""From files to cited answers, with the shipped models: questions of the corpus, asked of all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus.all_files import FILES, write_all

from api.cli.opening import open_engine, open_store
from index.ingest.sync import index_paths
from index.text.legible import legible
from qa.citing.verify import verify
from qa.types import Question

# English ones, of formats with pages, headings and rows.
ASKED = [
    "bylaws.docx",
    "cities.csv",
    "columns-by-line.pdf",
    "harbour.pptx",
    "herring.html",
    "hyphenated.pdf",
    "order.eml",
    "report.pdf",
    "results.htm",
    "tariff.markdown",
    "voyage.epub",
    "wells.xlsx",
]


@pytest.mark.slow
def test_questions_are_answered_with_their_places(tmp_path: Path) -> None:
    write_all(tmp_path / "files")
    store = open_store(tmp_path / "store", None, create=True)
    report = index_paths(store, [tmp_path / "files"])
    assert (report.added, report.failed) == (len(FILES), [])
    engine = open_engine(store, None, None)
    facts = [fact for file in FILES if file.name in ASKED for fact in file.facts]
    responses = engine.ask_many([Question(question=fact.question, candidates=True, answers=3) for fact in facts])
    found = 0
    for fact, response in zip(facts, responses, strict=True):
        best = (*response.answers, *response.candidates)[:3]
        citations = [citation for answer in best for citation in (answer.citation, *answer.supporting)]
        assert all(verify(citation, store.catalogue).valid for citation in citations)
        found += any(
            fact.quote in " ".join(legible(citation.quote).text.split())
            and (citation.page, citation.row, citation.headings) == (fact.page, fact.row, fact.headings)
            for citation in citations
        )
    store.close()
    # A reader is not always right; four of five are, or something between file and answer is broken.
    assert found >= 0.8 * len(facts), f"{found} of {len(facts)}"
