"""The benchmark beside peers, with programs in the peers' place that answer from a list."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import eval.bench.peers.ceiling
from eval.bench.peers.adapters import wire
from eval.bench.peers.adapters.spanqa_adapter import Adapter as SpanqaAdapter
from eval.bench.peers.bench import Comparison, Plan, bench, read_comparison
from eval.bench.peers.ceiling import Ceiling, flops_a_token
from eval.bench.peers.process import Adapter
from eval.bench.peers.report import TABLE, markdown, plot, print_comparison
from eval.bench.peers.systems import Models, System, environment
from eval.bench.peers.texts import Corpus, write_corpus
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.run import GoldRef
from index.errors import InputError
from index.models import bert_graph as bert
from index.models.embedder import open_embedder

TOWNS = ("Lindal", "Borgard", "Sanby", "Vikness", "Holum", "Dalum")
PLAN = Plan(passages=40, questions=6, rounds=3, indexed=4, client_s=0.1, cold=2, ceiling_s=0.1)
# A year for every question, but the peer called txtai is wrong about the first; numbers of passages from 0.
ADAPTER = f"""
import json, sys, time
sys.path.insert(0, {str(Path(wire.__file__).parent)!r})
from wire import documents, serve
name, log = sys.argv[1:3]
corpus = {{}}

def note(what):
    with open(log, "a") as lines:
        lines.write(f"{{name}} {{what}}\\n")

def index(request):
    return {{"seconds": 0.5 if name == "spanqa" else 1.0, "passages": 5}}

def build(request):
    note(f"build {{request['last']}} {{bool(request['vectors'])}}")
    return {{"passages": 1}}

def opened(request):
    note("open")
    corpus.update((row["title"], row) for row in documents(request["corpus"], request["first"], request["last"]))
    return {{}}

def ask(request):
    question = request["question"]
    if question == "crash":
        print("a library said this", flush=True)
        sys.stderr.write("out of memory\\n")
        sys.stderr.flush()
        import os
        os._exit(3)
    if question == "slow":
        time.sleep(0.3)
    if question == "fail":
        raise ValueError("no such thing")
    row = next((row for title, row in corpus.items() if title in question), None)
    if row is None:
        return {{"answer": question, "passages": []}}
    year = row["text"].split("opened in ")[1][:4]
    wrong = name == "txtai" and row["title"] == "Lindal"
    return {{"answer": "1066" if wrong else year, "passages": [row["number"]]}}

serve({{"warm": lambda r: {{}}, "index": index, "build": build, "open": opened, "ask": ask}}, 4)
"""


@contextmanager
def _unwatched(name: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, of: None


@pytest.fixture(scope="module")
def models(tiny_bert: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("models")
    return Models.shipped("float32", tiny_bert(folder / "embedder"), tiny_bert(folder / "reader", head=True))


@pytest.fixture
def gold() -> list[GoldQuestion]:
    found = []
    for number, town in enumerate(TOWNS):
        text = f"The harbour of {town} opened in {1800 + number} after nine years of work. It froze every winter."
        start = text.index("18")
        answer = GoldAnswer(text=text[start : start + 4], start=start, end=start + 4)
        found.append(
            GoldQuestion(id=town, question=f"When did {town} open?", context=text, title=town, answers=(answer,))
        )
    return found


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    path = tmp_path / "articles.jsonl"
    text = "\n\n".join(f"Section {number} tells of rivers and of stones in the valley. " * 12 for number in range(3))
    path.write_text(
        "".join(json.dumps({"title": f"A{n}", "text": f"{n} {text if n % 3 else '.'}"}) + "\n" for n in range(60)),
        "utf-8",
    )
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "adapter.py"
    path.write_text(ADAPTER, "utf-8")
    return path


def _systems(program: Path, log: Path) -> Callable[[Models, Path], list[System]]:
    def made(_models: Models, _store: Path) -> list[System]:
        # The question comes last, behind what parts it from options where spanqa is asked.
        cold = (sys.executable, "-c", "print('1800')")
        return [
            System(name, (sys.executable, str(program), name, str(log)), cold, {"torch": "2.13.0"})
            for name in ("spanqa", "haystack", "txtai")
        ]

    return made


@pytest.fixture
def compare(
    program: Path,
    gold: list[GoldQuestion],
    articles: Path,
    models: Models,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Comparison]:  # fmt: skip
    top = Ceiling(tokens_a_second=1000, window=64, flops_a_token=2e6, precision="f32", fp32_flops=1e10, bf16_flops=None,
                  share=0.2)  # fmt: skip
    monkeypatch.setattr(eval.peers.ceiling, "measure", lambda *_: top)

    def run(plan: Plan = PLAN) -> Comparison:
        return bench(
            gold,
            lambda asked: GoldRef(name="gold.jsonl", sha256="0" * 64, questions=asked),
            articles,
            plan=plan,
            work=tmp_path / "work",
            threads=1,
            cold_command=["qa"],
            watch=_unwatched,
            systems=_systems(program, tmp_path / "log"),
            models=models,
        )

    return run


def _corpus(path: Path, gold: Sequence[GoldQuestion], articles: Path, models: Models, **sizes: int) -> Corpus:
    return write_corpus(path, gold, articles, open_embedder(str(models.embedder)), **sizes)


def test_the_corpus_holds_the_answers_and_exactly_so_many_passages(
    gold: list[GoldQuestion], articles: Path, models: Models, tmp_path: Path
) -> None:
    corpus = _corpus(tmp_path / "corpus", gold, articles, models, passages=40, questions=4)
    assert corpus.passages == 40 and len(corpus.questions) == 4
    passages = dict(wire.passages(str(corpus.path), 0, corpus.documents))
    assert list(passages) == [str(number) for number in range(40)]
    for asked in corpus.questions:
        assert asked.relevant and all(asked.golds[0] in passages[str(number)] for number in asked.relevant)
    first, second = corpus.stretches(5, 2)
    assert first[0] == 0 and first[1] == second[0] and sum(corpus.passages_of[slice(*first)]) >= 5


def test_too_few_texts_or_questions_are_refused(
    gold: list[GoldQuestion], articles: Path, models: Models, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="5,000 are needed"):
        _corpus(tmp_path / "corpus", gold, articles, models, passages=5_000, questions=4)
    with pytest.raises(InputError, match="2 questions"):
        _corpus(tmp_path / "corpus", gold[:2], articles, models, passages=40, questions=4)
    with pytest.raises(InputError, match="fewer --questions"):
        _corpus(tmp_path / "corpus", gold, articles, models, passages=5, questions=6)


def test_figures_are_those_of_the_systems(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    found = compare()
    figures = {figure.name: figure for figure in found.figures}
    indexing = figures["indexing"]
    assert indexing.values == {"spanqa": 10, "haystack": 5, "txtai": 5}
    assert indexing.ratios["haystack"].value == indexing.ratios["haystack"].low == 2
    assert figures["EM"].values == {"spanqa": 1, "haystack": 1, "txtai": pytest.approx(5 / 6)}
    lost = figures["F1"].ratios["txtai"]
    assert lost.kind == "difference" and lost.value == pytest.approx(1 / 6)
    assert lost.low is not None and lost.high is not None and lost.low <= lost.value <= lost.high
    assert set(figures["hit rate @ 20"].values.values()) == {1}
    slower = figures["question, p50"]
    factor = slower.ratios["txtai"]
    assert factor.value == pytest.approx((slower.values["txtai"] or 0) / (slower.values["spanqa"] or 1))
    assert [len(own) for own in found.asking.ms["haystack"]] == [2, 2, 2]
    assert {len(own) for own in found.cold.seconds.values()} == {2}
    bars = {bar.name: bar.holds for bar in found.bars}
    assert bars["indexing, times better than txtai"] and bars["EM, above haystack"]
    assert not bars["reader, share of the f32 ceiling"]
    # The peers get the vectors that the first made of the whole corpus; indexes are made once.
    log = (tmp_path / "log").read_text().splitlines()
    assert [line for line in log if line.startswith("spanqa build")] == ["spanqa build 40 True"] or [
        line.rpartition(" ")[2] for line in log if line.startswith("spanqa build")
    ] == ["False", "True"]
    assert all(line.endswith("True") for line in log if line.startswith(("haystack build", "txtai build")))


def test_what_is_measured_is_not_measured_again(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    before = compare()
    log = tmp_path / "log"
    log.unlink()
    again = compare()
    assert not log.exists()
    assert (again.asking, again.figures) == (before.asking, before.figures)
    # Another plan is another measurement, over the same indexes.
    compare(PLAN.model_copy(update={"rounds": 2}))
    assert {line.split()[1] for line in log.read_text().splitlines()} == {"open"}
    # And a part that is gone is measured anew, alone.
    log.unlink()
    for path in (tmp_path / "work" / "parts").glob("clients-*"):
        path.unlink()
    compare()
    assert log.read_text().splitlines() == ["spanqa open", "haystack open", "txtai open"]


def test_tables_and_plot_state_the_figures(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    found = compare()
    console = Console(record=True, width=200, file=(tmp_path / "printed").open("w"))
    print_comparison(found, console)
    printed = console.export_text()
    for text in (printed, markdown(found)):
        assert "2.00x [2..2]" in text and "83.3 %" in text and "bf16 is not multiplied in hardware" in text
    assert "FALLS SHORT: reader" in printed
    assert len(plot(found, ".svg")) > 10_000
    assert TABLE.former(markdown(found).encode())
    path = tmp_path / "peers.json"
    path.write_text(found.model_dump_json())
    assert read_comparison(path) == found
    path.write_text("{}")
    with pytest.raises(InputError, match="no comparison"):
        read_comparison(path)


def _adapter(program: Path, tmp_path: Path) -> Adapter:
    command = [sys.executable, str(program), "haystack", str(tmp_path / "log")]
    return Adapter("haystack", command, environment(1), tmp_path / "said" / "haystack.log")


def test_questions_at_once_get_their_own_answers(program: Path, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with _adapter(program, tmp_path) as adapter, ThreadPoolExecutor(8) as clients:
        asked = ["slow", *(f"question {number}" for number in range(30))]
        assert [reply["answer"] for reply in clients.map(adapter.ask, asked)] == asked
        peak = adapter.peak_bytes()
        assert peak is None or peak > 10**6


def test_a_failure_names_the_system_and_what_it_said(program: Path, tmp_path: Path) -> None:
    with _adapter(program, tmp_path) as adapter:
        with pytest.raises(InputError, match="haystack: ask failed: ValueError: no such thing"):
            adapter.ask("fail")
        assert adapter.ask("and on")["answer"] == "and on"
    with _adapter(program, tmp_path) as adapter:
        with pytest.raises(InputError, match=r"haystack: its process ended: .*out of memory"):
            adapter.ask("crash")
        with pytest.raises(InputError, match="its process ended"):
            adapter.ask("once more")
    with pytest.raises(InputError, match="cannot be started"):
        Adapter("haystack", [str(tmp_path / "none")], {}, tmp_path / "log")


@pytest.mark.slow
def test_spanqa_is_asked_through_its_engine(
    gold: list[GoldQuestion], articles: Path, models: Models, tmp_path: Path
) -> None:
    corpus = _corpus(tmp_path / "corpus", gold, articles, models, passages=40, questions=4)
    adapter = SpanqaAdapter(Namespace(reader=str(models.reader), embedder=str(models.embedder)))
    everything = {"corpus": str(corpus.path), "first": 0, "last": corpus.documents}
    vectors = tmp_path / "vectors.npy"
    adapter.build({"folder": str(tmp_path / "store"), "vectors": str(vectors), **everything})
    import numpy as np

    texts = [text for _, text in wire.passages(str(corpus.path), 0, corpus.documents)]
    expected = open_embedder(str(models.embedder)).embed(texts)
    assert np.allclose(np.load(vectors), expected, atol=1e-4)
    adapter.open({"folder": str(tmp_path / "store"), "passages": 7, **everything})
    reply = adapter.ask({"question": gold[0].question})
    assert len(set(reply["passages"])) == 7 and any(reply["answer"] in texts[number] for number in reply["passages"])
    adapter.warm({"folder": str(tmp_path / "other")})
    indexed = adapter.index({**everything, "last": 3})
    assert indexed["passages"] == sum(corpus.passages_of[:3]) and indexed["seconds"] > 0
    shutil.rmtree(tmp_path / "store")


def test_operations_are_counted_by_the_book(models: Models) -> None:
    config = bert.read_config(models.reader)
    # Layers x (4 projections of 32 x 32 and 2 of 32 x 64, twice, and 2 products of attention over 10 tokens, twice).
    assert flops_a_token(config, 10) == 2 * (2 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 2 * 10 * 32)


def test_threads_are_the_same_for_all_and_settings_of_the_user_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_RUNTIME", "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    found: dict[str, Any] = environment(2)
    assert found["OMP_NUM_THREADS"] == found["QA_THREADS"] == "2" and "QA_RUNTIME" not in found
