"""Gold questions by article, and the documents that they are asked of."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from eval.gold.questions import GoldQuestion
from index.documents import Document
from index.errors import InputError
from index.store.store import Store

MAX_LINE = 50_000_000


def by_articles(gold: Sequence[GoldQuestion], articles: str | None) -> list[GoldQuestion]:
    """The questions of a slice `first:last` of the article titles in sorted order, as Python slices; None is all."""
    if articles is None:
        return list(gold)
    titles = sorted({question.title or "" for question in gold})
    try:
        first, last = (int(part) if part else None for part in articles.split(":"))
    except ValueError as error:
        raise InputError(f"--articles {articles}: expected a slice like 0:6, 6:11 or 11:") from error
    chosen = set(titles[first:last])
    if not chosen:
        raise InputError(f"--articles {articles}: there are {len(titles)} articles, none in that slice")
    return [question for question in gold if (question.title or "") in chosen]


def context_uri(context: str) -> str:
    """The URI under which a gold paragraph is stored: by its content, so that equal ones are one document."""
    return f"gold:{hashlib.sha256(context.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def gold_documents(gold: Sequence[GoldQuestion]) -> Iterator[Document]:
    """Every distinct paragraph of a gold set, as a plain-text document."""
    seen: set[str] = set()
    for question in gold:
        if question.context and question.context not in seen:
            seen.add(question.context)
            yield Document(
                uri=context_uri(question.context), title=question.title or "paragraph", text=question.context
            )


def article_documents(path: Path) -> Iterator[Document]:
    """The articles of a JSON-lines file of {title, text}, gzip'd or not; raises InputError with the line."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE), ""), start=1):
                try:
                    record = json.loads(line)
                    document = Document(
                        uri=f"article:{number}:{record['title']}", title=record["title"], text=record["text"]
                    )
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(f"{path}, line {number}: not an article of title and text ({error!r})") from error
                if document.text.strip():
                    yield document
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def check_holds_nothing_else(store: Store, documents: Sequence[Document]) -> None:
    """Raise InputError where a store holds documents beside these: questions would be asked of those, too."""
    gold_ids = {document.id for document in documents}
    others = [record.uri for record in store.catalogue.records() if record.id not in gold_ids]
    if others:
        raise InputError(
            f"the store {store.location} holds {len(others)} documents that are neither paragraphs of the gold set nor "
            f"articles of the corpus, as {others[0]}: name another --store for them"
        )


def check_holds_paragraphs(store: Store, gold: Sequence[GoldQuestion]) -> None:
    """Raise InputError where a store lacks paragraphs of a gold set: what is measured there says nothing of it."""
    paragraphs = [document.id for document in gold_documents(gold)]
    missing = len(paragraphs) - len(store.catalogue.documents(paragraphs))
    if missing:
        raise InputError(
            f"the store {store.location} lacks {missing} of the gold set's {len(paragraphs)} paragraphs: name the "
            "store that qa eval open or qa calibrate --corpus made of it, or give --corpus to index them"
        )
