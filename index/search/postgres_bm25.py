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
from index.text.words import words

# As tantivy's, so that both kinds of store rank alike.
K1, B = 1.2, 0.75
# Passages are scored that hold one of the rarer words of a question: as many words as hold no more passages than these
# together, and the rarest in any case.
SCORED_PASSAGES = 20_000
# What a tsvector keeps of one word, and of all: https://www.postgresql.org/docs/current/textsearch-limitations.html
_MOST_POSITIONS = 255
_LAST_POSITION = 16_383
_IN_TEXT, _IN_CONTEXT = "D", "A"

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS lexical_passages (
        id BIGINT PRIMARY KEY,
        document_id TEXT COLLATE "C" NOT NULL,
        collection TEXT COLLATE "C" NOT NULL,
        words TSVECTOR NOT NULL,
        text_length INTEGER NOT NULL,
        context_length INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS lexical_passages_words ON lexical_passages USING gin (words)",
    "CREATE INDEX IF NOT EXISTS lexical_passages_document ON lexical_passages (document_id)",
    """
    CREATE TABLE IF NOT EXISTS lexical_words (
        word TEXT COLLATE "C" PRIMARY KEY,
        in_text BIGINT NOT NULL,
        in_context BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS lexical_state (
        one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
        generation BIGINT NOT NULL DEFAULT 0,
        passages BIGINT NOT NULL DEFAULT 0,
        text_length BIGINT NOT NULL DEFAULT 0,
        context_length BIGINT NOT NULL DEFAULT 0
    )
    """,
    "INSERT INTO lexical_state DEFAULT VALUES ON CONFLICT DO NOTHING",
)

_INSERT = """
    INSERT INTO lexical_passages (id, document_id, collection, words, text_length, context_length)
    VALUES (:id, :document_id, :collection, cast(:words AS tsvector), :text_length, :context_length)
"""
# How often each word stands in passages, as a sign for how their counts change: 1 when added, -1 when removed.
_COUNT_WORDS = """
    INSERT INTO lexical_words AS known (word, in_text, in_context)
    SELECT lexeme, cast(:sign AS integer) * count(*) FILTER (WHERE 'D' = ANY (weights)),
        cast(:sign AS integer) * count(*) FILTER (WHERE 'A' = ANY (weights))
    FROM lexical_passages, unnest(words)
    WHERE id = ANY (cast(:ids AS bigint[]))
    GROUP BY lexeme
    ON CONFLICT (word) DO UPDATE SET
        in_text = known.in_text + excluded.in_text, in_context = known.in_context + excluded.in_context
"""
_COUNT_PASSAGES = """
    UPDATE lexical_state SET
        passages = lexical_state.passages + cast(:sign AS integer) * changed.passages,
        text_length = lexical_state.text_length + cast(:sign AS integer) * changed.text_length,
        context_length = lexical_state.context_length + cast(:sign AS integer) * changed.context_length
    FROM (
        SELECT count(*) AS passages, coalesce(sum(text_length), 0) AS text_length,
            coalesce(sum(context_length), 0) AS context_length
        FROM lexical_passages WHERE id = ANY (cast(:ids AS bigint[]))
    ) AS changed
"""
# Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", for each of two fields.
_BEST = """
    SELECT id, sum(
        text_weight * in_text * (:k1 + 1) / (in_text + :k1 * (1 - :b + :b * text_length / :text_mean))
        + context_weight * in_context * (:k1 + 1)
            / (in_context + :k1 * (1 - :b + :b * context_length / :context_mean))
    ) AS score
    FROM (
        SELECT id, lexeme, text_length, context_length,
            cardinality(array_positions(weights, 'D')) AS in_text,
            cardinality(array_positions(weights, 'A')) AS in_context
        FROM lexical_passages, unnest(words)
        WHERE words @@ cast(:rarer AS tsquery) AND lexeme = ANY (:asked) {within}
    ) AS held
    JOIN unnest(cast(:asked AS text[]), cast(:text_weights AS float8[]), cast(:context_weights AS float8[]))
        AS asked (word, text_weight, context_weight) ON asked.word = held.lexeme
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
            self._generation = int(connection.scalar(text("SELECT generation FROM lexical_state")) or 0)

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
        self._write("DELETE FROM lexical_passages WHERE id = ANY (cast(:ids AS bigint[]))", {"ids": ids})

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
                row.word: (int(row.in_text), int(row.in_context))
                for row in connection.execute(
                    text("SELECT word, in_text, in_context FROM lexical_words WHERE word = ANY (:asked)"),
                    {"asked": asked},
                )
                if row.in_text + row.in_context > 0
            }
            state = connection.execute(text("SELECT * FROM lexical_state")).one()
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
                    "text_weights": [_weight(known[word][0], state.passages) for word in asked],
                    "context_weights": [_weight(known[word][1], state.passages) for word in asked],
                    "text_mean": max(1.0, state.text_length / state.passages),
                    "context_mean": max(1.0, state.context_length / state.passages),
                    "documents": list(documents or ()),
                    "collections": list(collections),
                    "k1": K1,
                    "b": B,
                    "k": k,
                },
            )
            return [(int(row.id), float(row.score)) for row in rows]

    def commit(self, generation: int) -> None:
        self._write("UPDATE lexical_state SET generation = :now", {"now": generation})
        self._changes.pop_all().close()
        self._generation = generation

    def drop(self) -> None:
        """Forget all of it."""
        with self._catalogue.connection(write=True) as connection:
            connection.execute(text("DROP TABLE lexical_passages, lexical_words, lexical_state"))

    def __len__(self) -> int:
        with self._catalogue.connection() as connection:
            return int(connection.scalar(text("SELECT passages FROM lexical_state")) or 0)

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


def _rarer(known: dict[str, tuple[int, int]]) -> list[str]:
    by_frequency = sorted(known, key=lambda word: sum(known[word]))
    chosen: list[str] = []
    held = 0
    for word in by_frequency:
        held += sum(known[word])
        if chosen and held > SCORED_PASSAGES:
            break
        chosen.append(word)
    return chosen


def _weight(held_by: int, passages: int) -> float:
    """The inverse document frequency of Robertson and Zaragoza (2009) that is never negative, as tantivy has it."""
    return math.log(1 + (passages - held_by + 0.5) / (held_by + 0.5))


def _row(passage: StoredPassage) -> dict[str, object]:
    in_text, in_context = words(passage.text), words(passage.context)
    # Only their number counts: positions 1, 2, ... of each word, told apart by the field.
    entries = []
    for weight, words_there in ((_IN_TEXT, in_text), (_IN_CONTEXT, in_context)):
        for word, count in Counter(words_there).items():
            first = 1 if weight == _IN_TEXT else _LAST_POSITION // 2
            positions = range(first, first + min(count, _MOST_POSITIONS // 2))
            entries.append(f"'{word}':" + ",".join(f"{position}{weight}" for position in positions))
    return {
        "id": passage.id,
        "document_id": passage.document_id,
        "collection": passage.collection,
        "words": " ".join(entries),
        "text_length": len(in_text),
        "context_length": len(in_context),
    }
