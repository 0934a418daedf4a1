"""The benchmark: a store of each size is built, searched in a process of its own, measured, and removed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from eval.bench.bars import Bar, at_most
from eval.bench.machine import cores
from eval.bench.scale.building import NOTE, build, disk_need
from eval.bench.scale.copies import CHUNK_ROWS, Copies
from eval.bench.scale.searching import Searched, search_alone
from eval.gold.places import StorePlaces
from eval.gold.questions import GoldQuestion
from eval.measures.basic import mean, percentile
from eval.progress import Watch
from eval.results import Frozen
from eval.runs.asker import about_store
from eval.runs.run import GoldRef, Software, StoreRef, software
from index.disk.atomic import write_whole
from index.disk.marks import TAG_FILE, claim_folder
from index.disk.outputs import FolderKind
from index.errors import InputError
from index.models.embedder import Embedder
from index.search.protocol import Hit
from index.store.discarding import remove_store
from index.store.store import Store
from qa.judging.confidence import load_calibration
from qa.retrieval.fusion import FusionWeights, fuse
from qa.retrieval.retriever import DEPTH_FACTOR, MIN_DEPTH
from qa.types import ModelRef

PASSAGES = 20
LEAST_QUESTIONS = 20
LEAST_SIZE, MOST_SIZE = 200, 10_000_000
_STATE = "scale.json"
WORK = FolderKind("a folder that qa bench scale worked in", frozenset([TAG_FILE]))
# What is asked of the curve: see `bars`.
COMPARED_SIZE = 10_000
MOST_SLOWDOWN = 3.0
MOST_HIT_RATE_LOST = 0.01
MOST_RESIDENT_BYTES = 1_500_000_000
MOST_OPENING_S = 2.0

Ids = NDArray[np.int64]


class Point(Frozen):
    """A store of `size` passages. `p50_ms`, `p95_ms`: retrieval of one question, the others before it asked already;
    `first_ms`: of the first one. `hit_rate`: questions of which a passage that holds the answer, or a copy of it, is
    among the passages to read, and `exact_hit_rate` what it would be were the vectors compared one by one; `dense_*`
    the same of the vectors' list alone. `nearest_found`: of the nearest vectors by comparing all, the share that the
    index finds. `resident_bytes`: of the searching process, models included. `rate`: passages a second that were
    written and made searchable, their embedding apart."""

    size: int
    p50_ms: float
    p95_ms: float
    first_ms: float
    hit_rate: float
    exact_hit_rate: float
    dense_hit_rate: float
    exact_dense_hit_rate: float
    nearest_found: float
    resident_bytes: int
    opened_s: float
    rate: float
    write_s: float
    index_s: float
    disk_bytes: int


class About(Frozen):
    """What decides the figures, but for the machine's mood."""

    software: Software
    cores: int
    gold: GoldRef
    store: StoreRef
    embedder: ModelRef
    questions: int
    passages: int


class Curve(Frozen):
    """The whole benchmark, by ascending size."""

    scale_version: str = "1"
    about: About
    measured_at: str
    points: tuple[Point, ...]
    bars: tuple[Bar, ...] = ()


def measure_curve(
    source: Store,
    gold: Sequence[GoldQuestion],
    gold_file: Path,
    ref: GoldRef,
    *,
    sizes: Sequence[int],
    work: Path,
    reader: str,
    embedder: str,
    watch: Watch,
    say: Callable[[str], None],
    keep: bool = False,
) -> Curve:
    """Measure a store of each of `sizes`, made of the passages of `source`, with the answerable questions of `gold`.

    Finished sizes are kept in `work` and not measured again; one that was interrupted while it was built is gone on
    with. `keep` leaves the stores there. Raises InputError for too few questions with a known place in `source`, too
    little room on the disk, and a folder with another benchmark in it.
    """
    questions, wanted = _placed(source, gold, gold_file)
    with watch("reading the passages", None):
        first = list(dict.fromkeys(number for ids in wanted for number in ids))
        copies, rows = Copies.of_store(source.catalogue, first)
    about = About(
        software=software(),
        cores=cores(),
        gold=ref,
        store=about_store(source),
        embedder=ModelRef(name=source.embedder.name, sha256=source.embedder.sha256),
        questions=len(questions),
        passages=PASSAGES,
    )
    if min(sizes) < max(LEAST_SIZE, len(first)):
        raise InputError(
            f"a size must be at least {max(LEAST_SIZE, len(first))}: the questions' own passages are in it"
        )
    state = _State(work, about)
    relevant = [{rows[number] for number in ids} for ids in wanted]
    texts = [question.question for question in questions]
    left = [size for size in sorted(set(sizes)) if size not in state.points]
    _check_room(work, [disk_need(size, copies) for size in left], say, keep=keep)
    for size in left:
        point = _point(
            source.embedder,
            copies,
            size,
            work / f"{size}",
            questions=texts,
            relevant=relevant,
            reader=reader,
            embedder=embedder,
            watch=watch,
        )
        state.add(point)
        if not keep:
            (work / f"{size}" / NOTE).unlink(missing_ok=True)
            remove_store(work / f"{size}")
    points = tuple(state.points[size] for size in sorted(set(sizes)))
    return Curve(
        about=about, measured_at=datetime.now(UTC).isoformat(timespec="seconds"), points=points, bars=bars(points)
    )


def bars(points: Sequence[Point]) -> tuple[Bar, ...]:
    """What is asked of retrieval as the store grows, of the largest store; latency beside a store of 10,000."""
    largest = points[-1]
    lost = largest.exact_hit_rate - largest.hit_rate
    made = [
        at_most("hit rate lost to exact search", lost, MOST_HIT_RATE_LOST, "share"),
        at_most("resident bytes", float(largest.resident_bytes), float(MOST_RESIDENT_BYTES), "bytes"),
        at_most("seconds to open", largest.opened_s, MOST_OPENING_S),
    ]
    compared = next((point for point in points if point.size == COMPARED_SIZE), None)
    if compared is not None and largest.size > COMPARED_SIZE:
        slowdown = largest.p50_ms / compared.p50_ms
        made.insert(0, at_most(f"p50 by that of {COMPARED_SIZE:,} passages", slowdown, MOST_SLOWDOWN))
    return tuple(made)


def _placed(source: Store, gold: Sequence[GoldQuestion], file: Path) -> tuple[list[GoldQuestion], list[list[int]]]:
    """The questions whose answer has a place in the store, and the ids of the passages that hold it."""
    places = StorePlaces(source, file)
    questions, wanted = [], []
    for question in gold:
        place = places.place(question) if question.answerable else None
        if place is None or not place.passages:
            continue
        ids = source.catalogue.passage_ids([place.document]).tolist()
        stored = source.catalogue.snapshot(ids).passages
        questions.append(question)
        wanted.append([number for number in ids if (stored[number].start, stored[number].end) in place.passages])
    if len(questions) < LEAST_QUESTIONS:
        raise InputError(
            f"{len(questions)} of {len(gold)} questions have an answer with a known place in the store "
            f"{source.location}, and at least {LEAST_QUESTIONS} are needed: index the documents of {file.name} there "
            "(see: qa eval open)"
        )
    return questions, wanted


def _point(
    model: Embedder,
    copies: Copies,
    size: int,
    folder: Path,
    *,
    questions: Sequence[str],
    relevant: Sequence[set[int]],
    reader: str,
    embedder: str,
    watch: Watch,
) -> Point:
    with watch(f"building {size:,}", size) as advance:
        built = build(folder, model, copies, size, advance)
    with watch(f"searching {size:,}", None):
        searched = search_alone(folder, embedder, reader, questions, PASSAGES)
    with watch(f"comparing {size:,}", size) as advance:
        exact = _nearest(copies, model.embed(list(questions)), size, advance)

    def hit_rate(lists: Sequence[Sequence[int]]) -> float:
        """The share of questions with a passage of theirs, or a copy, among the first passages of their list of ids."""
        hits = [
            any(copies.base(np.array([number - 1]))[0] in relevant_ids for number in ids[:PASSAGES])
            for ids, relevant_ids in zip(lists, relevant, strict=True)
        ]
        return mean(hits) or 0.0

    nearest = [ids[:PASSAGES].tolist() for ids, _ in exact]
    shared = [
        len({*ids[:PASSAGES]} & {*nearest_ids}) / len(nearest_ids)
        for ids, nearest_ids in zip(searched.dense, nearest, strict=True)
    ]
    times = [1000 * each for each in searched.retrieve_s]
    return Point(
        size=size,
        p50_ms=percentile(times, 50) or 0.0,
        p95_ms=percentile(times, 95) or 0.0,
        first_ms=1000 * searched.first_s,
        hit_rate=hit_rate(searched.retrieved),
        exact_hit_rate=hit_rate(list(_fused(exact, searched))),
        dense_hit_rate=hit_rate(searched.dense),
        exact_dense_hit_rate=hit_rate(nearest),
        nearest_found=mean(shared) or 0.0,
        resident_bytes=searched.resident_bytes,
        opened_s=searched.opened_s,
        rate=built.rate,
        write_s=built.write_s,
        index_s=built.index_s,
        disk_bytes=built.disk_bytes,
    )


def _nearest(
    copies: Copies, queries: NDArray[np.float32], size: int, progress: Callable[[int, int], None]
) -> list[tuple[Ids, NDArray[np.float32]]]:
    """For each of (n, dimensions) queries the ids and inner products of the nearest passages, best first, by comparing
    all of them. A passage's id is its row's number, from 1."""
    depth = max(MIN_DEPTH, DEPTH_FACTOR * PASSAGES)
    ids = np.empty((len(queries), 0), np.int64)
    scores = np.empty((len(queries), 0), np.float32)
    for number in range(-(-size // CHUNK_ROWS)):
        begin = number * CHUNK_ROWS
        vectors = copies.vectors(number, min(CHUNK_ROWS, size - begin))
        products, at = faiss.knn(queries, vectors, min(depth, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)
        ids, scores = np.hstack([ids, at + begin + 1]), np.hstack([scores, products])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        ids, scores = np.take_along_axis(ids, best, 1), np.take_along_axis(scores, best, 1)
        progress(begin + len(vectors), size)
    return list(zip(ids, scores, strict=True))


def _fused(exact: Sequence[tuple[Ids, NDArray[np.float32]]], searched: Searched) -> Iterator[list[int]]:
    """The passages to read, had the vectors been compared one by one."""
    weights: FusionWeights = load_calibration().fusion
    for (ids, scores), lexical in zip(exact, searched.lexical, strict=True):
        dense: list[Hit] = list(zip(ids.tolist(), scores.tolist(), strict=True))
        yield [hit.passage_id for hit in fuse(dense, lexical, weights)][:PASSAGES]


def _check_room(work: Path, needs: Sequence[int], say: Callable[[str], None], *, keep: bool) -> None:
    # One store after the other, unless they are kept.
    need = sum(needs) if keep else max(needs, default=0)
    free = shutil.disk_usage(work).free
    if need:
        say(f"{work} needs about {need / 1e9:.1f} GB while this runs, and has {free / 1e9:.1f} GB")
    if need > free:
        raise InputError(
            f"{work}: {free / 1e9:.1f} GB are free, about {need / 1e9:.1f} GB are needed: free some, name another "
            "--work, or smaller --sizes"
        )


class _State:
    """The sizes that are measured, kept in a file."""

    def __init__(self, work: Path, about: About) -> None:
        self._path = work / _STATE
        self._about = about
        self.points: dict[int, Point] = {}
        try:
            claim_folder(work, "bench-scale")
            if self._path.exists():
                self._read(self._path.read_text("utf-8"))
            else:
                # From the beginning: it tells that the folder is ours to work in.
                self._write()
        except OSError as error:
            raise InputError(f"{work}: cannot be used: {error.strerror or error}") from error

    def add(self, point: Point) -> None:
        self.points[point.size] = point
        self._write()

    def _write(self) -> None:
        content = {
            "about": self._about.model_dump(mode="json"),
            "points": [each.model_dump(mode="json") for each in self.points.values()],
        }
        write_whole(self._path, json.dumps(content, indent=2).encode())

    def _read(self, text: str) -> None:
        try:
            content = json.loads(text)
            about = About.model_validate(content["about"])
            points = [Point.model_validate(point) for point in content["points"]]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InputError(f"{self._path}: is damaged; delete it and begin anew") from error
        if about != self._about:
            raise InputError(
                f"{self._path}: is of another benchmark (other questions, store, models or versions): name another "
                "--work"
            )
        self.points = {point.size: point for point in points}
