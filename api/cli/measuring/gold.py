"""The commands about gold sets: `qa gold schema`, `check`, `draft` and `beir`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer
from rich.table import Table
from rich.text import Text

from api.cli.errors import UsageError
from api.cli.opening import open_engine, open_store
from api.cli.options import EmbedderOption, ForceOption, ReaderOption
from api.cli.progress import progress_bar
from api.terminal import Terminal, say, say_json, tell
from index.disk.outputs import DRAFT, Outputs
from index.documents import Document
from index.errors import InputError
from index.text.printable import printable

MAX_SHOWN = 50

gold = typer.Typer(
    help="Write, check and convert gold sets: questions with the answers that are right.", no_args_is_help=True
)


@gold.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of our gold files: of one line of a .jsonl file."""
    from eval.gold.questions import gold_schema

    say_json(json.dumps(gold_schema(), indent=2))


@gold.command("check")
def check(
    gold_file: Annotated[Path, typer.Argument(metavar="GOLD", help="A gold file in any format that qa eval reads.")],
    *,
    store: Annotated[str | None, typer.Option("--store", help="Look places up in the documents of this store.")] = None,
    documents: Annotated[
        Path | None, typer.Option("--documents", help="Look places up in the documents of this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON.")] = False,
) -> None:
    """Check a gold set: exit 0 when it can be trusted to score as it says, 1 when there are errors.

    Errors: lines that cannot be read, spans and answers that the text does not have, contradicting duplicates, drafts
    that nobody has reviewed. Warnings: answers that stand in their question, duplicates, what is no question, too few
    unanswerable questions, too few questions.
    """
    from eval.gold.checking import DocumentTexts, check_gold

    if store is not None and documents is not None:
        raise UsageError("give --store or --documents, not both")
    texts = None
    if store is not None:
        texts = DocumentTexts.of_store(gold_file, open_store(store))
    elif documents is not None:
        texts = DocumentTexts.of_paths(gold_file, [documents])
    with progress_bar("checking") as advance:
        report = check_gold(gold_file, texts, advance)
    if as_json:
        say_json(report.model_dump_json(indent=2))
    else:
        console = Terminal()
        for finding in report.findings[:MAX_SHOWN]:
            place = ", ".join(part for part in (finding.place, finding.id) if part)
            severity = (finding.severity, "red" if finding.severity == "error" else "yellow")
            where = (f"{printable(place)}: " if place else "", "dim")
            line = Text.assemble(severity, f" {finding.code}: ", where, printable(finding.message))
            console.print(line, soft_wrap=True)
        if len(report.findings) > MAX_SHOWN:
            console.print(f"and {len(report.findings) - MAX_SHOWN} more; see all with --json")
        say(
            f"{report.questions} questions, {report.answerable} answerable and {report.unanswerable} not; "
            f"{report.checked} answers looked up in their texts; {report.errors} errors, "
            f"{len(report.findings) - report.errors} warnings"
        )
    if report.errors:
        raise typer.Exit(1)


@gold.command("draft")
def draft(
    paths: Annotated[list[Path], typer.Argument(metavar="DOCS", help="Files and folders of documents.")],
    *,
    output: Annotated[Path | None, typer.Option(help="A new .jsonl file; standard output without it.")] = None,
    questions: Annotated[
        int, typer.Option("-n", "--questions", min=1, max=200, help="Answerable ones for each document, at most.")
    ] = 10,
    seed: Annotated[int, typer.Option(help="Another seed proposes other questions.")] = 13,
    reader: ReaderOption = None,
    embedder: EmbedderOption = None,
    force: ForceOption = False,
) -> None:
    """Propose questions from documents for you to edit: drafts, refused as gold until you have reviewed each.

    They are made of the documents' own dates, names and numbers, and kept where the reader finds the same words again.
    So they are easy for it: add hard ones of your own. Some unanswerable ones come along, made by one change. Correct
    or delete every line, set its "reviewed" to true, then: qa gold check.
    """
    from eval.drafting.drafter import Drafter
    from index.loading.files import find_files
    from index.models.embedder import DEFAULT_EMBEDDER, open_embedder
    from qa.reading.reader import DEFAULT_READER, open_reader

    if output is not None and not output.name.endswith(".jsonl"):
        raise UsageError(f"{output}: a gold file's name ends in .jsonl")
    # Drafts that a person has begun to edit are never written over, unless that is asked for.
    written = Outputs([*paths, reader, embedder], force=force).file(output, DRAFT)
    listing = find_files(paths)
    for _, reason in (*listing.unreadable, *listing.refused):
        tell(reason, label="not read:")
    drafter = Drafter(
        open_reader(reader or DEFAULT_READER),
        open_embedder(embedder or DEFAULT_EMBEDDER),
        questions=questions,
        seed=seed,
    )
    answerable = unanswerable = documents = 0
    folder = output.parent if output is not None else Path()
    with ExitStack() as stack:
        lines = stack.enter_context(written.stream()) if written is not None else None
        advance = stack.enter_context(progress_bar("drafting", len(listing.files)))
        for done, path in enumerate(listing.files, start=1):
            for document in _documents(path):
                documents += 1
                for each in drafter.draft(document, _gold_name(document, path, folder)):
                    answerable += each.question.answerable
                    unanswerable += not each.question.answerable
                    if lines is None:
                        say_json(each.line())
                    else:
                        lines.write(f"{each.line()}\n".encode())
            advance(done, len(listing.files))
        if not answerable:
            # Before the file takes its place: there would be nothing in it.
            raise InputError(
                f"no question could be made of {documents} documents: they hold no plain sentences with dates, "
                "names or numbers that the reader finds again; write questions yourself (see: qa gold schema)"
            )
    tell(
        f"{answerable} answerable and {unanswerable} unanswerable drafts of {documents} documents. Correct or delete "
        'each, set its "reviewed" to true, then: qa gold check'
    )


def _documents(path: Path) -> Iterator[Document]:
    """What indexing would make of a file; what it could not read is told."""
    from index.loading.files import NotRead, read_documents

    try:
        for document in read_documents(path):
            if isinstance(document, NotRead):
                tell(document.reason, label="not read:")
            else:
                yield document
    except InputError as error:
        tell(str(error), label="not read:")


def _gold_name(document: Document, path: Path, folder: Path) -> str:
    """What a gold file in `folder` calls a document of the file at `path` (see eval.gold.places.named_uris)."""
    from index.disk.paths import own_path
    from index.loading.files import PART_MARK

    parts = [unquote(part) for part in document.uri.split(PART_MARK)[1:]]
    name = PART_MARK.join([os.path.relpath(path, own_path(folder)), *parts])
    # A file name need not be text in any encoding; a gold file is.
    return name.encode("utf-8", "replace").decode("utf-8")


@gold.command("beir")
def beir(
    folder: Annotated[Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, plain or .gz.")],
    *,
    store: Annotated[str, typer.Option("--store", help="A store for this set alone; go on from it.")],
    split: Annotated[str | None, typer.Option(help="Which judgements; test where there are several.")] = None,
    passages: Annotated[
        int, typer.Option("-k", "--passages", min=20, max=200, help="Passages retrieved for a query.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="The scores as JSON.")] = False,
    embedder: EmbedderOption = None,
) -> None:
    """Measure retrieval on a BEIR folder: index it, ask its queries, and score the ranking of its documents.

    Interrupt it at will: the same command goes on with the documents that are not indexed yet.
    """
    from eval.gold.beir import evaluate_beir, index_beir, read_beir

    beir_set = read_beir(folder, split)
    opened = open_store(store, embedder, create=True)
    with progress_bar("indexing", beir_set.size) as advance:
        index_beir(opened, beir_set, advance)
    with progress_bar("asking", len(beir_set.queries)) as advance:
        scores = evaluate_beir(open_engine(opened), beir_set, passages=passages, progress=advance)
    if as_json:
        say_json(scores.model_dump_json(indent=2))
        return
    table = Table("measure", "value", title=Text(printable(f"{scores.name}, {scores.split}")))
    for name, value in scores.measures.items():
        table.add_row(name, f"{value:.1%}")
    console = Terminal()
    console.print(table)
    console.print(f"{scores.queries} queries over {scores.documents} documents, {passages} passages retrieved for each")
