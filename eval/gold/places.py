"""Where the answers of gold questions stand in a store."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import quote

from eval.gold.corpus import context_uri
from eval.gold.questions import GoldQuestion
from eval.measures.basic import overlaps
from eval.results import GoldPlace
from index.disk.paths import own_path, real_path
from index.documents import Document, DocumentRecord, StoredPassage, document_id
from index.loading.files import PART_MARK
from index.store.store import Store

# Documents kept at hand, texts and passages: enough for the citations of a batch, a bound for a large store.
KEPT = 64
SEARCHED = 50
_CHARACTER = re.compile(r"\r\n|.", re.DOTALL)


def source_of(gold: GoldQuestion) -> str | None:
    """What a gold question belongs to: its document as the gold file names it, or its paragraph."""
    return gold.document or (context_uri(gold.context) if gold.context else None)


def named_uris(folder: Path, name: str) -> list[str]:
    """The URIs that a gold file in `folder` may mean by a document's name: that of a file by its path from there, and,
    for a name like `mail.zip!/note.txt`, that of a part of an archive or message."""

    def uris(path: str) -> list[str]:
        # What the gold file calls by a link may have been indexed under its real name.
        absolute = own_path(folder / path)
        return list(dict.fromkeys([absolute.as_uri(), real_path(absolute).as_uri()]))

    file, *parts = name.split(PART_MARK)
    names = "".join(f"{PART_MARK}{quote(part)}" for part in parts)
    return [*uris(name), *(f"{uri}{names}" for uri in uris(file) if parts)]


def file_name_in_uri(name: str) -> str:
    """The last part of a document's name in a gold file, as a URI has it: a space is %20 there."""
    return Path("/", name.rsplit(PART_MARK, maxsplit=1)[-1]).as_uri().rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Located:
    """The stored document of a gold question. `offsets` are the places in its text of the characters that the gold's
    offsets count, and of their end; None where it is the same text."""

    document: str
    offsets: Sequence[int] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        if self.offsets is None:
            return start, end
        last = len(self.offsets) - 1
        return self.offsets[min(start, last)], self.offsets[min(end, last)]


def _places_of(context: str, text: str) -> Sequence[int] | None:
    """Where each character of a context stands in a text that has it, and where it ends; line ends may differ, and
    white space around the context. None where the text does not have it."""
    at = text.find(context)
    if at >= 0:
        return range(at, at + len(context) + 1)
    seen, counted = _with_line_feeds(context)
    whole, places = _with_line_feeds(text)
    words = seen.strip()
    at = whole.find(words) if words else -1
    if at < 0:
        return None
    first = at - (len(seen) - len(seen.lstrip()))
    # `counted` leads from a line feed to its place in the context; of a place in it, the way back is needed.
    offsets = [0] * (len(context) + 1)
    for number, (begin, end) in enumerate(itertools.pairwise(counted)):
        offsets[begin:end] = [places[max(0, min(first + number, len(whole)))]] * (end - begin)
    offsets[-1] = places[max(0, min(first + len(seen), len(whole)))]
    return offsets


def _with_line_feeds(text: str) -> tuple[str, list[int]]:
    """A text with every line end as a line feed, and the place in the text of each of its characters and of its end."""
    pieces = [
        (match.start(), "\n" if match.group() == "\r\n" else match.group()) for match in _CHARACTER.finditer(text)
    ]
    seen = "".join("\n" if piece == "\r" else piece for _, piece in pieces)
    return seen, [*(at for at, _ in pieces), len(text)]


def _same(standing: str, words: str) -> bool:
    return standing == words or _with_line_feeds(standing)[0] == _with_line_feeds(words)[0]


class StorePlaces:
    """Looks gold documents and paragraphs up in a store.

    A document is found by its path beside the gold file (see `named_uris`), or by its file name where only one has it;
    a paragraph as a document of its own, or within a stored document that contains it word for word, whatever its line
    ends are.
    """

    def __init__(self, store: Store, gold_file: Path) -> None:
        self.store = store
        self._folder = own_path(gold_file).parent
        self._known: dict[str, _Located | None] = {}
        self.document = lru_cache(maxsize=KEPT)(self._document)
        self.passages = lru_cache(maxsize=KEPT)(self._passages)

    def place(self, gold: GoldQuestion) -> GoldPlace | None:
        """The gold question's document in the store and what of it answers; None where it is not there.

        A span whose words are not those of the stored text belongs to another version and is left out.
        """
        located = self._locate(gold)
        document = self.document(located.document) if located else None
        if located is None or document is None:
            return None
        spans = [
            place
            for answer in gold.answers
            if answer.start is not None
            and answer.end is not None
            and _same(document.text[slice(*(place := located.place(answer.start, answer.end)))], answer.text)
        ]
        overlapping = [(p.start, p.end) for p in self.passages(document.id) if overlaps(p.start, p.end, spans)]
        return GoldPlace(
            document=document.id, uri=document.uri, spans=tuple(dict.fromkeys(spans)), passages=tuple(overlapping)
        )

    def occurrences(self, gold: GoldQuestion) -> list[tuple[str, int, int]]:
        """Where the words of an answer stand, as (document id, start, end), for gold without offsets.

        In its own document, where the gold names one that is stored; else in the passages that a search for question
        and answer finds; else in the first document that has them at all. Case and white space may differ.
        """
        texts = sorted({answer.text for answer in gold.answers}, key=lambda text: (-len(text), text))
        words = "|".join(r"\s+".join(re.escape(word) for word in text.split()) for text in texts if text.strip())
        if not words:
            return []
        pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
        located = self._locate(gold)
        if located is not None:
            return self._matches(pattern, located.document)
        if gold.document is not None or gold.context is not None:
            return []
        for answer in texts:
            near = self._search(f"{gold.question} {answer}")
            places = [
                (p.document_id, p.start + match.start(), p.start + match.end())
                for p in near
                for match in pattern.finditer(p.text)
            ]
            if places:
                return places
        for record in self._records:
            if places := self._matches(pattern, record.id):
                return places
        return []

    def holds(self, context: str) -> bool:
        """Whether a paragraph is a stored document, or stands in one."""
        return self._paragraph(context) is not None

    def _locate(self, gold: GoldQuestion) -> _Located | None:
        key = source_of(gold)
        if key is None:
            return None
        if key not in self._known:
            if gold.document is not None:
                named = self._named(gold.document)
                self._known[key] = _Located(named) if named else None
            else:
                self._known[key] = self._paragraph(gold.context or "")
        return self._known[key]

    def _named(self, name: str) -> str | None:
        uris = named_uris(self._folder, name)
        for named_id in map(document_id, uris):
            if self.store.catalogue.version_of(named_id) is not None:
                return named_id
        named = self._by_file_name.get(file_name_in_uri(name), [])
        return named[0] if len(named) == 1 else None

    def _paragraph(self, context: str) -> _Located | None:
        paragraph_id = document_id(context_uri(context))
        if self.store.catalogue.version_of(paragraph_id) is not None:
            return _Located(paragraph_id)
        for owner in dict.fromkeys(passage.document_id for passage in self._search(context)):
            document = self.document(owner)
            offsets = _places_of(context, document.text) if document else None
            if offsets is not None:
                return _Located(owner, offsets)
        return None

    def _search(self, text: str) -> list[StoredPassage]:
        """Stored passages that resemble a text, best first by words, then by meaning."""
        if self.store.catalogue.counts()[0] == 0:
            return []
        result = self.store.search(text, self.store.embedder.embed([text])[0], SEARCHED)
        ids = list(dict.fromkeys([number for number, _ in (*result.lexical, *result.dense)]))
        stored = self.store.catalogue.snapshot(ids).passages
        return [stored[number] for number in ids if number in stored]

    def _matches(self, pattern: re.Pattern[str], owner: str) -> list[tuple[str, int, int]]:
        document = self.document(owner)
        return [(owner, m.start(), m.end()) for m in pattern.finditer(document.text)] if document else []

    def _document(self, owner: str) -> Document | None:
        return self.store.catalogue.document(owner)

    def _passages(self, owner: str) -> Sequence[StoredPassage]:
        catalogue = self.store.catalogue
        stored = catalogue.snapshot(catalogue.passage_ids([owner]).tolist()).passages.values()
        return sorted(stored, key=lambda passage: (passage.start, passage.end))

    @cached_property
    def _records(self) -> list[DocumentRecord]:
        return self.store.catalogue.records()

    @cached_property
    def _by_file_name(self) -> dict[str, list[str]]:
        named: dict[str, list[str]] = {}
        for record in self._records:
            named.setdefault(record.uri.rsplit("/", 1)[-1], []).append(record.id)
        return named
