"""The store that is damaged: made documents with all that may be known of one, and what is right about them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.bench.kills.material import CUT, NAMES, CodeReader, HashingEmbedder, ask_for, make_document, sections
from index.catalogue.sqlite import CATALOGUE_FILE
from index.documents import Document, DocumentRecord, Heading, Page, Row, Source
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.types import MAX_PASSAGES, Filters, Question, Response

DOCUMENTS = 8
_ASKED = 6
_COLLECTION = "plans"
_TABLES = ("settings", "documents", "document_tags", "sources", "passages", "removals")


@dataclass(frozen=True, slots=True)
class Answered:
    """What is right about a response: each answer with its document's hash and its place."""

    status: str
    answers: tuple[tuple[str, str, int, int], ...]

    @classmethod
    def of(cls, response: Response) -> Answered:
        """The same of a response."""
        places = [(one.text, one.citation) for one in response.answers]
        return cls(response.status, tuple((text, at.document.sha256, at.start, at.end) for text, at in places))


@dataclass(frozen=True, slots=True)
class Held:
    """All that a catalogue says of what it holds."""

    settings: dict[str, str]
    records: list[DocumentRecord]
    documents: dict[str, Document]
    entries: str
    sources: list[dict[str, Source]]


@dataclass(frozen=True, slots=True)
class Right:
    """What an undamaged store holds and answers. `words` stand in its documents and nowhere else."""

    rows: dict[str, list[Any]]
    held: Held
    answers: dict[str, Answered]
    questions: dict[str, Question] = field(repr=False)
    words: frozenset[str] = field(repr=False)


def open_damaged(folder: Path, *, create: bool = False) -> Store:
    """The store in a folder."""
    return Store(folder, HashingEmbedder(), cut=CUT, create=create)


def ask(store: Store, question: Question) -> Answered:
    """What the store answers."""
    return Answered.of(Engine(store, CodeReader(), load_calibration()).ask(question))


def make_store(folder: Path, seed: int) -> Right:
    """Make the store, its log of changes taken in and its search indexes brought up; what is right about it."""
    store = open_damaged(folder, create=True)
    made = [_document(name, seed, number) for number, name in enumerate(NAMES[:DOCUMENTS])]
    list(store.put_all([*made, make_document(NAMES[DOCUMENTS], seed, 0)]))
    store.remove(make_document(NAMES[DOCUMENTS], seed, 0).id)
    for collection in ("default", _COLLECTION):
        sources = {
            Source(one.source or "", f"{number:064x}", f"{number}-1", "1"): [one.id]
            for number, one in enumerate(made)
            if one.collection == collection
        }
        store.catalogue.keep_sources(collection, sources)
    # Read by nobody here: the question is whether a change of it is noticed.
    store.catalogue.set_settings({"note": "kept with the store"})
    store.sync()
    questions = _questions(made, seed)
    right = Right(
        rows={},
        held=held(store),
        answers={name: ask(store, question) for name, question in questions.items()},
        questions=questions,
        words=frozenset(word for one in made for word in one.text.split() if word.startswith(f"r{seed}x")),
    )
    store.close()
    right.rows.update(dump(folder / CATALOGUE_FILE) or {})
    return right


def held(store: Store) -> Held:
    """All that the store's catalogue says of what it holds."""
    from index.catalogue.copying import contents_sha256

    catalogue = store.catalogue
    records = catalogue.records()
    return Held(
        settings=catalogue.settings(),
        records=records,
        documents=catalogue.documents([record.id for record in records]),
        entries=contents_sha256(catalogue),
        sources=[catalogue.sources(one) for one in ("default", _COLLECTION)],
    )


def dump(file: Path) -> dict[str, list[Any]] | None:
    """Every row of every table, read past the product, as bytes; None where that cannot be done."""
    with (
        suppress(sqlite3.Error, UnicodeDecodeError),
        closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as database,
    ):
        database.text_factory = bytes
        return {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for table in _TABLES}
    return None


def _document(name: str, seed: int, number: int) -> Document:
    made = make_document(name, seed, number)
    half = len(made.text) // 2
    return made.model_copy(
        update={
            "collection": _COLLECTION if number % 4 == 3 else "default",
            "source": f"file:///made/{name}.txt",
            "source_sha256": f"{number:064x}",
            "date": f"20{10 + number}-05",
            "author": f"Author of {name}",
            "language": "en",
            "pages": (Page(number=1, start=0, end=half), Page(number=2, start=half, end=len(made.text))),
            "outline": (Heading(level=1, title=name, start=0),),
            "rows": (Row(number=1, start=0, end=4),) if number % 2 else (),
        }
    )


def _questions(made: list[Document], seed: int) -> dict[str, Question]:
    """Questions about some documents, with and without filters, each of which has an answer."""
    draw = random.Random(seed)
    asked = {}
    for one in draw.sample(made, _ASKED):
        name = one.title
        text = ask_for(name, draw.choice(sections(name, seed)))
        for kind, filters in (
            ("", Filters()),
            ("tag", Filters(tags=one.tags)),
        ):
            asked[f"{text} {kind}"] = Question(question=text, threshold=0.0, passages=MAX_PASSAGES, filters=filters)
    return asked
