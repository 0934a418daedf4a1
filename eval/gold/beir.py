"""BEIR folders: documents, queries and relevance judgements, for measuring retrieval alone.

The format is that of Thakur, Reimers, Rücklé, Srivastava and Gurevych, "BEIR: A Heterogeneous Benchmark for Zero-shot
Evaluation of Information Retrieval Models", NeurIPS 2021: `corpus.jsonl` of {_id, title, text}, `queries.jsonl` of
{_id, text} and `qrels/SPLIT.tsv` with the columns query-id, corpus-id and score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from eval.gold.jsonfiles import AnyText, PlacedError, Text, json_object, lines, shown, validated
from eval.gold.questions import MAX_GOLD_BYTES
from index.documents import Document, document_id
from index.errors import InputError
from index.store.store import Store
from qa.asking.asked import Asked
from qa.engine import Engine
from qa.types import MAX_QUESTION_LENGTH, Question

MAX_CORPUS_BYTES = 16 * 2**30
"""The most bytes that a corpus may hold, after decompression: about five times MS MARCO's passages."""
HIT_RATE_AT = (1, 5, 20)
RANKED_TO = 10
BATCH = 64

_HEADER = ("query-id", "corpus-id", "score")
# Grades are small; some TREC sets judge spam with negative ones.
_GRADE = re.compile(r"-?[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A validated BEIR folder. `queries` are the judged ones by id, `grades` the grade of each judged document of
    each query (above 0: relevant), `size` the number of documents in the `corpus` file."""

    name: str
    split: str
    queries: dict[str, str]
    grades: dict[str, dict[str, int]]
    corpus: Path
    size: int

    def documents(self) -> Iterator[Document]:
        """The documents, read one at a time; one without text stands as its title, or as its id."""
        for entry in _entries(self.corpus, _Entry, MAX_CORPUS_BYTES):
            title, text = (entry.title or "").strip(), entry.text
            yield Document(
                uri=document_uri(entry.id),
                title=title or entry.id,
                own_title=bool(title),
                text=text if text.strip() else title or entry.id,
            )


class BeirScores(BaseModel):
    """Retrieval measures over the judged queries, 0..1: mean hit rate at k, reciprocal rank and nDCG at 10."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: str
    documents: int
    queries: int
    passages: int
    measures: dict[str, float]


class _Raw(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    id: Text = Field(alias="_id")


_AnyEntry = TypeVar("_AnyEntry", bound=_Raw)


class _Query(_Raw):
    text: Annotated[Text, Field(max_length=MAX_QUESTION_LENGTH)]


class _Entry(_Raw):
    title: AnyText | None = None
    text: AnyText


def document_uri(corpus_id: str) -> str:
    """The URI under which a document of a BEIR corpus is stored."""
    return f"beir:{corpus_id}"


def read_beir(folder: Path, split: str | None = None) -> BeirSet:
    """Read and validate a BEIR folder: `corpus.jsonl`, `queries.jsonl`, and `qrels/SPLIT.tsv` or `qrels_SPLIT.tsv`,
    each plain or `.gz`. Without a `split` the only one is taken, or `test`.

    Reads the corpus once, so that a mistake shows before hours of indexing. Raises InputError, with the file, the line
    and the field, for what is missing or malformed, ids that occur twice, and judgements of unknown ids.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/")
    corpus, asked = _find(folder, "corpus"), _find(folder, "queries")
    name, judgements = _choose_split(folder, split)
    texts: dict[str, str] = {}
    for query in _entries(asked, _Query, MAX_GOLD_BYTES):
        texts[query.id] = query.text
    grades, places = _read_judgements(judgements, texts, asked)
    missing, size = set(places), 0
    for entry in _entries(corpus, _Entry, MAX_CORPUS_BYTES):
        missing.discard(entry.id)
        size += 1
    if missing:
        first = min(missing, key=places.__getitem__)
        raise PlacedError(
            judgements,
            f"line {places[first]}",
            f"corpus-id: {shown(first)} is not in {corpus.name} ({len(missing)} such ids in all)",
        )
    return BeirSet(
        name=folder.resolve().name,
        split=name,
        queries={query: texts[query] for query in grades},
        grades=grades,
        corpus=corpus,
        size=size,
    )


def index_beir(store: Store, beir: BeirSet, progress: Callable[[int, int], None] | None = None) -> None:
    """Bring a store up to the documents of a BEIR set; those that it holds already cost little, so that the same call
    goes on after an interruption.

    Raises InputError where the store holds other documents: they would be ranked too. progress is called with
    (documents done, all).
    """
    try:
        for done, _ in enumerate(store.put_all(beir.documents()), start=1):
            if progress:
                progress(done, beir.size)
    finally:
        # Also when interrupted: what was committed should be found.
        store.sync()
    held = store.catalogue.counts()[0]
    if held != beir.size:
        raise InputError(
            f"the store {store.location} holds {held - beir.size} documents that are not in {beir.corpus}; "
            "measure a BEIR folder in a store of its own"
        )


def evaluate_beir(
    engine: Engine, beir: BeirSet, *, passages: int = 100, progress: Callable[[int, int], None] | None = None
) -> BeirScores:
    """Ask a store that holds the set (see `index_beir`) every judged query, and score the ranking of its documents.

    A document stands at the rank of its best passage among the `passages` retrieved, by the same search that answers
    questions. A query that retrieves nothing counts as 0. The measures are those of ir_measures (MacAvaney, Macdonald
    and Ounis, ECIR 2022): Success@k as HitRate@k, RR@10 as MRR@10, and nDCG@10 with linear gain, as trec_eval.
    """
    import ir_measures

    run: dict[str, dict[str, float]] = {}
    queries = iter(beir.queries.items())
    while batch := list(islice(queries, BATCH)):
        found = engine.retrieve([Asked(Question(question=text, passages=passages)) for _, text in batch])
        for (query, _), retrieved in zip(batch, found, strict=True):
            ranked = dict.fromkeys(entry.passage.document_id for entry in retrieved.passages)
            run[query] = {own: -float(rank) for rank, own in enumerate(ranked)}
        if progress:
            progress(len(run), len(beir.queries))
    grades = {
        query: {document_id(document_uri(own)): grade for own, grade in graded.items()}
        for query, graded in beir.grades.items()
    }
    names: dict[Any, str] = {ir_measures.Success @ k: f"HitRate@{k}" for k in HIT_RATE_AT}
    names |= {ir_measures.RR @ RANKED_TO: f"MRR@{RANKED_TO}", ir_measures.nDCG @ RANKED_TO: f"nDCG@{RANKED_TO}"}
    totals = dict.fromkeys(names.values(), 0.0)
    for score in ir_measures.iter_calc(list(names), grades, run):
        totals[names[score.measure]] += score.value
    return BeirScores(
        name=beir.name,
        split=beir.split,
        documents=beir.size,
        queries=len(beir.queries),
        passages=passages,
        measures={name: total / len(beir.queries) for name, total in totals.items()},
    )


def _find(folder: Path, name: str) -> Path:
    for suffix in (".jsonl", ".jsonl.gz"):
        if (folder / f"{name}{suffix}").exists():
            return folder / f"{name}{suffix}"
    raise InputError(f"{folder}: has no {name}.jsonl or {name}.jsonl.gz")


def _choose_split(folder: Path, split: str | None) -> tuple[str, Path]:
    splits: dict[str, Path] = {}
    for file in sorted([*(folder / "qrels").glob("*.tsv*"), *folder.glob("qrels*.tsv*")]):
        if file.name.endswith((".tsv", ".tsv.gz")):
            name = file.name.partition(".tsv")[0].removeprefix("qrels").lstrip("_-.") or "all"
            if name in splits:
                raise InputError(f"{folder}: the split {name!r} stands in {splits[name].name} and in {file.name}")
            splits[name] = file
    if not splits:
        raise InputError(f"{folder}: has no judgements: no qrels/SPLIT.tsv and no qrels_SPLIT.tsv, plain or .gz")
    chosen = split or (next(iter(splits)) if len(splits) == 1 else "test")
    if chosen not in splits:
        which = f"no split {split!r}" if split else "several splits, none of them 'test'"
        raise InputError(f"{folder}: has {which}; name one with --split: {', '.join(splits)}")
    return chosen, splits[chosen]


def _entries(file: Path, model: type[_AnyEntry], limit: int) -> Iterator[_AnyEntry]:
    seen: set[str] = set()
    for number, line in lines(file, limit):
        if isinstance(line, PlacedError):
            raise line
        entry = validated(file, f"line {number}", model, json_object(file, line, number))
        if entry.id in seen:
            raise PlacedError(file, f"line {number}", f"_id: {shown(entry.id)} occurs twice")
        seen.add(entry.id)
        yield entry
    if not seen:
        raise InputError(f"{file}: is empty")


def _read_judgements(
    file: Path, texts: dict[str, str], asked: Path
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """The grades by query and document, and the line at which each document is first named."""
    grades: dict[str, dict[str, int]] = {}
    places: dict[str, int] = {}
    header = True
    for number, line in lines(file, MAX_GOLD_BYTES):
        if isinstance(line, PlacedError):
            raise line
        place, columns = f"line {number}", [column.strip() for column in line.split("\t")]
        if header:
            if tuple(columns) != _HEADER:
                raise PlacedError(file, place, f"should be the header {', '.join(_HEADER)}, separated by tabs")
            header = False
            continue
        if len(columns) != len(_HEADER):
            raise PlacedError(file, place, f"has {len(columns)} columns, not {len(_HEADER)}: {', '.join(_HEADER)}")
        query, own, score = columns
        if query not in texts:
            raise PlacedError(file, place, f"query-id: {shown(query)} is not in {asked.name}")
        if not _GRADE.fullmatch(score):
            raise PlacedError(file, place, f"score: should be an integer of at most 4 digits, is {shown(score)}")
        if grades.setdefault(query, {}).setdefault(own, int(score)) != int(score):
            raise PlacedError(file, place, f"score: {shown(query)} and {shown(own)} were judged otherwise before")
        places.setdefault(own, number)
    if not grades:
        raise InputError(f"{file}: holds no judgement")
    return grades, places
