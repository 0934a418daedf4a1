"""BM25 in PostgreSQL, for servers that search vectors only: full-text vectors of our own words, and their counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from sqlalchemy import Connection, text

from index.catalogue.postgres import PostgresCatalogue
from index.documents import StoredPassage
from index.search.protocol import Hit
from index.text.passages import searched_text
from index.text.words import words

# As tantivy's, so that both kinds of store rank alike.
K1, B = 1.2, 0.75
# Passages are scored that hold one of the rarer words of a question: as many words as hold no more passages than these
# together, and the rarest in any case.
SCORED_PASSAGES = 20_000
# What a tsvector keeps of one word, and of all: https://www.postgresql.org/docs/current/textsearch-limitations.html
_MOST_POSITIONS = 255

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS bm25_passages (
        id BIGINT PRIMARY KEY,
        document_id TEXT COLLATE "C" NOT NULL,
        collection TEXT COLLATE "C" NOT NULL,
        words TSVECTOR NOT NULL,
        length INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS bm25_passages_words ON bm25_passages USING gin (words)",
    "CREATE INDEX IF NOT EXISTS bm25_passages_document ON bm25_passages (document_id)",
    """
    CREATE TABLE IF NOT EXISTS bm25_words (
        word TEXT COLLATE "C" PRIMARY KEY,
        passages BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS bm25_state (
        one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
        generation BIGINT NOT NULL DEFAULT 0,
        passages BIGINT NOT NULL DEFAULT 0,
        length BIGINT NOT NULL DEFAULT 0
    )
    """,
    "INSERT INTO bm25_state DEFAULT VALUES ON CONFLICT DO NOTHING",
    # Before words and headings were one text, they were counted in these.
    "DROP TABLE IF EXISTS lexical_passages, lexical_words, lexical_state",
)

_INSERT = """
    INSERT INTO bm25_passages (id, document_id, collection, words, length)
    VALUES (:id, :document_id, :collection, cast(:words AS tsvector), :length)
"""
# How many passages hold each word, with a sign for how that changes: 1 when they are added, -1 when removed.
_COUNT_WORDS = """
    INSERT INTO bm25_words AS known (word, passages)
    SELECT lexeme, cast(:sign AS integer) * count(*)
    FROM bm25_passages, unnest(words)
    WHERE id = ANY (cast(:ids AS bigint[]))
    GROUP BY lexeme
    ON CONFLICT (word) DO UPDATE SET passages = known.passages + excluded.passages
"""
_COUNT_PASSAGES = """
    UPDATE bm25_state SET
        passages = bm25_state.passages + cast(:sign AS integer) * changed.passages,
        length = bm25_state.length + cast(:sign AS integer) * changed.length
    FROM (
        SELECT count(*) AS passages, coalesce(sum(length), 0) AS length
        FROM bm25_passages WHERE id = ANY (cast(:ids AS bigint[]))
    ) AS changed
"""
# Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond".
_BEST = """
    SELECT id, sum(weight * repeats * (:k1 + 1) / (repeats + :k1 * (1 - :b + :b * length / :mean))) AS score
    FROM (
        SELECT id, lexeme, length, cardinality(positions) AS repeats
        FROM bm25_passages, unnest(words)
        WHERE words @@ cast(:rarer AS tsquery) AND lexeme = ANY (:asked) {within}
    ) AS held
    JOIN unnest(cast(:asked AS text[]), cast(:weights AS float8[])) AS asked (word, weight) ON asked.word = held.lexeme
    GROUP BY id
    ORDER BY score DESC, id
    LIMIT :k
"""


class PostgresLexicalIndex:
    """BM25 over stemmed English words, in tables beside the catalogue's.

    Changes stand in one transaction until `commit`: the generation and what it names appear together. One writer at a
    time is the caller's care.
    """

    def __init__(self, catalogue: PostgresCatalogue) -> None:
        self._catalogue = catalogue
        # The open transaction, if there is one: closing it commits.
        self._changes = ExitStack()
        self._connection: Connection | None = None
        with catalogue.connection(write=True) as connection:
            for statement in _TABLES:
                connection.execute(text(statement))
        self.refresh()

    @property
    def generation(self) -> int:
        return self._generation

    def refresh(self) -> None:
        """Learn how far other processes have brought it."""
        with self._catalogue.connection() as connection:
            self._generation = int(connection.scalar(text("SELECT generation FROM bm25_state")) or 0)

    def add(self, passages: Sequence[StoredPassage]) -> None:
        last = {passage.id: passage for passage in passages}
        if not last:
            return
        self.remove(list(last))
        rows = [_row(passage) for passage in last.values()]
        self._write(_INSERT, rows)
        self._count(list(last), sign=1)

    def remove(self, ids: list[int]) -> None:
        if not ids:
            return
        self._count(ids, sign=-1)
        self._write("DELETE FROM bm25_passages WHERE id = ANY (cast(:ids AS bigint[]))", {"ids": ids})

    def search(self, question: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        return self.search_in(question, k, documents, ())

    def search_in(
        self, question: str, k: int, documents: Sequence[str] | None, collections: Sequence[str]
    ) -> list[Hit]:
        """As `search`, in these documents (None: any) of these collections (none: any)."""
        asked = list(dict.fromkeys(words(question)))
        if k <= 0 or not asked:
            return []
        with self._catalogue.connection() as connection:
            known = {
                row.word: int(row.passages)
                for row in connection.execute(
                    text("SELECT word, passages FROM bm25_words WHERE word = ANY (:asked) AND passages > 0"),
                    {"asked": asked},
                )
            }
            state = connection.execute(text("SELECT * FROM bm25_state")).one()
            if not known or not state.passages:
                return []
            asked = list(known)
            within = "" if documents is None else "AND document_id = ANY (:documents)"
            within += " AND collection = ANY (:collections)" if collections else ""
            rows = connection.execute(
                text(_BEST.format(within=within)),
                {
                    "rarer": " | ".join(f"'{word}'" for word in _rarer(known)),
                    "asked": asked,
                    "weights": [_weight(known[word], state.passages) for word in asked],
                    "mean": max(1.0, state.length / state.passages),
                    "documents": list(documents or ()),
                    "collections": list(collections),
                    "k1": K1,
                    "b": B,
                    "k": k,
                },
            )
            return [(int(row.id), float(row.score)) for row in rows]

    def commit(self, generation: int) -> None:
        self._write("UPDATE bm25_state SET generation = :now", {"now": generation})
        self._changes.pop_all().close()
        self._generation = generation

    def drop(self) -> None:
        """Forget all of it."""
        with self._catalogue.connection(write=True) as connection:
            connection.execute(text("DROP TABLE bm25_passages, bm25_words, bm25_state"))

    def __len__(self) -> int:
        with self._catalogue.connection() as connection:
            return int(connection.scalar(text("SELECT passages FROM bm25_state")) or 0)

    def _write(self, statement: str, values: Any) -> None:
        with ExitStack() as undone_by_an_error:
            undone_by_an_error.push(self._changes.pop_all())
            if self._connection is None or self._connection.closed:
                self._connection = undone_by_an_error.enter_context(self._catalogue.connection(write=True))
            self._connection.execute(text(statement), values)
            self._changes = undone_by_an_error.pop_all()

    def _count(self, ids: list[int], *, sign: int) -> None:
        for statement in (_COUNT_WORDS, _COUNT_PASSAGES):
            self._write(statement, {"ids": ids, "sign": sign})


def _rarer(known: dict[str, int]) -> list[str]:
    by_frequency = sorted(known, key=lambda word: known[word])
    chosen: list[str] = []
    held = 0
    for word in by_frequency:
        held += known[word]
        if chosen and held > SCORED_PASSAGES:
            break
        chosen.append(word)
    return chosen


def _weight(held_by: int, passages: int) -> float:
    """The inverse document frequency of Robertson and Zaragoza (2009) that is never negative, as tantivy has it."""
    return math.log(1 + (passages - held_by + 0.5) / (held_by + 0.5))


def _row(passage: StoredPassage) -> dict[str, object]:
    searched = words(searched_text(passage.context, passage.text))
    # Only the number of a word's positions counts.
    entries = [
        f"'{word}':" + ",".join(map(str, range(1, 1 + min(count, _MOST_POSITIONS))))
        for word, count in Counter(searched).items()
    ]
    return {
        "id": passage.id,
        "document_id": passage.document_id,
        "collection": passage.collection,
        "words": " ".join(entries),
        "length": len(searched),
    }
