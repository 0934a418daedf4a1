"""Lexical search (BM25): the protocol and the tantivy backend, derived from the catalogue."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.disk.checksums import FileState, damaged, room_at, text_checksum, trusted, worth_noting
from index.disk.folders import clear_away
from index.disk.private import close_to_others, make_folder, write_to
from index.documents import StoredPassage
from index.errors import StoreError
from index.search.protocol import Hit
from index.text.passages import searched_text
from index.text.words import analyzer, encodable, words

# Words are kept in memory up to here before they are written as a segment of the index.
WRITER_HEAP_BYTES = 100_000_000
# From this many passages at once several threads pay: each writes segments of its own.
BULK = 1_000
MAX_THREADS = 4
_ANALYZER = "spanqa_en"
_SCHEMA_MARK = "4"
_MARK_FILE = "spanqa-generation"
_DESCRIPTION = "meta.json"
_OWN_FILE = re.compile(
    r"[0-9a-f]{32}(\.\d+)?\.[a-z]+|meta\.json|\.managed\.json|\.tantivy-(writer|meta)\.lock|\.tmp[A-Za-z0-9]{6}"
    r"|spanqa-generation(\.tmp)?"
)


class TantivyLexicalIndex:
    """BM25 by tantivy over stemmed English words, in a folder, or in memory where `folder` is None.

    A file beside the index, the mark, names the generation and every file of the index with its checksum, without
    which a damaged one would crash the process when it is searched. Files are written once: each is checked once, then
    known by its size, time of change and inode. The mark is written after the commit: a crash in between leaves
    one that does not fit, and the index is filled anew.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.generation = 0
        self._files: dict[str, FileState] = {}
        # The highest id ever added: what is above it cannot be there already.
        self._highest = -1
        self._index = self._open(folder)
        self._index.register_tokenizer(_ANALYZER, analyzer())
        # Not by itself: it would take in an empty index that another process is about to fill in the place of this one.
        self._index.config_reader(reload_policy="manual")
        self._writer: tantivy.IndexWriter | None = None

    def add(self, passages: Sequence[StoredPassage]) -> None:
        if not passages:
            return
        last = {passage.id: passage for passage in passages}
        with self._changing():
            writer = self._writing(bulk=len(passages) >= BULK)
            self._delete(writer, [number for number in last if number <= self._highest])
            for passage in last.values():
                document = tantivy.Document()
                document.add_unsigned("id", passage.id)
                document.add_text("document", passage.document_id)
                document.add_text("text", encodable(searched_text(passage.context, passage.text)))
                writer.add_document(document)
        self._highest = max(self._highest, *last)

    def remove(self, ids: list[int]) -> None:
        if ids:
            with self._changing():
                self._delete(self._writing(), ids)

    def search(self, question: str, k: int, documents: Sequence[str] | None = None) -> list[Hit]:
        if k <= 0:
            return []
        schema = self._index.schema
        should = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", word))
            for word in dict.fromkeys(words(question))
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
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        ranked = [(_whole(number), float(score)) for number, (score, _) in zip(ids, hits, strict=True)]
        # tantivy puts equal ones in the order of its segments, which moves with whatever else is written.
        return sorted(ranked, key=lambda hit: (-hit[1], hit[0]))

    def commit(self, generation: int) -> None:
        with self._changing():
            if self._writer is not None:
                self._writer.commit()
                # Dropping the writer gives its lock back, so that another process can catch up later.
                self._writer.wait_merging_threads()
                self._writer = None
                self._index.reload()
            self.generation = generation
            if self._folder is not None:
                # tantivy leaves its files' modes to the umask.
                close_to_others(path for path in self._folder.iterdir() if is_lexical_file(path.name))
                known = self._files
                names = _file_names(self._folder)
                # The description is written anew under its old name.
                self._files = {
                    name: known[name] if name in known and name != _DESCRIPTION else FileState.of(self._folder / name)
                    for name in names
                }
                self._write_mark(self._folder)

    def damage(self) -> list[Path]:
        """The committed files that no longer hold what was written, all of them read."""
        return damaged(self._folder, self._files) if self._folder is not None else []

    def ids(self) -> NDArray[np.int64]:
        """The ids of all passages, ascending."""
        searcher = self._index.searcher()
        count = int(searcher.num_docs)
        if not count:
            return np.empty(0, np.int64)
        hits = searcher.search(tantivy.Query.all_query(), limit=count, count=False).hits
        numbers = searcher.fast_field_values("id", [address for _, address in hits])
        return np.sort(np.array([_whole(number) for number in numbers], dtype=np.int64))

    def holds_removed(self) -> bool:
        """Whether words of removed passages may still be in its files: a segment keeps them until it is merged."""
        if self._folder is None or not (self._folder / _DESCRIPTION).is_file():
            return False
        segments = json.loads((self._folder / _DESCRIPTION).read_bytes())["segments"]
        return any(segment.get("deletes") for segment in segments)

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def _delete(self, writer: tantivy.IndexWriter, ids: Sequence[int]) -> None:
        # Deleting by term leaves entries of an unsigned field where they are; deleting by query finds them.
        if ids:
            writer.delete_documents_by_query(tantivy.Query.term_set_query(self._index.schema, "id", list(ids)))

    def _writing(self, *, bulk: bool = False) -> tantivy.IndexWriter:
        if self._writer is None:
            threads = min(MAX_THREADS, os.cpu_count() or 1) if bulk else 1
            self._writer = self._index.writer(heap_size=WRITER_HEAP_BYTES, num_threads=threads)
            # A writer that was killed may have left files under names that the next commit would take as well.
            self._writer.garbage_collect_files()
        return self._writer

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Turns failures to write into StoreError, and lets a writer go that failed: it would fail for ever."""
        try:
            yield
        except (OSError, ValueError) as error:
            self._writer = None
            free = "" if self._folder is None else f" ({room_at(self._folder)})"
            raise StoreError(f"the lexical index in {self._folder} cannot be written{free}: {error}") from error

    def _write_mark(self, folder: Path) -> None:
        mark = folder / _MARK_FILE
        content = json.dumps([_SCHEMA_MARK, self.generation, self._highest, self._files])
        beside = mark.with_suffix(".tmp")
        with write_to(beside) as file:
            file.write(f"{text_checksum(content)} {content}".encode("ascii"))
        os.replace(beside, mark)

    def _open(self, folder: Path | None) -> tantivy.Index:
        if folder is None:
            return tantivy.Index(_schema())
        try:
            make_folder(folder)
            mark = _read_mark(folder / _MARK_FILE)
            # A damaged index is no loss: at generation 0 it is filled from the catalogue.
            files = trusted(folder, mark.files) if mark is not None else None
            if mark is not None and files:
                with suppress(ValueError):
                    index = tantivy.Index.open(str(folder))
                    self.generation, self._highest, self._files = mark.generation, mark.highest, files
                    if worth_noting(mark.files, files):
                        # A store that may only be read is as good; it takes longer to open.
                        with suppress(OSError):
                            self._write_mark(folder)
                    return index
            clear_away(folder, is_lexical_file)
            make_folder(folder)
            return tantivy.Index(_schema(), path=str(folder))
        # tantivy's own failures to write are ValueErrors.
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the lexical index in {folder} cannot be opened ({room_at(folder.parent)}): {error}"
            ) from error


def is_lexical_file(name: str) -> bool:
    """Whether a file of this name is one that this index writes, or tantivy for it."""
    return _OWN_FILE.fullmatch(name) is not None


def _whole(number: int | float | None) -> int:
    if not isinstance(number, int):
        raise StoreError("the lexical index holds an entry without an id; make it anew: qa store repair")
    return number


class _Mark(NamedTuple):
    generation: int
    highest: int
    files: dict[str, FileState]


def _read_mark(path: Path) -> _Mark | None:
    """What the mark says; None where there is none, or it is damaged or of another schema."""
    if not path.is_file():
        return None
    stamp, _, content = path.read_bytes().decode("ascii", "replace").partition(" ")
    if stamp != text_checksum(content):
        return None
    schema, *rest = json.loads(content)
    if schema != _SCHEMA_MARK:
        return None
    generation, highest, files = rest
    return _Mark(generation, highest, {name: FileState(*state) for name, state in files.items()})


def _file_names(folder: Path) -> list[str]:
    """The index's description and every file of its segments.

    Raises ValueError where the description is damaged.
    """
    description = folder / _DESCRIPTION
    if not description.is_file():
        return []
    try:
        segments = {
            str(segment["segment_id"]).replace("-", "") for segment in json.loads(description.read_bytes())["segments"]
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"{description} does not describe an index") from error
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name.split(".")[0] in segments]
    return [_DESCRIPTION, *sorted(names)]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", stored=False, indexed=True, fast=True)
    builder.add_text_field("document", stored=False, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("text", stored=False, tokenizer_name=_ANALYZER, index_option="freq")
    schema: tantivy.Schema = builder.build()
    return schema
