"""Gold questions asked of a real store with made-up models: answers, ranks, calibration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from eval.asking import StoreAsker
from eval.calibrating import calibrate_end_to_end, draw, tune_fusion
from eval.corpus import gold_documents
from eval.gold import GoldAnswer, GoldQuestion, read_gold
from eval.harness import evaluate
from index.documents import Document
from index.embedder import Embedder
from index.errors import ModelError
from index.store import Store
from qa.confidence import FEATURES, uncalibrated
from qa.engine import Engine
from qa.spans import Span

TOWNS = [
    f"{a}{b}" for a in ("Lin", "Bor", "Tar", "Vel", "Mor", "Kas", "Fen", "Hul") for b in ("dal", "gard", "by", "mo")
]


class YearReader:
    """Finds every year; surer where the passage holds the question's last word."""

    name = "years"
    sha256 = "f" * 64
    fails_on = "\N{BOMB}"

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        if any(self.fails_on in question for question in questions):
            raise ModelError("the reader cannot read this")
        return [
            [
                [Span(m.start(), m.end(), 5.0 if q.rstrip("?").split()[-1] in text else -5.0) for m in found]
                for text in own
                if (found := list(re.finditer(r"\d{4}", text))) or True
            ]
            for q, own in zip(questions, passages, strict=True)
        ]


def gold_set() -> list[GoldQuestion]:
    questions = []
    for number, town in enumerate(TOWNS):
        context = f"The harbour of {town} opened in {1800 + number}. Boats came from everywhere."
        start = context.index("18")
        answer = GoldAnswer(text=str(1800 + number), start=start, end=start + 4)
        title = f"article {number % 4}"
        ask = f"When did boats first come to {town}?"
        questions.append(GoldQuestion(id=f"a{number}", question=ask, answers=(answer,), context=context, title=title))
        ask = f"When did the king visit Un{town.lower()}?"
        questions.append(GoldQuestion(id=f"u{number}", question=ask, answers=(), context=context, title=title))
    return questions


@pytest.fixture
def store(tmp_path: Path, embedder: Embedder) -> Iterator[Store]:
    opened = Store(tmp_path / "store", embedder)
    assert len(list(opened.put_all(gold_documents(gold_set())))) == len(TOWNS)
    opened.sync()
    yield opened
    opened.close()


def engine_over(store: Store) -> Engine:
    weights = (1.0,) + (0.0,) * (len(FEATURES) - 1)
    return Engine(store, YearReader(), uncalibrated().model_copy(update={"weights": weights}))


def test_right_answers_ranks_and_citations_are_seen(store: Store, tmp_path: Path) -> None:
    gold = gold_set()
    asker = StoreAsker(engine_over(store), gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker, passages=20, inside=asker, sources=asker)
    assert run.counts.questions == len(gold)
    for name in ("HasAnsF1", "NoAnsF1", "CitationValidity", "CitationPrecision", "HitRate@20"):
        assert run.values[name] == 1.0
    assert sum(one.retrieval_judged for one in run.results) == len(TOWNS)
    assert run.causes == {}


def test_a_failing_question_fails_alone_and_counts_as_wrong(store: Store, tmp_path: Path) -> None:
    gold = gold_set()[:6]
    bomb = gold[2].model_copy(update={"question": f"When did {YearReader.fails_on} open?"})
    gold = [*gold[:2], bomb, *gold[3:]]
    asker = StoreAsker(engine_over(store), gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker)
    assert [result.status == "failed" for result in run.results] == [n == 2 for n in range(6)]
    assert run.counts.failed == 1


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ("file:///elsewhere/xylo.txt", "xylo.txt"),
        ("file:///elsewhere/old%20xylo.txt", "old xylo.txt"),
        ("{folder}/docs/xylo.txt", "gold/../docs/xylo.txt"),
    ],
)
def test_the_gold_document_is_found_beside_the_gold_file_or_by_its_name(
    store: Store, tmp_path: Path, stored: str, named: str
) -> None:
    text = "The harbour of Xylo opened in 1777."
    uri = stored.format(folder=tmp_path.resolve().as_uri())
    store.put(Document(uri=uri, title="xylo.txt", text=text))
    # One more of that name: only the path tells them apart.
    store.put(Document(uri="file:///another/xylo.txt" if "docs" in uri else "file:///else", title="x", text="Nothing."))
    path = tmp_path / "gold.jsonl"
    path.write_text(
        '{"id": "1", "question": "When did boats first come to Xylo?", "document": "' + named + '", '
        '"answers": [{"text": "1777", "start": 30, "end": 34}]}\n'
    )
    gold = read_gold(path)
    asker = StoreAsker(engine_over(store), gold, path)
    run = evaluate(gold, asker, inside=asker, sources=asker)
    assert run.results[0].rank is not None
    assert run.results[0].right


def test_hit_rates_of_both_lists_and_every_fusion_are_given(store: Store) -> None:
    weights, rates = tune_fusion(store, gold_set(), k=5)
    assert {name for name in rates if name.startswith(("dense", "lexical"))} == {
        f"{name} @{k}" for name in ("dense", "lexical") for k in (1, 5)
    }
    assert all(0 <= rate <= 1 for rate in rates.values())
    assert rates[f"rrf {weights.dense:g}:{weights.lexical:g} @5"] == max(
        rate for name, rate in rates.items() if name.startswith("rrf") and name.endswith("@5")
    )


def test_a_calibration_tells_right_from_wrong(store: Store, tmp_path: Path) -> None:
    gold = gold_set()
    shown: list[tuple[int, int]] = []

    @contextmanager
    def watch(name: str, total: int) -> Iterator[object]:
        del name, total
        yield lambda done, of: shown.append((done, of))

    outcome = calibrate_end_to_end(
        store, YearReader(), gold, tuning=gold, fitting=gold, passages=10, fitted_on="a test", watch=watch  # type: ignore[arg-type]
    )  # fmt: skip
    engine = Engine(store, YearReader(), outcome.calibration)
    assert engine.calibrated
    asker = StoreAsker(engine, gold, tmp_path / "gold.jsonl")
    run = evaluate(gold, asker)
    assert run.values["Right"] == 1.0
    assert shown[-1] == (len(gold), len(gold))


def test_a_draw_is_seeded_and_keeps_the_order() -> None:
    gold = gold_set()
    drawn = draw(gold, 10)
    assert drawn == draw(gold, 10) != draw(gold, 10, seed=14)
    assert [q.id for q in gold if q in drawn] == [q.id for q in drawn]
    assert draw(gold, None) == gold
