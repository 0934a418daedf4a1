"""Lexical search (BM25): the protocol and the tantivy backend, derived from the catalogue."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import tantivy

from index.checksums import checksum
from index.documents import StoredPassage
from index.errors import StoreError
from index.vectors import Hit
from index.words import analyzer, encodable, words

WRITER_HEAP_BYTES = 50_000_000
_ANALYZER = "spanqa_en"
_SCHEMA_MARK = "2"
_MARK_FILE = "spanqa-generation"


class LexicalIndex(Protocol):
    """Passage words by passage id. `generation` is the catalogue's that it was brought up to."""

    generation: int

    def add(self, passages: Sequence[StoredPassage]) -> None:
        """Add passages; an id that is already there is replaced."""
        ...

    def remove(self, ids: list[int]) -> None: ...

    def search(self, question: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        """At most `k` (id, BM25 score), best first; only passages of `documents` where given."""
        ...

    def commit(self, generation: int) -> None: ...

    def __len__(self) -> int: ...


class TantivyLexicalIndex:
    """BM25 by tantivy over stemmed English words, in a folder, or in memory where `folder` is None.

    A file beside the index names the generation and a checksum, without which a damaged index would crash the process
    when it is searched. It is written after the commit: a crash in between leaves a checksum that does not fit, and
    the index is filled anew.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.generation = 0
        self._index = self._open(folder)
        self._index.register_tokenizer(_ANALYZER, analyzer())
        self._writer: tantivy.IndexWriter | None = None

    def add(self, passages: Sequence[StoredPassage]) -> None:
        writer = self._writing()
        for passage in passages:
            writer.delete_documents_by_query(self._by_id(passage.id))
            document = tantivy.Document()
            document.add_unsigned("id", passage.id)
            document.add_text("document", passage.document_id)
            document.add_text("text", encodable(passage.text))
            document.add_text("context", encodable(passage.context))
            writer.add_document(document)

    def remove(self, ids: list[int]) -> None:
        writer = self._writing() if ids else None
        for passage_id in ids:
            assert writer is not None
            writer.delete_documents_by_query(self._by_id(passage_id))

    def search(self, question: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        if k <= 0:
            return []
        schema = self._index.schema
        asked = dict.fromkeys(words(question))
        should = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, field, word))
            for word in asked
            for field in ("text", "context")
        ]
        if not should:
            return []
        query = tantivy.Query.boolean_query(should)
        if documents is not None:
            among = tantivy.Query.term_set_query(schema, "document", list(documents))
            query = tantivy.Query.boolean_query(
                [(tantivy.Occur.Must, query), (tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0))]
            )
        searcher = self._index.searcher()
        hits = searcher.search(query, limit=k, count=False).hits
        return [(_id_of(searcher.doc(address)), float(score)) for score, address in hits]

    def commit(self, generation: int) -> None:
        try:
            if self._writer is not None:
                self._writer.commit()
                # Dropping the writer gives its lock back, so that another process can catch up later.
                self._writer.wait_merging_threads()
                self._writer = None
                self._index.reload()
            self.generation = generation
            if self._folder is not None:
                beside = self._mark.with_suffix(".tmp")
                beside.write_text(
                    f"{_SCHEMA_MARK} {generation} {_checksum(self._folder, generation)}", encoding="ascii"
                )
                os.replace(beside, self._mark)
        except (OSError, ValueError) as error:
            raise StoreError(f"the lexical index in {self._folder} cannot be written: {error}") from error

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    @property
    def _mark(self) -> Path:
        assert self._folder is not None
        return self._folder / _MARK_FILE

    def _by_id(self, passage_id: int) -> tantivy.Query:
        # Deleting by term leaves entries of an unsigned field where they are; deleting by query finds them.
        return tantivy.Query.term_query(self._index.schema, "id", passage_id)

    def _writing(self) -> tantivy.IndexWriter:
        if self._writer is None:
            try:
                self._writer = self._index.writer(heap_size=WRITER_HEAP_BYTES, num_threads=1)
            except ValueError as error:
                raise StoreError(f"the lexical index in {self._folder} cannot be written: {error}") from error
        return self._writer

    def _open(self, folder: Path | None) -> tantivy.Index:
        if folder is None:
            return tantivy.Index(_schema())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mark = folder / _MARK_FILE
            stamp = mark.read_bytes() if mark.is_file() else b""
            whole = re.fullmatch(rb"(\S+) (\d{1,18}) ([0-9a-f]{8})", stamp)
            # A damaged index is no loss: at generation 0 it is filled from the catalogue.
            if whole and whole.group(1).decode("ascii", "replace") == _SCHEMA_MARK:
                try:
                    if whole.group(3).decode("ascii") == _checksum(folder, int(whole.group(2))):
                        index = tantivy.Index.open(str(folder))
                        self.generation = int(whole.group(2))
                        return index
                except ValueError:
                    self.generation = 0
            # Out of the way first: whoever still has the old one open may write into it while it goes.
            aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-old-", dir=folder.parent))
            folder.rename(aside / folder.name)
            shutil.rmtree(aside, ignore_errors=True)
            folder.mkdir()
            return tantivy.Index(_schema(), path=str(folder))
        except OSError as error:
            raise StoreError(f"the lexical index in {folder} cannot be opened: {error}") from error


def _checksum(folder: Path, generation: int) -> str:
    """Of the generation, the index's description and every file of its segments.

    Raises ValueError where the description is damaged.
    """
    description = folder / "meta.json"
    if not description.is_file():
        return ""
    try:
        names = {
            str(segment["segment_id"]).replace("-", "") for segment in json.loads(description.read_bytes())["segments"]
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"{description} does not describe an index") from error
    files = [path for path in folder.iterdir() if path.is_file() and path.name.split(".")[0] in names]
    return checksum([description, *files], generation)


def _id_of(document: tantivy.Document) -> int:
    value = document.get_first("id")
    if not isinstance(value, int):
        raise StoreError("the lexical index holds an entry without an id; delete the store's 'derived' folder")
    return value


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", stored=True, indexed=True)
    builder.add_text_field("document", stored=False, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("text", stored=False, tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_text_field("context", stored=False, tokenizer_name=_ANALYZER, index_option="freq")
    schema: tantivy.Schema = builder.build()
    return schema
