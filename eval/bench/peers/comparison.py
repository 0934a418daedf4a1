"""The benchmark beside peers: texts, environments and indexes once, then every part, kept as soon as it is whole."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from eval.bench.bars import Bar, at_least, at_most
from eval.bench.machine import machine
from eval.bench.peers import ceiling
from eval.bench.peers.ceiling import Ceiling
from eval.bench.peers.parts import Asking, Clients, Cold, Indexing, Measuring
from eval.bench.peers.systems import OURS, PEERS, Models, System, environment, ours, peer
from eval.bench.peers.texts import Corpus, write_corpus
from eval.gold.questions import GoldQuestion
from eval.measures.basic import mean, percentile
from eval.progress import Watch
from eval.results import Frozen
from eval.runs.run import GoldRef, Software, software
from index.disk.atomic import write_whole
from index.disk.marks import TAG_FILE, claim_folder
from index.disk.outputs import FolderKind
from index.errors import InputError
from index.models.embedder import open_embedder
from index.models.runtime import computes_in_bf16
from qa.retrieval.retriever import DEPTH_FACTOR, MIN_DEPTH

PASSAGES = 20
LEVELS = (1, 4, 16)
WARM_UP = 3
# About as many passages as one long article has.
SMALL_STORE = 40
# Raised whenever what is measured changes: parts of before are measured anew.
VERSION = "1"
WORK = FolderKind("a folder that qa bench peers worked in", frozenset([TAG_FILE]))
DRAWS = 2_000
# What is asked of the figures: see `bars`.
LEAST_FASTER = 5.0
LEAST_INDEXING = 2.0
MOST_COLD_S = 1.5
LEAST_OF_CEILING = 0.5
_SHOWN_PACKAGES = (
    "haystack-ai txtai transformers-haystack sentence-transformers-haystack sentence-transformers transformers torch "
    "tokenizers faiss-cpu openvino numpy"
).split()

P = TypeVar("P", bound=Frozen)


class Plan(Frozen):
    """How much is measured: `passages` in the corpus, `questions` asked in `rounds`, passages indexed a round, seconds
    a level of clients, cold starts, and seconds for each figure of the ceiling."""

    passages: int = 10_000
    questions: int = 60
    rounds: int = 5
    indexed: int = 200
    client_s: float = 10.0
    cold: int = 4
    ceiling_s: float = 4.0


QUICK = Plan(passages=1_000, questions=12, rounds=3, indexed=64, client_s=4.0, cold=2, ceiling_s=1.0)


class Ratio(Frozen):
    """How spanqa compares with a peer: of a `factor` how many times better (above 1: better), of a `difference` how
    many points (0..1) higher. `low` and `high` are the least and the most of the rounds, or of a difference its 95 %
    interval over the questions (paired bootstrap); None where there was one round."""

    kind: Literal["factor", "difference"]
    value: float
    low: float | None = None
    high: float | None = None


class Figure(Frozen):
    """A figure of every system, and how spanqa's compares with each peer's; None where the system does not say."""

    name: str
    unit: str
    higher_is_better: bool
    values: dict[str, float | None]
    ratios: dict[str, Ratio]


class About(Frozen):
    """What decides the figures, but for the machine's mood."""

    software: Software
    machine: str
    threads: int
    gold: GoldRef
    corpus_sha256: str
    passages: int
    passages_read: int
    embedder_sha256: str
    reader_sha256: str
    dtype: str
    plan: Plan
    packages: dict[str, dict[str, str]]


class Comparison(Frozen):
    """The whole benchmark: what was measured, each part as it was measured, and what comes of it."""

    peers_version: str = VERSION
    about: About
    measured_at: str
    figures: tuple[Figure, ...]
    ceiling: Ceiling
    bars: tuple[Bar, ...]
    indexing: Indexing
    asking: Asking
    clients: Clients
    cold: Cold


def compare_peers(
    gold: Sequence[GoldQuestion],
    ref: Callable[[int], GoldRef],
    articles: Path,
    *,
    plan: Plan,
    work: Path,
    threads: int,
    cold_command: Sequence[str],
    watch: Watch,
    systems: Callable[[Models, Path], Sequence[System]] | None = None,
    models: Models | None = None,
) -> Comparison:
    """Measure spanqa beside its peers; `cold_command` is the command `qa`, `ref` names the gold set with so many asked.

    `work` holds environments, indexes and the parts that are measured: the same command goes on there, and measures
    anew what another machine's software, other models, texts or settings make another thing. `systems` and `models`
    take the place of those that are shipped. Raises InputError.
    """
    try:
        claim_folder(work, "bench-peers")
    except OSError as error:
        raise InputError(f"{work}: cannot be used: {error.strerror or error}") from error
    models = models or Models.shipped("bfloat16" if computes_in_bf16() else "float32")
    with watch(f"cutting {plan.passages:,} passages", None):
        corpus = write_corpus(
            work / "corpus.jsonl",
            gold,
            articles,
            open_embedder(str(models.embedder)),
            passages=plan.passages,
            questions=plan.questions,
        )
    small_documents = _small(corpus)
    stores = work / f"stores-{_key(corpus.sha256, models.embedder_sha256, VERSION)[:12]}"
    if systems is None:
        measured = [ours(models, threads, cold_command, stores / "small" / OURS)]
        for name in PEERS:
            with watch(f"the environment of {name} (minutes, the first time)", None):
                measured.append(
                    peer(
                        name,
                        work / "environments",
                        models,
                        threads,
                        store=stores / "small",
                        passages=PASSAGES,
                        depth=_depth(),
                    )
                )
    else:
        measured = list(systems(models, stores / "small"))
    about = About(
        software=software(),
        machine=machine(),
        threads=threads,
        gold=ref(len(corpus.questions)),
        corpus_sha256=corpus.sha256,
        passages=corpus.passages,
        passages_read=PASSAGES,
        embedder_sha256=models.embedder_sha256,
        reader_sha256=models.reader_sha256,
        dtype=models.dtype,
        plan=plan,
        packages={
            system.name: {name: system.packages[name] for name in _SHOWN_PACKAGES if name in system.packages}
            for system in measured
        },
    )
    measuring = Measuring(measured, corpus, work, threads=threads, passages=PASSAGES, depth=_depth(), watch=watch)
    measuring.build(stores / "big", stores / "small", small_documents)
    kept = _Kept(work / "parts", _key(VERSION, about.model_dump_json(), *(str(s.packages) for s in measured)))
    with TemporaryDirectory(dir=work) as throwaway:
        indexing = kept.part(Indexing, lambda: measuring.indexing(Path(throwaway), plan.indexed, plan.rounds))
    asking = kept.part(Asking, lambda: measuring.asking(stores / "big", plan.rounds, WARM_UP))
    clients = kept.part(Clients, lambda: measuring.clients(stores / "big", LEVELS, plan.client_s, WARM_UP))
    cold = kept.part(Cold, lambda: measuring.cold(plan.cold))
    with watch("the ceiling", None):
        top = kept.part(Ceiling, lambda: ceiling.measure(models.reader, environment(threads), plan.ceiling_s))
    compared = figures(indexing, asking, clients, cold)
    return Comparison(
        about=about,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        figures=compared,
        ceiling=top,
        bars=bars(compared, top),
        indexing=indexing,
        asking=asking,
        clients=clients,
        cold=cold,
    )


def figures(indexing: Indexing, asking: Asking, clients: Clients, cold: Cold) -> tuple[Figure, ...]:
    """The figures of the parts, in the order of a table."""

    def at(percent: float, times: Sequence[float]) -> float:
        return percentile(times, percent) or 0.0

    def p95(times: Sequence[float]) -> float:
        return at(95, times)

    every = {name: [time for values in rounds for time in values] for name, rounds in asking.ms.items()}
    made = [
        _by_rounds(
            "indexing", "passages/s", True, {n: median(values) for n, values in indexing.rates.items()}, indexing.rates
        ),
        _by_rounds(
            "question, p50",
            "ms",
            False,
            {name: median(values) for name, values in every.items()},
            {name: [median(values) for values in rounds] for name, rounds in asking.ms.items()},
        ),
        _by_rounds(
            "question, p95",
            "ms",
            False,
            {name: p95(values) for name, values in every.items()},
            {name: [p95(values) for values in rounds] for name, rounds in asking.ms.items()},
        ),
    ]
    for level in LEVELS:
        rates = {name: values[str(level)] for name, values in clients.rates.items()}
        clients_named = f"{level} client{'' if level == 1 else 's'}"
        made.append(_by_rounds(clients_named, "questions/s", True, rates, {}))
    made.append(
        _by_rounds(
            "cold start", "s", False, {name: median(values) for name, values in cold.seconds.items()}, cold.seconds
        )
    )
    for name, peaks in (("memory, indexing", indexing.peak_bytes), ("memory, asking", asking.peak_bytes)):
        made.append(_by_rounds(name, "MB", False, {n: None if p is None else p / 1e6 for n, p in peaks.items()}, {}))
    for name, scores in (("EM", asking.em), ("F1", asking.f1), (f"hit rate @ {PASSAGES}", asking.hits)):
        made.append(_shares(name, {system: [float(score) for score in values] for system, values in scores.items()}))
    return tuple(made)


def bars(compared: Sequence[Figure], top: Ceiling) -> tuple[Bar, ...]:
    """What is asked of the figures: each reaches its limit, or of the cold start stays within."""
    named = {figure.name: figure for figure in compared}
    made: list[Bar] = []
    for figure, limit in (("question, p50", LEAST_FASTER), ("cold start", LEAST_FASTER), ("indexing", LEAST_INDEXING)):
        for peer_name, ratio in named[figure].ratios.items():
            made.append(at_least(f"{figure}, times better than {peer_name}", ratio.value, limit))
    for figure in ("EM", "F1"):
        for peer_name, ratio in named[figure].ratios.items():
            made.append(at_least(f"{figure}, above {peer_name}", ratio.value, 0.0))
    seconds = named["cold start"].values[OURS] or 0.0
    made.append(at_most("cold start, seconds", seconds, MOST_COLD_S))
    made.append(at_least(f"reader, share of the {top.precision} ceiling", top.share, LEAST_OF_CEILING))
    return tuple(made)


def _by_rounds(
    name: str,
    unit: str,
    higher_is_better: bool,
    values: Mapping[str, float | None],
    rounds: Mapping[str, Sequence[float]],
) -> Figure:
    def better(ours_value: float, other: float) -> float:
        above, below = (ours_value, other) if higher_is_better else (other, ours_value)
        return above / below if below else 0.0

    ratios = {}
    for system, value in values.items():
        ours_value = values[OURS]
        if system == OURS or ours_value is None or value is None:
            continue
        each = [better(a, b) for a, b in zip(rounds.get(OURS, ()), rounds.get(system, ()), strict=True)]
        ratios[system] = Ratio(
            kind="factor",
            value=better(ours_value, value),
            low=min(each) if len(each) > 1 else None,
            high=max(each) if len(each) > 1 else None,
        )
    return Figure(name=name, unit=unit, higher_is_better=higher_is_better, values=dict(values), ratios=ratios)


def _shares(name: str, scores: Mapping[str, Sequence[float]]) -> Figure:
    ratios = {}
    for system, of_system in scores.items():
        if system == OURS:
            continue
        differences = [a - b for a, b in zip(scores[OURS], of_system, strict=True)]
        drawn = random.Random(0)
        means = sorted(mean(drawn.choices(differences, k=len(differences))) or 0.0 for _ in range(DRAWS))
        ratios[system] = Ratio(
            kind="difference",
            value=mean(differences) or 0.0,
            low=percentile(means, 2.5),
            high=percentile(means, 97.5),
        )
    values = {system: mean(of_system) for system, of_system in scores.items()}
    return Figure(name=name, unit="%", higher_is_better=True, values=values, ratios=ratios)


def _small(corpus: Corpus) -> int:
    """How many documents the small store has, of which cold starts ask."""
    (_, last), *_ = corpus.stretches(min(SMALL_STORE, corpus.passages), 1)
    return last


def _depth() -> int:
    return max(MIN_DEPTH, DEPTH_FACTOR * PASSAGES)


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _Kept:
    """Measured parts in a folder, by what they were measured of."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        self._key = key

    def part(self, kind: type[P], measure: Callable[[], P]) -> P:
        """The part as it was measured before, or as it is measured now."""
        path = self._folder / f"{kind.__name__.lower()}-{self._key[:16]}.json"
        try:
            return kind.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValidationError) as error:
            raise InputError(f"{path}: is damaged; delete it: {error}") from error
        part = measure()
        self._folder.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = part.model_dump(mode="json")
        write_whole(path, (json.dumps(content) + "\n").encode())
        return part


def read_comparison(path: Path) -> Comparison:
    """A comparison from its file; raises InputError for one that cannot be read or is none."""
    try:
        return Comparison.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(
            f"{path}: is no comparison of this version: {first['msg']}; run qa bench peers again"
        ) from error
