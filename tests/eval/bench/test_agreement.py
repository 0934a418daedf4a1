"""Two stores asked the same questions: what is counted as the same, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.bench.agreement import compare_stores
from eval.bench.kills.material import NAMES, CodeReader, ask_for, code, make_document, sections
from eval.bench.kills.performing import open_made
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.run import GoldRef
from index.errors import InputError
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.reading.spans import Span

SHOWN = NAMES[:6]
Make = Callable[..., Engine]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    opened: list[Engine] = []

    def make_engine(names: tuple[str, ...] = SHOWN, reader: CodeReader | None = None) -> Engine:
        store = open_made(str(tmp_path / str(len(opened))), create=True)
        # As files beside the gold file.
        documents = [make_document(name, 1, 0) for name in names]
        list(store.put_all(one.model_copy(update={"uri": (tmp_path / one.title).as_uri()}) for one in documents))
        store.sync()
        opened.append(Engine(store, reader or CodeReader(), load_calibration()))
        return opened[-1]

    yield make_engine
    for engine in opened:
        engine.store.close()


def gold() -> list[GoldQuestion]:
    questions = []
    for name in SHOWN:
        section = sections(name, 1)[0]
        answer, text = code(name, 1, section), make_document(name, 1, 0).text
        place = GoldAnswer(text=answer, start=text.index(answer), end=text.index(answer) + len(answer))
        question = ask_for(name, section)
        questions.append(GoldQuestion(id=name, question=question, answers=(place,), document=name))
    return questions


REF = GoldRef(name="made", sha256="0" * 64, questions=len(SHOWN), sample=None, seed=None)


def test_the_same_documents_give_the_same_answers(make: Make, tmp_path: Path) -> None:
    agreement = compare_stores(make(), make(tuple(reversed(SHOWN))), gold(), tmp_path / "gold.jsonl", ref=REF)
    assert (agreement.same, agreement.questions, agreement.differing) == (6, 6, ())
    assert agreement.first.hit_rate == agreement.second.hit_rate
    assert (agreement.located, agreement.first.hit_rate[20]) == (6, 1)
    assert agreement.holds


class _Forgetful(CodeReader):
    """Answers nothing about the first document."""

    def read(self, questions: list[str], passages: list[list[str]], headings: object = None) -> list[list[list[Span]]]:  # type: ignore[override]
        read_spans = super().read(questions, passages)
        return [
            [[] for _ in spans] if SHOWN[0] in question else spans
            for question, spans in zip(questions, read_spans, strict=True)
        ]


def test_another_answer_is_told(make: Make, tmp_path: Path) -> None:
    agreement = compare_stores(make(), make(reader=_Forgetful()), gold(), tmp_path / "gold.jsonl", ref=REF)
    assert (agreement.same, agreement.same_share < 0.99, agreement.holds) == (5, True, False)
    (differing,) = agreement.differing
    assert (differing.question, differing.second.text) == (gold()[0].question, "")
    assert differing.first.text == gold()[0].answers[0].text


def test_stores_of_different_documents_are_not_compared(make: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not hold the same documents"):
        compare_stores(make(), make(SHOWN[1:]), gold(), tmp_path / "gold.jsonl", ref=REF)
