"""The `qa` command line."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich import box
from rich.table import Table
from rich.text import Text

from api.cli import gold, indexing, lab, runtimes
from api.cli import keys as key_commands
from api.cli import migrate_store as moving
from api.cli import store as store_commands
from api.cli.bench import scaling as bench
from api.cli.console import PasteFormat, anchor_text, print_citations, print_response
from api.cli.errors import UsageError
from api.cli.opening import be_offline, open_engine, open_store
from api.cli.options import (
    CalibrationOption,
    CollectionsOption,
    EmbedderOption,
    FromOption,
    ReaderOption,
    RuntimeOption,
    StoreOption,
    TagsOption,
    ToOption,
    UriPrefixOption,
    filters_of,
)
from api.terminal import HarmlessGroup, Terminal, errors, harmless_streams, say, say_json, tell
from index.disk.paths import uri_of
from index.documents import DEFAULT_COLLECTION, DocumentRecord, document_id
from index.errors import InputError, NoStoreError, OutputError, SpanqaError
from index.store.store import Store
from index.text.printable import printable
from qa.engine import Engine

app = typer.Typer(
    name="qa",
    help="Ask questions of your own documents: exact answers with citations that anyone can check.",
    cls=HarmlessGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
documents = typer.Typer(help="What the store holds.", no_args_is_help=True)
app.add_typer(documents, name="documents")
indexing.add_to(app)
moving.add_to(app)
lab.add_to(app)
gold.add_to(app)
bench.add_to(app)
runtimes.add_to(app)
key_commands.add_to(app)
app.add_typer(store_commands.store_commands, name="store")
CollectionOption = Annotated[str, typer.Option(help="The collection that a URI or path is looked for in.")]
MAX_CITATION_BYTES = 50_000_000


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, or - for one a line on standard input.")],
    *,
    store: StoreOption,
    as_json: Annotated[bool, typer.Option("--json", help="The whole response as JSON.")] = False,
    form: Annotated[
        PasteFormat | None, typer.Option("--format", help="Only the citations, as they are pasted elsewhere.")
    ] = None,
    answers: Annotated[
        int | None,
        typer.Option("-n", "--answers", min=1, max=20, help="How many answers at most; one, or a list's items."),
    ] = None,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200, help="How many passages to read.")] = 20,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Confidence needed to answer.")] = None,
    candidates: Annotated[bool, typer.Option("--candidates", help="Show the best spans even when abstaining.")] = False,
    uri_prefix: UriPrefixOption = "",
    document: Annotated[list[str] | None, typer.Option(help="Only this document, by id; may be repeated.")] = None,
    collection: CollectionsOption = None,
    tag: TagsOption = None,
    date_from: FromOption = None,
    date_to: ToOption = None,
    embedder: EmbedderOption = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """Answer a question with exact words from the documents, or say that they do not hold the answer."""
    from qa.types import Question

    filters = filters_of(
        documents=document, uri_prefix=uri_prefix, collections=collection, tags=tag, date_from=date_from,
        date_to=date_to,
    )  # fmt: skip

    def make(text: str) -> Question:
        try:
            return Question(
                question=text, answers=answers, passages=passages, filters=filters, threshold=threshold,
                candidates=candidates,
            )  # fmt: skip
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise UsageError(f"question {text[:80]!r}: {reason}") from error

    single = None if question == "-" else make(question)
    if form and (as_json or single is None):
        raise UsageError("--format is for one question, and without --json")
    opened = open_store(store, embedder, runtime=runtime)
    engine = open_engine(opened, reader, calibration, runtime=runtime, ahead=True)
    if not engine.calibrated:
        tell("", label="the confidence was calibrated with other models; fit it anew: qa calibrate")
    _tell_ignored_promise(engine)
    if single is not None:
        response = engine.ask(single)
        if as_json:
            say_json(response.model_dump_json())
        elif form and response.answers:
            print_citations(response, form)
        else:
            # An abstention is nothing to paste: it must not look like a citation to what reads standard output.
            print_response(response, errors if form else Terminal())
        opened.close()
        return
    failed = 0
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            say_json(engine.ask(make(line.rstrip("\r\n"))).model_dump_json())
        except UsageError as error:
            failed += 1
            tell(str(error), label=f"line {number}:", style="red")
    opened.close()
    if failed:
        raise typer.Exit(1)


@documents.command("list")
def list_documents(
    *,
    store: StoreOption,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    uri_prefix: UriPrefixOption = "",
    collection: CollectionsOption = None,
    tag: TagsOption = None,
    date_from: FromOption = None,
    date_to: ToOption = None,
) -> None:
    """List the documents."""
    filters = filters_of(uri_prefix=uri_prefix, collections=collection, tags=tag, date_from=date_from, date_to=date_to)
    records = open_store(store).catalogue.records(filters.selection())
    if as_json:
        for record in records:
            say_json(record.model_dump_json())
        return
    table = Table(box=box.SIMPLE)
    table.add_column("id", no_wrap=True)
    table.add_column("passages", justify="right")
    table.add_column("indexed", no_wrap=True)
    table.add_column("document", overflow="fold")
    for record in records:
        indexed = record.indexed_at.partition("T")[0]
        name = Text.assemble(printable(record.title), "\n", (printable(record.uri), "dim"))
        if record.collection != DEFAULT_COLLECTION:
            name.append(f"\nin {printable(record.collection)}", "dim")
        table.add_row(record.id, str(record.passages), indexed, name)
    Terminal().print(table if records else "no documents")


@documents.command("show")
def show_document(
    name: Annotated[str, typer.Argument(help="Its id, URI or path.")],
    *,
    store: StoreOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    text: Annotated[bool, typer.Option("--text", help="The stored text itself.")] = False,
) -> None:
    """Show one document."""
    opened = open_store(store)
    record = _find(opened, name, collection)
    if text:
        document = opened.catalogue.document(record.id)
        stored = document.text if document else ""
        if sys.stdout.isatty():
            say(stored.replace("\r\n", "\n"), end="")
        else:
            # To the last byte: a file or a program gets what is stored.
            sys.stdout.buffer.write(stored.encode("utf-8"))
    else:
        say_json(record.model_dump_json(indent=2))


@documents.command("remove")
def remove_document(
    names: Annotated[list[str], typer.Argument(help="Ids, URIs or paths.")],
    *,
    store: StoreOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge/--no-purge",
            help="Rewrite the store's files, so that none of its bytes is left in them; --no-purge leaves that to: "
            "qa store purge.",
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The receipts, a line each.")] = False,
) -> None:
    """Remove documents; they cannot answer any more. Gives a receipt for each: what was removed, and what is left."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from index.store.removal import remove_documents

    opened = open_store(store)
    records = [_find(opened, name, collection, damaged=True) for name in names]
    # A database server cleans its files itself.
    purge = purge and opened.catalogue.can_purge
    for receipt in remove_documents(opened, [record.id for record in records], purge=purge):
        note_change(opened, LOCAL_COMMAND, "documents remove", receipt.id)
        if as_json:
            say_json(receipt.model_dump_json())
            continue
        left = ", ".join(f"{count} {name}" for name, count in receipt.left.items())
        say(
            f"removed {receipt.id} {printable(receipt.uri)}\n  {receipt.passages} passages went with it; left: {left}; "
            + ("its bytes are out of the store's files" if receipt.purged else "its bytes go with: qa store purge")
        )


@app.command()
def verify(
    file: Annotated[str, typer.Argument(help="JSON of qa ask --json, an answer or a citation; - for standard input.")],
    *,
    store: StoreOption,
    source: Annotated[Path | None, typer.Option(help="Check against this file itself, without a store.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A verdict a line, as JSON.")] = False,
) -> None:
    """Check citations: exit 0 when every one holds, 1 when any does not, saying why, and where its quote stands now."""
    from index.disk.paths import own_path
    from index.loading.files import load_cited
    from qa.citing.verify import citations_in, verify_against
    from qa.citing.verify import verify as check

    citations = [citation for value in _json_values(file) for citation in citations_in(value)]
    if source is not None:
        path = own_path(source)
        uris = {citation.document.uri for citation in citations}
        documents = {uri: load_cited(path, uri) for uri in uris}
        verdicts = [verify_against(citation, documents[citation.document.uri]) for citation in citations]
    else:
        catalogue = open_store(store).catalogue
        verdicts = [check(citation, catalogue) for citation in citations]
    if not verdicts and not as_json:
        say("no answer there, so nothing to check")
    for verdict in verdicts:
        if as_json:
            say_json(verdict.model_dump_json())
            continue
        say(f"{'holds' if verdict.valid else 'DOES NOT HOLD'}: {json.dumps(verdict.quote, ensure_ascii=False)} "
                   f"in {printable(verdict.uri)}")  # fmt: skip
        for problem in verdict.problems:
            say(f"  {printable(problem)}")
        if verdict.anchor and not verdict.valid:
            say(f"  now: {anchor_text(verdict.anchor)}")
    if not all(verdict.valid for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def serve(
    *,
    store: StoreOption,
    host: Annotated[
        str, typer.Option(help="Address to listen on; only this machine by default, others need: qa keys add.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name that requests may call this server by; may be repeated.")
    ] = None,
    requests_per_minute: Annotated[
        int, typer.Option(min=0, help="How many requests a key or client may send in the long run; 0: no limit.")
    ] = 1_200,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds to finish what was accepted once told to stop (SIGTERM, SIGINT).")
    ] = 30.0,
    cached_answers: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Answers kept for the same question to the same store; 0: none.")
    ] = 1_000,
    create: Annotated[
        bool, typer.Option("--create", help="Where there is no store yet, begin with an empty one.")
    ] = False,
    max_document_characters: Annotated[
        int, typer.Option(min=1, help="Characters that the text of an uploaded document may have.")
    ] = 4_000_000,
    max_document_passages: Annotated[
        int, typer.Option(min=1, help="Passages that an uploaded document may come to.")
    ] = 10_000,
    log_json: Annotated[
        bool | None, typer.Option("--log-json/--log-text", help="Form of the log; JSON unless on a terminal.")
    ] = None,
    embedder: EmbedderOption = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """Serve the HTTP API; its documentation is at /docs."""
    from api.http.app import serve as run
    from api.http.logs import configure
    from api.settings import LOOPBACK_NAMES, ServerSettings

    configure(as_json=not errors.is_terminal if log_json is None else log_json)
    settings = ServerSettings(
        requests_per_minute=requests_per_minute,
        grace_s=grace,
        cached_answers=cached_answers,
        max_document_characters=max_document_characters,
        max_document_passages=max_document_passages,
        allowed_hosts=(*LOOPBACK_NAMES, *allow_host) if allow_host else LOOPBACK_NAMES,
    )
    try:
        opened = open_store(store, embedder, create=create, runtime=runtime)
    except NoStoreError as error:
        raise NoStoreError(f"{error}; or start with an empty one: qa serve --create") from error
    if opened.catalogue.is_empty():
        tell("the store holds no documents yet")
    engine = open_engine(opened, reader, calibration, runtime=runtime)
    _tell_ignored_promise(engine)
    if not run(engine, host, port, settings=settings):
        # Threads that are still at work would keep the process for as long as they like.
        logging.shutdown()
        os._exit(1)


@app.command()
def mcp(
    *,
    store: StoreOption,
    embedder: EmbedderOption = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """Serve agents over standard input and output (Model Context Protocol); over HTTP, `qa serve` has them at /mcp."""
    from api.http.logs import configure
    from api.mcp import serve_stdio
    from api.service.service import Service
    from api.settings import ServerSettings

    # Standard output is the protocol's.
    configure(as_json=False)
    engine = open_engine(open_store(store, embedder, runtime=runtime), reader, calibration, runtime=runtime)
    serve_stdio(Service(engine, ServerSettings()))


def run() -> None:
    """What the script `qa` calls: `main`, but that a question's process ends as soon as its answer is printed.

    Taking the models in memory apart takes a quarter of a second, which whoever asked would wait for.
    """
    if sys.argv[1:2] != ["ask"]:
        main()
        return
    # Little of what a question makes is garbage, and looking for it takes a twentieth of the time.
    gc.set_threshold(100_000)
    code: int | str | None = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        code = code or 1
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def main() -> None:
    """Entry point: expected errors are one message and an exit code, never a traceback."""
    be_offline()
    harmless_streams()
    # Wrong use that only a command can notice is reported as typer reports its own: exit code 2.
    try:
        # Called as app() it would put its own hook for tracebacks in the place of ours.
        typer.main.get_command(app)()
    except (UsageError, OutputError) as error:
        tell(str(error), label="error:", style="red")
        raise SystemExit(2) from error
    except SpanqaError as error:
        tell(str(error), label="error:", style="red")
        raise SystemExit(1) from error
    except BrokenPipeError:
        # The reader of our output has gone (a pager that was quit): nothing is left to say.
        sys.stderr.close()
        raise SystemExit(1) from None


def _tell_ignored_promise(engine: Engine) -> None:
    _, ignored = engine.promise()
    if ignored:
        tell(f"{ignored}; make it anew: qa calibrate GOLD --risk R", label="the store's promise is ignored:")


def _find(store: Store, name: str, collection: str, *, damaged: bool = False) -> DocumentRecord:
    """The document of that id, URI or path; with `damaged` also one that cannot be used any more."""
    catalogue = store.catalogue
    for key in (name, document_id(name, collection), document_id(uri_of(Path(name)), collection)):
        record = catalogue.remains(key) if damaged else catalogue.record(key)
        if record is not None:
            return record
    raise InputError(f"no document {name!r} in the store {store.location}; see: qa documents list")


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
            # Only a line feed ends a value: U+0085, U+2028 and their like may stand inside a JSON string.
            for line in text.split("\n"):
                if line.strip():
                    yield json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON ({error})") from error
