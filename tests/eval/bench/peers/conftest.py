"""Programs in the place of the peers that answer from a list, texts, and models that need no weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import eval.bench.peers.ceiling
from eval.bench.peers.adapters import wire
from eval.bench.peers.ceiling import Ceiling
from eval.bench.peers.comparison import Comparison, Plan, compare_peers
from eval.bench.peers.systems import Models, System
from eval.bench.peers.texts import Corpus, write_corpus
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.run import GoldRef
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
    questions = []
    for number, town in enumerate(TOWNS):
        text = f"The harbour of {town} opened in {1800 + number} after nine years of work. It froze every winter."
        start = text.index("18")
        answer = GoldAnswer(text=text[start : start + 4], start=start, end=start + 4)
        questions.append(
            GoldQuestion(id=town, question=f"When did {town} open?", context=text, title=town, answers=(answer,))
        )
    return questions


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
) -> Callable[..., Comparison]:
    top = Ceiling(
        tokens_a_second=1000,
        window=64,
        flops_a_token=2e6,
        precision="f32",
        fp32_flops=1e10,
        bf16_flops=None,
        share=0.2,
    )
    monkeypatch.setattr(eval.bench.peers.ceiling, "measure", lambda *_: top)

    def run(**changes: Any) -> Comparison:
        return compare_peers(
            gold,
            lambda asked: GoldRef(name="gold.jsonl", sha256="0" * 64, questions=asked),
            articles,
            plan=PLAN.model_copy(update=changes),
            work=tmp_path / "work",
            threads=1,
            cold_command=["qa"],
            watch=_unwatched,
            systems=_systems(program, tmp_path / "log"),
            models=models,
        )

    return run


@pytest.fixture
def corpus_of(articles: Path, models: Models, tmp_path: Path) -> Callable[..., Corpus]:
    """Writes a corpus of the questions and sizes given."""

    def corpus(gold: list[GoldQuestion], **sizes: int) -> Corpus:
        return write_corpus(tmp_path / "corpus", gold, articles, open_embedder(str(models.embedder)), **sizes)

    return corpus
