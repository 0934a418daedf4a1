"""The engine with a real store, a made-up embedder and a reader that finds what it is told to."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.documents import Document
from index.errors import ModelError, StoreError
from index.store.store import Store
from index.text.passages import CutSettings
from qa.citing.verify import verify
from qa.engine import Engine
from qa.judging.confidence import FEATURES, Calibration
from qa.reading.spans import Span
from qa.types import Citation, Filters, Question, Reason, Response

DIMENSIONS = 16


class HashEmbedder:
    """Unit vectors that add up from the words' hashes."""

    name = "hash"
    sha256 = "e" * 64
    dimensions = DIMENSIONS

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        made = np.full((len(texts), DIMENSIONS), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                made[row, hashlib.sha256(word.encode("utf-8", "replace")).digest()[0] % DIMENSIONS] += 1.0
        unit: NDArray[np.float32] = made / np.linalg.norm(made, axis=1, keepdims=True)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(text.split())) for text in texts]


class WordReader:
    """Finds the words that it is told to, each with its margin."""

    name = "words"
    sha256 = "f" * 64

    def __init__(self, margins: dict[str, float]) -> None:
        self.margins = margins
        self.before: Callable[[], None] = lambda: None
        self.asked: list[tuple[str, list[str]]] = []
        self.headings: list[list[str]] = []

    def read(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]] | None = None,
    ) -> list[list[list[Span]]]:
        self.before()
        self.headings.extend(list(own) for own in headings or ())
        self.asked.extend((question, list(own)) for question, own in zip(questions, passages, strict=True))
        return [[self._spans(text) for text in own] for own in passages]

    def _spans(self, text: str) -> list[Span]:
        found = [
            Span(match.start(), match.end(), margin)
            for words, margin in self.margins.items()
            for match in re.finditer(re.escape(words), text)
        ]
        return sorted(found, key=lambda span: -span.margin)


def calibration(**changes: object) -> Calibration:
    """Confidence is the logistic function of the margin, and nothing else."""
    values: dict[str, object] = {
        "features": FEATURES,
        "mean": [0.0] * len(FEATURES),
        "scale": [1.0] * len(FEATURES),
        "weights": [float(name == "margin") for name in FEATURES],
        "bias": 0.0,
        "threshold": 0.75,
        "reader_sha256": WordReader.sha256,
        "embedder_sha256": HashEmbedder.sha256,
        "fitted_on": "nothing",
    }
    return Calibration.model_validate(values | changes)


def confidence(margin: float) -> float:
    return round(1 / (1 + math.exp(-margin)), 4)


NOTES = Document(
    uri="file:///a/notes.txt", title="Notes", text="It rained.\n\nAda Lovelace wrote the notes in 1843.\r\n"
)
ENGINES = Document(
    uri="file:///a/engines.txt", title="Engines", text="Charles Babbage built engines. He met Ada Lovelace."
)
LETTERS = Document(uri="file:///b/letters.txt", title="Letters", text="The letters about the notes are from 1844.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store", HashEmbedder())
    yield made
    made.close()


@pytest.fixture
def full(store: Store) -> Store:
    list(store.put_all([NOTES, ENGINES, LETTERS]))
    return store


def ask(store: Store, margins: dict[str, float], question: str = "Who wrote the notes?", **changes: object) -> Response:
    engine = Engine(store, WordReader(margins), calibration())
    return engine.ask(Question.model_validate({"question": question} | changes))


def citations(response: Response) -> list[Citation]:
    return [c for answer in response.answers for c in (answer.citation, *answer.supporting)]


def outcome(response: Response) -> tuple[str, Reason | None, list[str]]:
    return response.status, response.reason, [answer.text for answer in response.answers]


# --- answering and abstaining


def test_an_answer_with_its_citation(full: Store) -> None:
    response = ask(full, {"1843": 3.0}, "When were the notes written?")
    assert outcome(response) == ("answered", None, ["1843"])
    (answer,) = response.answers
    assert answer.confidence == confidence(3.0)
    cited = answer.citation
    assert (cited.document.uri, cited.quote, cited.line) == (NOTES.uri, "1843", 3)
    assert NOTES.text[cited.start : cited.end] == "1843"
    assert cited.sentence.text == "Ada Lovelace wrote the notes in 1843."
    assert verify(cited, full.catalogue).valid


@pytest.mark.parametrize(("written", "year"), [("2026-07-20", "2026"), (None, "XXXX")])
def test_what_the_words_come_to_by_the_documents_own_date(store: Store, written: str | None, year: str) -> None:
    store.put(NOTES.model_copy(update={"text": "The drills run August 9-14 in the bay.", "date": written}))
    (answer,) = ask(store, {"August 9-14": 3.0}, "When do the drills run?").answers
    assert answer.text == answer.citation.quote == "August 9-14"
    assert answer.normalized is not None and answer.normalized.type == "date"
    assert (answer.normalized.value, answer.normalized.document_date) == (f"{year}-08-09/{year}-08-14", written)
    (other,) = ask(store, {"the bay": 3.0}, "Where do the drills run?").answers
    assert other.normalized is None


def test_passages_are_read_under_date_title_and_headings(store: Store) -> None:
    rules = Document(
        uri="file:///rules.md", title="Rules", own_title=True, date="2024-05-01", media_type="text/markdown",
        text="# Rules\n\n## Leave\n\nStaff have 30 days of leave. Nobody has more.",
    )  # fmt: skip
    list(store.put_all([rules]))
    reader = WordReader({"30 days": 3.0})
    reads_closely = calibration(weights=[float(name in ("margin", "margin_alone")) for name in FEATURES])
    Engine(store, reader, reads_closely).ask(Question(question="How much leave have staff?"))
    assert len(reader.headings) == 2, "the closer reading sees them too"
    assert reader.headings[1] == ["2024-05-01 > Rules > Leave"] * 2
    assert sorted(reader.headings[0]) == ["2024-05-01 > Rules", "2024-05-01 > Rules > Leave"]


def test_what_made_the_answer(full: Store) -> None:
    response = ask(full, {"1843": 3.0})
    made = response.provenance
    assert (made.embedder.name, made.embedder.sha256) == ("hash", "e" * 64)
    assert (made.reader.name, made.reader.sha256) == ("words", "f" * 64)
    assert made.store_generation == full.catalogue.generation()
    assert response.question == "Who wrote the notes?"
    elapsed = response.elapsed_ms
    assert 0 <= max(elapsed.embed, elapsed.retrieve, elapsed.read) <= elapsed.total
    assert Response.model_validate_json(response.model_dump_json()) == response


def test_an_empty_index(store: Store) -> None:
    assert outcome(ask(store, {"1843": 9.0})) == ("not_found", "empty_index", [])


def test_documents_without_passages(store: Store) -> None:
    store.put(Document(uri="file:///empty.txt", title="", text=" \n"))
    assert outcome(ask(store, {"1843": 9.0})) == ("not_found", "nothing_retrieved", [])


@pytest.mark.parametrize("filters", [{"uri_prefix": "file:///c"}, {"document_ids": ["0" * 16]}])
def test_filters_that_leave_nothing(full: Store, filters: dict[str, object]) -> None:
    assert outcome(ask(full, {"1843": 9.0}, filters=filters)) == ("not_found", "nothing_retrieved", [])


UNLIKELY = -3.1
"""A margin whose confidence is below 5 %."""


def test_no_candidate_is_likely_enough(full: Store) -> None:
    response = ask(full, {"1843": UNLIKELY, "Ada Lovelace": -4.0})
    assert (outcome(response), response.candidates) == (("not_found", "not_in_passages", []), ())


def test_a_reader_that_finds_no_span(full: Store) -> None:
    assert outcome(ask(full, {})) == ("not_found", "not_in_passages", [])


def test_what_is_below_the_threshold_is_a_candidate(full: Store) -> None:
    response = ask(full, {"1843": 0.5, "Ada Lovelace": -1.0, "Charles": UNLIKELY})
    assert outcome(response) == ("unsure", "below_threshold", [])
    assert [(one.text, one.confidence) for one in response.candidates] == [
        ("1843", confidence(0.5)),
        ("Ada Lovelace", confidence(-1.0)),
    ]
    assert all(verify(one.citation, full.catalogue).valid for one in response.candidates)
    margins = {"1843": 0.5, "1844": 0.4, "Ada Lovelace": 0.3, "Charles": 0.2}
    assert [one.text for one in ask(full, margins).candidates] == ["1843", "1844", "Ada Lovelace"]


@pytest.mark.parametrize(
    ("margins", "status"),
    [
        ({}, "not_found"),
        ({"1843": UNLIKELY}, "not_found"),
        ({"1843": math.log(0.05 / 0.95)}, "unsure"),
        ({"1843": -1.0}, "unsure"),
        ({"1843": 0.01, "Ada Lovelace": -9.0}, "unsure"),
        ({"1843": -9.0, "1844": 1.0, "Ada Lovelace": -9.0}, "unsure"),
    ],
)
def test_unsure_and_not_found_are_told_apart_by_confidence(full: Store, margins: dict[str, float], status: str) -> None:
    """One candidate of 5 % is enough, whatever side of the reader's null it is on."""
    reason = "below_threshold" if status == "unsure" else "not_in_passages"
    assert outcome(ask(full, margins)) == (status, reason, [])


@pytest.mark.parametrize(("margin", "status"), [(9.0, "unsure"), (UNLIKELY, "not_found")])
def test_what_no_span_can_answer_is_never_answered(full: Store, margin: float, status: str) -> None:
    response = ask(full, {"1843": margin}, "Summarise the notes", threshold=0.0)
    assert outcome(response) == (status, "not_a_span_question", [])
    assert response.hint is not None and "summary" in response.hint
    assert [one.text for one in response.candidates] == (["1843"] if status == "unsure" else [])
    assert ask(full, {"1843": 9.0}, "Who summarised the notes?").hint is None


def test_what_no_span_can_answer_is_not_the_reason_where_nothing_was_read(store: Store) -> None:
    response = ask(store, {"1843": 9.0}, "Summarise the notes")
    assert (response.reason, response.hint) == ("empty_index", None)


def test_an_empty_store_is_told_to_those_who_may_see_all_of_it(store: Store) -> None:
    engine = Engine(store, WordReader({}), calibration())
    asked = [Question(question="When?"), Question(question="When?", filters=Filters(collections=("a",)))]
    for questions in (asked, asked[:1], asked[1:]):
        expected = ["nothing_retrieved" if question.filters.collections else "empty_index" for question in questions]
        assert [response.reason for response in engine.ask_many(questions)] == expected


def test_nothing_retrieved_is_not_a_matter_of_reading(full: Store) -> None:
    """The reason is that of the stage that came to nothing, also for one who asks for candidates at any confidence."""
    nowhere = {"filters": {"uri_prefix": "file:///c"}, "candidates": True, "threshold": 0.0}
    assert outcome(ask(full, {"1843": 9.0}, **nowhere)) == ("not_found", "nothing_retrieved", [])
    reader = WordReader({"1843": 9.0})
    search = full.search

    def search_then_remove_all(*args: object, **more: object) -> object:
        result = search(*args, **more)  # type: ignore[arg-type]
        for document in (NOTES, ENGINES, LETTERS):
            full.catalogue.remove(document.id)
        return result

    engine = Engine(full, reader, calibration())
    engine.store.search = search_then_remove_all  # type: ignore[assignment,method-assign]
    assert outcome(engine.ask(Question(question="Who wrote the notes?"))) == ("not_found", "nothing_retrieved", [])
    assert outcome(engine.ask(Question(question="Who wrote the notes?"))) == ("not_found", "empty_index", [])


def test_a_confidence_at_the_threshold_answers(full: Store) -> None:
    at = confidence(0.5)
    assert outcome(ask(full, {"1843": 0.5}, threshold=at))[0] == "answered"
    assert outcome(ask(full, {"1843": 0.5}, threshold=at + 1e-4))[:2] == ("unsure", "below_threshold")


def test_the_threshold_is_the_calibrated_one_or_the_asked_one(full: Store) -> None:
    assert ask(full, {"1843": 0.5}).threshold == 0.75
    lower = ask(full, {"1843": 0.5}, threshold=0.6)
    assert outcome(lower) == ("answered", None, ["1843"])
    assert lower.threshold == 0.6
    assert outcome(ask(full, {"1843": 3.0}, threshold=1.0))[:2] == ("unsure", "below_threshold")
    assert outcome(ask(full, {"1843": -9.0}, threshold=0.0)) == ("answered", None, ["1843"])


def test_more_candidates_on_request(full: Store) -> None:
    margins = {"1843": 0.5, "1844": 0.4, "Ada Lovelace": 0.3, "Charles": UNLIKELY}

    def candidates(threshold: float, answers: int | None = None) -> list[str]:
        response = ask(full, margins, candidates=True, threshold=threshold, answers=answers)
        assert bool(response.answers) == (response.status == "answered")
        return [one.text for one in response.candidates]

    assert candidates(0.9) == ["1843", "1844", "Ada Lovelace", "Charles"]
    assert candidates(0.9, answers=2) == ["1843", "1844"]
    # Of an answered question, what comes behind the answers given, sure or not.
    assert candidates(confidence(0.4)) == ["1844", "Ada Lovelace", "Charles"]
    assert candidates(confidence(0.4), answers=2) == ["Ada Lovelace", "Charles"]
    assert ask(full, margins, threshold=confidence(0.4)).candidates == ()
    unlikely = ask(full, {"Charles": UNLIKELY}, candidates=True)
    assert (unlikely.status, [one.text for one in unlikely.candidates]) == ("not_found", ["Charles"])


# --- several answers


def test_as_many_answers_as_asked_for_best_first(full: Store) -> None:
    margins = {"1843": 2.0, "1844": 4.0, "Charles Babbage": 3.0, "rained": 0.1}
    assert outcome(ask(full, margins))[2] == ["1844"]
    assert outcome(ask(full, margins, answers=2))[2] == ["1844", "Charles Babbage"]
    many = ask(full, margins, answers=20)
    assert outcome(many)[2] == ["1844", "Charles Babbage", "1843"]
    assert [answer.confidence for answer in many.answers] == [confidence(m) for m in (4.0, 3.0, 2.0)]


def test_the_same_answer_elsewhere_supports(full: Store) -> None:
    (answer,) = ask(full, {"Ada Lovelace": 3.0}, answers=5).answers
    assert {answer.citation.document.uri, *(c.document.uri for c in answer.supporting)} == {NOTES.uri, ENGINES.uri}
    assert len(answer.supporting) == 1
    assert all(verify(c, full.catalogue).valid for c in (answer.citation, *answer.supporting))


@pytest.mark.parametrize(("behind", "supporting"), [(-0.9, 1), (-1.1, 0)])
def test_places_far_behind_the_best_do_not_support(store: Store, behind: float, supporting: int) -> None:
    list(store.put_all([NOTES, ENGINES]))
    reader = WordReader({})
    reader._spans = lambda text: [  # type: ignore[method-assign]
        Span(m.start(), m.end(), 3.0 if "wrote" in text else behind) for m in re.finditer("Ada Lovelace", text)
    ]
    (answer,) = Engine(store, reader, calibration()).ask(Question(question="Who wrote the notes?")).answers
    assert (answer.citation.document.uri, len(answer.supporting)) == (NOTES.uri, supporting)


def test_supporting_places_are_bounded(store: Store) -> None:
    list(store.put_all(Document(uri=f"file:///{n}.txt", title="t", text=f"Note {n}: Ada wrote.") for n in range(15)))
    (answer,) = ask(store, {"Ada": 3.0}, "Who wrote?", passages=50).answers
    assert len(answer.supporting) == 10


def test_one_place_in_two_passages_is_one_answer(tmp_path: Path) -> None:
    store = Store(tmp_path / "overlap", HashEmbedder(), cut=CutSettings(minimum=8, maximum=12, overlap=6))
    text = "One two three four five. Then Ada wrote this note. Six seven eight nine ten."
    store.put(Document(uri="file:///o.txt", title="o", text=text))
    engine = Engine(store, WordReader({"Ada": 3.0}), calibration())
    question = Question(question="Who wrote?", answers=5)
    (trace,) = engine.trace([question])
    assert sum("Ada" in entry.passage.text for entry in trace.read) == 2
    assert [(a.text, a.citation.start, a.supporting) for a in trace.response.answers] == [
        ("Ada", text.index("Ada"), ())
    ]
    store.close()


# --- what may answer


@pytest.mark.parametrize(
    ("filters", "answers"),
    [
        (Filters(uri_prefix="file:///b/"), {"1844"}),
        (Filters(document_ids=(NOTES.id,)), {"1843"}),
        (Filters(document_ids=(NOTES.id, LETTERS.id), uri_prefix="file:///a"), {"1843"}),
        (Filters(), {"1843", "1844"}),
        (Filters(uri_prefix="file:///_/"), set()),
        (Filters(uri_prefix="%"), set()),
    ],
)
def test_filters(full: Store, filters: Filters, answers: set[str]) -> None:
    response = ask(full, {"1843": 3.0, "1844": 3.5}, filters=filters, answers=5)
    assert {answer.text for answer in response.answers} == answers


@pytest.mark.slow
def test_the_number_of_passages_read(full: Store) -> None:
    reader = WordReader({})
    engine = Engine(full, reader, calibration())
    for passages in (1, 2, 20):
        reader.asked.clear()
        engine.ask(Question(question="Who wrote the notes?", passages=passages))
        ((_, texts),) = reader.asked
        assert len(texts) == min(passages, full.catalogue.counts()[1])


def test_a_replaced_document_answers_with_its_new_text(full: Store) -> None:
    full.put(NOTES.model_copy(update={"text": "Now: the notes are from 1850."}))
    response = ask(full, {"1843": 3.0, "1850": 2.0}, answers=5)
    assert outcome(response)[2] == ["1850"]
    assert all(verify(c, full.catalogue).valid for c in citations(response))


def test_a_removed_document_does_not_answer(full: Store) -> None:
    full.remove(NOTES.id)
    assert outcome(ask(full, {"1843": 3.0})) == ("not_found", "not_in_passages", [])


@pytest.mark.parametrize("change", ["remove", "replace"])
def test_a_document_changed_while_it_is_read_is_not_cited_wrongly(full: Store, change: str) -> None:
    reader = WordReader({"1843": 3.0})
    engine = Engine(full, reader, calibration())

    def meanwhile() -> None:
        if change == "remove":
            full.remove(NOTES.id)
        else:
            full.put(NOTES.model_copy(update={"text": "1" * len(NOTES.text)}))

    reader.before = meanwhile
    response = engine.ask(Question(question="Who wrote the notes?"))
    # What is gone cannot answer any more: the question is asked again of what is there.
    assert outcome(response) == ("not_found", "not_in_passages", [])
    assert response.provenance.store_generation == full.catalogue.generation()


def test_a_document_replaced_behind_the_search_is_searched_again(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    search, searches = full.search, itertools.count()

    def and_replace(*arguments: Any, **named: Any) -> Any:
        found = search(*arguments, **named)
        if next(searches) == 0:
            full.put(NOTES.model_copy(update={"text": f"{NOTES.text} Another version."}))
        return found

    monkeypatch.setattr(full, "search", and_replace)
    status, reason, answers = outcome(ask(full, {"1843": 3.0}))
    # Both versions answer it: there was no moment without an answer.
    assert (status, reason, answers) == ("answered", None, ["1843"])
    assert next(searches) == 2


def test_a_document_that_changes_at_every_reading(full: Store) -> None:
    reader = WordReader({"1843": 3.0})
    versions = itertools.count()

    def meanwhile() -> None:
        full.put(NOTES.model_copy(update={"text": f"{NOTES.text} Version {next(versions)}."}))

    reader.before = meanwhile
    questions = [Question(question="Who wrote the notes?"), Question(question="Who met Ada Lovelace?")]
    with pytest.raises(StoreError, match=r"changes faster than it can be read; try again later"):
        Engine(full, reader, calibration()).ask_many(questions)


def test_only_what_changed_is_asked_again(full: Store) -> None:
    reader = WordReader({"1843": 3.0, "Charles": 2.0})
    once = iter([lambda: full.remove(NOTES.id)])
    reader.before = lambda: next(once, lambda: False)() and None
    questions = ["Who wrote the notes in 1843?", "Who built engines?"]
    found = Engine(full, reader, calibration()).ask_many([Question(question=text) for text in questions])
    assert [(answer.question, outcome(answer)[2]) for answer in found] == [
        (questions[0], ["Charles"]),
        (questions[1], ["Charles"]),
    ]
    assert [question for question, _ in reader.asked] == [*questions, questions[0], questions[1]]


def test_a_stale_hit_cannot_answer(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(full, WordReader({"1843": 3.0}), calibration())
    search = full.search

    def search_then_remove(*args: object, **more: object) -> object:
        result = search(*args, **more)  # type: ignore[arg-type]
        full.catalogue.remove(NOTES.id)
        return result

    monkeypatch.setattr(full, "search", search_then_remove)
    assert outcome(engine.ask(Question(question="Who wrote the notes?"))) == ("not_found", "not_in_passages", [])


def test_another_embedder_is_refused(full: Store) -> None:
    class Other(HashEmbedder):
        sha256 = "0" * 64

    other = Store(full.folder, Other())
    with pytest.raises(ModelError, match="qa index --re-embed"):
        ask(other, {"1843": 3.0})
    other.close()


# --- many at once


def test_many_are_answered_as_each(full: Store) -> None:
    engine = Engine(full, WordReader({"1843": 3.0, "1844": 2.5, "Charles": 0.2}), calibration())
    questions = [
        Question(question="When were the notes written?"),
        Question(question="Who built engines?", candidates=True),
        Question(question="What of the letters?", answers=3, filters=Filters(uri_prefix="file:///b")),
        Question(question="Nothing?", filters=Filters(uri_prefix="file:///none")),
        Question(question="When were the notes written?", threshold=0.99),
    ]
    together = engine.ask_many(questions)
    alone = [engine.ask(question) for question in questions]
    assert [r.model_dump(exclude={"elapsed_ms"}) for r in together] == [
        r.model_dump(exclude={"elapsed_ms"}) for r in alone
    ]
    assert [response.question for response in together] == [question.question for question in questions]
    assert engine.ask_many([]) == []


@pytest.mark.parametrize(
    "more",
    [
        5,
        20,
    ],
)
def test_asking_for_more_answers_keeps_the_first(store: Store, more: int) -> None:
    """`-n` must not change which answer is the best one."""
    names = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()
    texts = [f"The letters tell of {name}." for name in names] + ["A very long answer about letters"]
    list(store.put_all(Document(uri=f"file:///{n}.txt", title="t", text=text) for n, text in enumerate(texts)))
    # A confidence that prefers long answers orders them otherwise than the margin does.
    odd = calibration(weights=[float(name == "length") for name in FEATURES], threshold=0.0)
    margins = {name: 5.0 - n / 10 for n, name in enumerate(names)} | {texts[-1]: 1.0}
    engine = Engine(store, WordReader(margins), odd)
    first = [engine.ask(Question(question="letters?", answers=n)).answers[0].text for n in (1, more)]
    assert len(set(first)) == 1


def test_whether_the_calibration_fits_the_models(full: Store) -> None:
    assert Engine(full, WordReader({}), calibration()).calibrated
    assert not Engine(full, WordReader({}), calibration(reader_sha256="0" * 64)).calibrated
    assert not Engine(full, WordReader({}), calibration(embedder_sha256="0" * 64)).calibrated


# --- the one promise

PIECES = [
    "e\u0301",
    "👨‍👩‍👧",
    "\r\n",
    "\r",
    "\n\n",
    "\ufeff",
    "\u202eשלום",
    "\u200b",
    "Ada wrote. ",
    "\u2028",
    "𝒜",
    "\t",
    " ",
    "1,000 ",
    "X",
    "\x0c",
    "\u2029",
    "word " * 300,
]
HOSTILE = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(st.characters(exclude_categories=("Cs",)), max_size=8)),
    min_size=1,
    max_size=14,
).map("".join)


NEEDLES = [*"eXA1", "\n", "wrote", "d", "Ada w", "𝒜", "\u05e9"]


@pytest.mark.slow
@given(
    texts=st.lists(HOSTILE, min_size=1, max_size=3),
    needles=st.lists(st.sampled_from(NEEDLES), min_size=1, max_size=3),
)
@settings(max_examples=12, deadline=None)
def test_every_quote_stands_where_its_citation_says(texts: list[str], needles: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store", HashEmbedder())
        documents = {f"file:///{n}": Document(uri=f"file:///{n}", title="t", text=text) for n, text in enumerate(texts)}
        list(store.put_all(documents.values()))
        margins = {needle: 1.0 + len(needle) for needle in needles}
        response = ask(store, margins, "Ada wrote?", answers=20, threshold=0.0)
        for answer in response.answers:
            assert answer.text == answer.citation.quote
        for cited in citations(response):
            text = documents[cited.document.uri].text
            assert text[cited.start : cited.end] == cited.quote
            assert text[cited.sentence.start : cited.sentence.end] == cited.sentence.text
            assert verify(cited, store.catalogue).problems == ()
        store.close()


# --- the form of the answer

FLEET = Document(
    uri="file:///f/fleet.txt",
    title="Fleet",
    text="It was windy. The frigate Vega, the tug Orion and the tanker Lyra left port. The cutter Mira stayed.",
)
CREWS = {"frigate Vega, the tug Orion and the tanker Lyra": 4.0, "cutter Mira": 2.0, "windy": -2.0}


def test_a_yes_or_no_question_gets_the_sentence_that_settles_it(store: Store) -> None:
    list(store.put_all([FLEET]))
    response = ask(store, {"Vega": 3.0}, "Did the Vega leave port?")
    assert outcome(response) == (
        "answered",
        None,
        ["The frigate Vega, the tug Orion and the tanker Lyra left port."],
    )
    cited = response.answers[0].citation
    assert FLEET.text[cited.start : cited.end] == cited.quote
    assert ask(store, {"Vega": UNLIKELY}, "Did the Vega leave port?").reason == "not_in_passages"


def test_a_question_for_a_list_gets_its_items(store: Store) -> None:
    list(store.put_all([FLEET]))
    response = ask(store, CREWS, "Which ships are named?")
    assert [a.text for a in response.answers] == ["frigate Vega", "the tug Orion", "the tanker Lyra", "cutter Mira"]
    for cited in citations(response):
        assert FLEET.text[cited.start : cited.end] == cited.quote
    assert [a.text for a in ask(store, CREWS, "Which ships are named?", answers=2).answers] == [
        "frigate Vega",
        "the tug Orion",
    ]
    whole = "frigate Vega, the tug Orion and the tanker Lyra"
    assert [a.text for a in ask(store, CREWS, "Which ships are named?", answers=1).answers] == [whole]
    assert [a.text for a in ask(store, CREWS, "Which ship is named?").answers] == [whole]


def test_an_item_that_stands_in_two_places_is_given_once(store: Store) -> None:
    list(store.put_all([FLEET, Document(uri="file:///g", title="G", text="Later the tug Orion and the barge came.")]))
    response = ask(store, CREWS | {"the tug Orion and the barge": 3.0}, "Which ships are named?")
    texts = [a.text for a in response.answers]
    assert texts == ["frigate Vega", "the tug Orion", "the tanker Lyra", "the barge", "cutter Mira"]


# --- also found


OLD = Document(uri="file:///old.txt", title="Old", text="The bridge was opened in 1911 by Erik.", date="1950")
NEW = Document(
    uri="file:///new.txt", title="New", text="The bridge was opened in 1912 by King Erik.", date="2020-05-01"
)
WHEN = "When was the bridge opened?"


def disagreeing(store: Store, margins: dict[str, float], question: str = WHEN, **changes: object) -> list[str]:
    list(store.put_all([OLD, NEW]))
    response = ask(store, margins, question, **changes)
    assert all(verify(other.citation, store.catalogue).valid for other in response.also_found)
    assert response.answers[:1] != response.also_found or not response.answers
    return [other.text for other in response.also_found]


def test_what_other_documents_answer_is_also_found_with_their_dates(store: Store) -> None:
    list(store.put_all([OLD, NEW]))
    response = ask(store, {"1911": 3.0, "1912": 2.5}, WHEN)
    assert [answer.text for answer in response.answers] == ["1911"]
    assert [(other.text, other.confidence) for other in response.also_found] == [("1912", confidence(2.5))]
    assert [one.citation.document.date for one in (*response.answers, *response.also_found)] == ["1950", "2020-05-01"]
    assert all(verify(other.citation, store.catalogue).valid for other in response.also_found)


def test_it_is_stated_beside_more_answers_as_well(store: Store) -> None:
    assert disagreeing(store, {"1911": 3.0, "1912": 2.5}, answers=5) == ["1912"]


@pytest.mark.parametrize(
    ("margins", "question", "changes"),
    [
        # Far less likely.
        ({"1911": 3.0, "1912": -1.2}, WHEN, {"threshold": 0.1}),
        # Longer and shorter forms of the same words.
        ({"by Erik": 2.5, "King Erik": 3.0}, "Who opened the bridge?", {}),
        # Questions that several things answer, or a whole sentence.
        ({"1911": 3.0, "1912": 2.5}, "List the years in which bridges were opened.", {}),
        ({"1911": 3.0, "1912": 2.5}, "Was the bridge opened in 1911?", {}),
        # No date.
        ({"1911": 3.0, "King Erik": 2.5}, WHEN, {}),
        # Nothing is given that it would contradict.
        ({"1911": 1.0, "1912": 0.9}, WHEN, {"candidates": True}),
    ],
)
def test_nothing_else_is_found(
    store: Store, margins: dict[str, float], question: str, changes: dict[str, object]
) -> None:
    assert disagreeing(store, margins, question, **changes) == []


def test_what_is_far_less_likely_than_the_answer_is_found_below_the_threshold(store: Store) -> None:
    assert disagreeing(store, {"1911": 3.0, "1912": -0.9}) == ["1912"]


def test_two_answers_of_one_document_may_contradict_each_other(store: Store) -> None:
    store.put(OLD.model_copy(update={"text": "There were 22 ships. Later the text says more than 20 ships."}))
    response = ask(store, {"22": 3.0, "more than 20": 1.0}, "How many ships were there?")
    assert ([one.text for one in response.answers], [one.text for one in response.also_found]) == (
        ["22"],
        ["more than 20"],
    )
    store.put(OLD)
    assert ask(store, {"1911": 3.0, "by Erik": 2.9}, WHEN).also_found == ()


def test_a_figure_is_also_found_beside_another_and_words_where_they_are_about_as_likely(store: Store) -> None:
    text = "The fire of Lindal took ten lives. In Moss it took 22, said Ada Holm, and Erik Lund said nothing."
    store.put(OLD.model_copy(update={"text": text}))
    died = ask(store, {"ten": 3.0, "22": 1.5, "Ada Holm": 1.5}, "How many people died?")
    assert [other.text for other in died.also_found] == ["22"]
    who = "Who said something?"
    assert ask(store, {"Ada Holm": 3.0, "Erik Lund": -1.0}, who).also_found == ()
    assert [other.text for other in ask(store, {"Ada Holm": 3.0, "Erik Lund": 2.8}, who).also_found] == ["Erik Lund"]


def test_the_same_day_in_other_words_is_nothing_else(store: Store) -> None:
    ours = OLD.model_copy(update={"text": "The bridge was opened on 9 August.", "date": "2026-07-20"})
    theirs = NEW.model_copy(update={"text": "It opened to all on August 9, 2026.", "date": None})
    list(store.put_all([ours, theirs]))
    assert ask(store, {"9 August": 3.0, "August 9, 2026": 2.9}, WHEN).also_found == ()
    list(store.put_all([theirs.model_copy(update={"text": "It opened to all on August 9, 2027."})]))
    assert [other.text for other in ask(store, {"9 August": 3.0, "August 9, 2027": 2.9}, WHEN).also_found] == [
        "August 9, 2027"
    ]


def test_what_is_also_found_contradicts_each_other_and_is_little(store: Store) -> None:
    texts = ["in 1911", "in 1912", "in 1912", "in 1913", "in 1914", "in 1915"]
    list(
        store.put_all(
            OLD.model_copy(update={"uri": f"file:///{number}.txt", "text": f"The bridge was opened {text}."})
            for number, text in enumerate(texts)
        )
    )
    margins = {"1911": 3.0, "1912": 2.9, "1913": 2.8, "1914": 2.7, "1915": 2.6}
    assert [other.text for other in ask(store, margins, WHEN).also_found] == ["1912", "1913", "1914"]
