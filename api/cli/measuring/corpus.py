"""The texts of an open-domain evaluation: the paragraphs of its gold set, and articles beside them, in a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.errors import UsageError
from api.cli.progress import progress_bar
from index.errors import InputError
from index.store.store import Store

if TYPE_CHECKING:
    from eval.gold.questions import GoldQuestion

CorpusOption = Annotated[
    Path | None,
    typer.Option(help="Open domain: index the gold paragraphs and these articles (JSONL of title and text)."),
]


def index_corpus(store: Store, gold: list[GoldQuestion], corpus: Path) -> None:
    """Bring a store up to the paragraphs of a gold set and the articles; what is already there costs little.

    Raises InputError for a store that holds anything else: it would be searched as well, and be filled with these.
    """
    from eval.gold.corpus import article_documents, check_holds_nothing_else, gold_documents

    paragraphs = list(gold_documents(gold))
    articles = list(article_documents(corpus))
    check_holds_nothing_else(store, [*paragraphs, *articles])
    with progress_bar("indexing the corpus", len(paragraphs) + len(articles)) as advance:
        for done, _ in enumerate(store.put_all([*paragraphs, *articles]), start=1):
            advance(done, len(paragraphs) + len(articles))
    store.sync()


def require_named_store(context: typer.Context) -> None:
    """Raise UsageError where --corpus would fill the store of everyday use."""
    origin = context.get_parameter_source("store")
    if origin is not None and origin.name == "DEFAULT":
        raise UsageError("--corpus fills a store with test articles: name one for them by --store or QA_STORE")


def require_corpus(corpus: Path) -> None:
    """Raise InputError where the corpus is not there, before a store is made for it."""
    if not corpus.is_file():
        raise InputError(f"{corpus}: no such file")
