"""The `qa` command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from api import gold, lab
from api.console import print_response, printable
from api.errors import UsageError
from api.opening import be_offline, open_engine, open_store
from api.options import CalibrationOption, EmbedderOption, ReaderOption, StoreOption, errors, progress_bar
from index.documents import DocumentRecord
from index.errors import InputError, SpanqaError
from index.store import Store
from qa.engine import Engine

app = typer.Typer(
    name="qa",
    help="Ask questions of your own documents: exact answers with citations that anyone can check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
documents = typer.Typer(help="What the store holds.", no_args_is_help=True)
app.add_typer(documents, name="documents")
lab.add_to(app)
gold.add_to(app)
MAX_CITATION_BYTES = 50_000_000


@app.command()
def index(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders.")] = None,
    *,
    store: StoreOption,
    embedder: EmbedderOption = None,
    re_embed: Annotated[bool, typer.Option("--re-embed", help="Embed everything anew with --embedder.")] = False,
) -> None:
    """Add or update documents from files and folders. An unchanged file costs nothing."""
    from index.ingest import index_paths

    if not paths and not re_embed:
        raise UsageError("nothing to index: name a file or a folder")
    opened = open_store(store, embedder, create=bool(paths))
    if re_embed:
        opened.re_embed()
        errors.print(f"embedded anew with {escape(opened.embedder.name)}")
    if not paths:
        return
    with progress_bar("indexing") as advance:
        report = index_paths(opened, paths, advance)
    for _, reason in report.failed:
        errors.print(f"[yellow]not indexed:[/yellow] {escape(reason)}", soft_wrap=True)
    count, passages = opened.catalogue.counts()
    typer.echo(
        f"{report.added} added or changed, {report.unchanged} unchanged, {len(report.failed)} failed, "
        f"{report.passed_over} of other kinds passed over; the store holds {_plural(count, 'document')} in "
        f"{_plural(passages, 'passage')}"
    )
    if report.failed and not report.added and not report.unchanged:
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, or - for one a line on standard input.")],
    *,
    store: StoreOption,
    as_json: Annotated[bool, typer.Option("--json", help="The whole response as JSON.")] = False,
    answers: Annotated[
        int | None,
        typer.Option("-n", "--answers", min=1, max=20, help="How many answers at most; one, or a list's items."),
    ] = None,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200, help="How many passages to read.")] = 20,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Confidence needed to answer.")] = None,
    candidates: Annotated[bool, typer.Option("--candidates", help="Show the best spans even when abstaining.")] = False,
    under: Annotated[str, typer.Option(help="Only documents whose URI begins with this.")] = "",
    document: Annotated[list[str] | None, typer.Option(help="Only this document, by id; may be repeated.")] = None,
    embedder: EmbedderOption = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
) -> None:
    """Answer a question with exact words from the documents, or say that they do not hold the answer."""
    from qa.types import Filters, Question

    def make(text: str) -> Question:
        try:
            filters = Filters(document_ids=tuple(document or ()), uri_prefix=under)
            return Question(
                question=text, answers=answers, passages=passages, filters=filters, threshold=threshold,
                candidates=candidates,
            )  # fmt: skip
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise UsageError(f"question {text[:80]!r}: {reason}") from error

    single = None if question == "-" else make(question)
    engine = open_engine(open_store(store, embedder), reader, calibration)
    if not engine.calibrated:
        errors.print("[yellow]the confidence was calibrated with other models; fit it anew: qa calibrate[/yellow]")
    _tell_ignored_promise(engine)
    if single is not None:
        response = engine.ask(single)
        if as_json:
            typer.echo(response.model_dump_json())
        else:
            print_response(response, Console())
        return
    failed = 0
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            typer.echo(engine.ask(make(line.rstrip("\r\n"))).model_dump_json())
        except UsageError as error:
            failed += 1
            errors.print(f"[red]line {number}:[/red] {escape(str(error))}")
    if failed:
        raise typer.Exit(1)


@documents.command("list")
def list_documents(
    *, store: StoreOption, as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False
) -> None:
    """List the documents."""
    records = open_store(store).catalogue.records()
    if as_json:
        for record in records:
            typer.echo(record.model_dump_json())
        return
    table = Table(box=box.SIMPLE)
    table.add_column("id", no_wrap=True)
    table.add_column("passages", justify="right")
    table.add_column("indexed", no_wrap=True)
    table.add_column("document", overflow="fold")
    for record in records:
        indexed = record.indexed_at.partition("T")[0]
        name = Text.assemble(printable(record.title), "\n", (printable(record.uri), "dim"))
        table.add_row(record.id, str(record.passages), indexed, name)
    Console().print(table if records else "no documents")


@documents.command("show")
def show_document(
    name: Annotated[str, typer.Argument(help="Its id, URI or path.")],
    *,
    store: StoreOption,
    text: Annotated[bool, typer.Option("--text", help="The stored text itself.")] = False,
) -> None:
    """Show one document."""
    opened = open_store(store)
    record = _find(opened, name)
    if text:
        document = opened.catalogue.document(record.id)
        sys.stdout.buffer.write((document.text if document else "").encode("utf-8"))
    else:
        typer.echo(record.model_dump_json(indent=2))


@documents.command("remove")
def remove_document(
    names: Annotated[list[str], typer.Argument(help="Ids, URIs or paths.")], *, store: StoreOption
) -> None:
    """Remove documents; they cannot answer any more."""
    opened = open_store(store)
    records = [_find(opened, name) for name in names]
    for record in records:
        opened.remove(record.id)
        typer.echo(f"removed {record.id} {record.uri}")


@app.command()
def verify(
    file: Annotated[str, typer.Argument(help="JSON of qa ask --json, an answer or a citation; - for standard input.")],
    *,
    store: StoreOption,
    source: Annotated[Path | None, typer.Option(help="Check against this file itself, without a store.")] = None,
) -> None:
    """Check citations: exit 0 when every one holds, 1 when any does not, saying why."""
    from index.loaders import load_file
    from qa.verify import citations_in, verify_against
    from qa.verify import verify as check

    citations = [citation for value in _json_values(file) for citation in citations_in(value)]
    if source is not None:
        document = load_file(source.resolve())
        verdicts = [verify_against(citation, document) for citation in citations]
    else:
        catalogue = open_store(store).catalogue
        verdicts = [check(citation, catalogue) for citation in citations]
    if not verdicts:
        typer.echo("no answer there, so nothing to check")
    for verdict in verdicts:
        typer.echo(f"{'holds' if verdict.valid else 'DOES NOT HOLD'}: {json.dumps(verdict.quote, ensure_ascii=False)} "
                   f"in {verdict.uri}")  # fmt: skip
        for problem in verdict.problems:
            typer.echo(f"  {problem}")
    if not all(verdict.valid for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def serve(
    *,
    store: StoreOption,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    embedder: EmbedderOption = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
) -> None:
    """Serve the HTTP API; its documentation is at /docs."""
    from api.http import serve as run

    engine = open_engine(open_store(store, embedder, create=True), reader, calibration)
    _tell_ignored_promise(engine)
    run(engine, host, port)


def main() -> None:
    """Entry point: expected errors are one message and an exit code, never a traceback."""
    be_offline()
    # Wrong use that only a command can notice is reported as typer reports its own: exit code 2.
    try:
        app()
    except UsageError as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(2) from error
    except SpanqaError as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(1) from error
    except BrokenPipeError:
        # The reader of our output has gone (a pager that was quit): nothing is left to say.
        sys.stderr.close()
        raise SystemExit(1) from None


def _tell_ignored_promise(engine: Engine) -> None:
    _, ignored = engine.promise()
    if ignored:
        errors.print(
            f"[yellow]the store's promise is ignored: {escape(ignored)}; make it anew: qa calibrate GOLD "
            "--risk R[/yellow]",
            soft_wrap=True,
        )


def _find(store: Store, name: str) -> DocumentRecord:
    from index.documents import document_id

    for key in (name, document_id(name), document_id(Path(name).resolve().as_uri())):
        record = store.catalogue.record(key)
        if record is not None:
            return record
    raise InputError(f"no document {name!r} in the store {store.folder}; see: qa documents list")


def _json_values(file: str) -> Iterator[Any]:
    """The JSON values of a file or standard input: one document, or one value a line."""
    try:
        content = sys.stdin.buffer.read(MAX_CITATION_BYTES + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_CITATION_BYTES:
        raise InputError(f"{file}: larger than {MAX_CITATION_BYTES // 1_000_000} MB")
    try:
        text = content.decode("utf-8")
        if not text.strip():
            raise InputError(f"{'standard input' if file == '-' else file}: empty, no citation found")
        try:
            yield json.loads(text)
        except json.JSONDecodeError:
            for line in text.splitlines():
                if line.strip():
                    yield json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON ({error})") from error


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
