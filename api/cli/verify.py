"""`qa verify`: whether citations hold."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.console import anchor_text
from api.cli.opening import open_store
from api.cli.options import StoreOption
from api.terminal import say, say_json
from index.errors import InputError
from index.text.printable import printable

MAX_CITATION_BYTES = 50_000_000


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
        quote = json.dumps(verdict.quote, ensure_ascii=False)
        say(f"{'holds' if verdict.valid else 'DOES NOT HOLD'}: {quote} in {printable(verdict.uri)}")
        for problem in verdict.problems:
            say(f"  {printable(problem)}")
        if verdict.anchor and not verdict.valid:
            say(f"  now: {anchor_text(verdict.anchor)}")
    if not all(verdict.valid for verdict in verdicts):
        raise typer.Exit(1)


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
