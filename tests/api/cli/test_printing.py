"""Whatever is called whatever, no command sends a terminal what could steer it."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.table import Table

from api.cli import opening
from api.cli.main import main
from api.http.logs import JsonFormatter, TextFormatter
from api.terminal import Terminal

# Line feeds and tabs are the printer's own; whether a name can forge a line is looked at by what the line says.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
CLEAR, LINK, TURN = "\x1b[2J", "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\", "\u202egpj"
FORGED = "x\nremove everything"
MARKUP = "[red]red[/red] [link=https://evil.example]x[/link] :warning: [/]"
NASTY = [CLEAR, LINK, TURN, FORGED, MARKUP, "\x9b31m", "\x7f\b\r", "\u2028\u2066"]
# As file names and members of archives; a slash would make folders.
NAMES = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.sampled_from("ab \x01\x07\x08\t\n\r\x1b\x7f\x9b[]8;m\u202e\u2066\u2028é"), min_size=1, max_size=12),
).map(lambda name: name.replace("/", "_"))
WORDS = "The harbour of Lindal opened in 1911 after nine years of work."
# A file name that is no UTF-8, as Linux allows.
BYTES = "\udcff\udc9b"


@pytest.fixture(scope="module")
def qa() -> Callable[..., tuple[int, str]]:
    """Runs a command as on a terminal whose output nothing but text may reach; the code, and all that it printed."""

    # The models are the same for all of these commands.
    open_embedder, open_reader = cache(opening.open_embedder), cache(opening.open_reader)

    def run(*arguments: str | Path, stdin: str = "") -> tuple[int, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogatepass") for _ in range(2)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["qa", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            patch.setattr(sys, "excepthook", sys.excepthook)
            patch.setattr(warnings, "formatwarning", warnings.formatwarning)
            patch.setattr(opening, "open_embedder", open_embedder)
            patch.setattr(opening, "open_reader", open_reader)
            patch.setenv("COLUMNS", "300")
            code = 0
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
            printed = ""
            for stream in streams:
                stream.flush()
                printed += stream.buffer.getvalue().decode("utf-8", "surrogatepass")  # type: ignore[attr-defined]
        assert not STEERING.search(printed), (arguments, printed)
        assert not re.search(r"^\W*remove everything", printed, re.MULTILINE), (arguments, printed)
        return code, printed

    return run


def fill(folder: Path, name: str) -> None:
    """Files, members of an archive, an attachment, titles and authors of this name; some cannot be read."""
    (folder / f"{name}.txt").write_text(WORDS)
    (folder / f"{name}.pdf").write_bytes(b"%PDF-1.4 " + name.encode("utf-8", "replace"))
    (folder / f"bad{BYTES}.txt").write_bytes(b"\x89PNG\x00\xff")
    with zipfile.ZipFile(folder / "pack.zip", "w") as archive:
        archive.writestr(f"{name}.txt", WORDS)
        archive.writestr(f"bad/{name}.docx", b"no document")
    head = f"<title>{name}</title><meta name=author content='{name}'>"
    page = f"<html><head>{head}</head><body><p>{WORDS}</p></body></html>"
    (folder / "page.html").write_text(page, encoding="utf-8", errors="replace")
    mail = EmailMessage()
    mail["Subject"] = "plan"
    mail.set_content(WORDS)
    mail.add_attachment(WORDS.encode(), maintype="text", subtype="plain", filename="attached.txt")
    (folder / "mail.eml").write_bytes(
        mail.as_bytes().replace(b"attached.txt", name.encode("ascii", "replace").replace(b"\n", b" ") + b".txt")
    )


@settings(max_examples=1, suppress_health_check=list(HealthCheck))
@given(NAMES)
@example(CLEAR + LINK + MARKUP + TURN + FORGED)
def test_names_of_files_members_and_attachments(qa: Callable[..., tuple[int, str]], name: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        docs, store = Path(made) / "docs", Path(made) / "store"
        docs.mkdir()
        fill(docs, name.replace("/", "_"))
        at = ("--store", store)
        assert "add" in qa("index", docs, *at, "--dry-run")[1]
        code, printed = qa("index", docs, *at)
        assert code == 0 and "not indexed" in printed
        code, listed = qa("documents", "list", *at)
        assert code == 0 and "mail" in listed
        _, lines = qa("documents", "list", *at, "--json")
        records = [json.loads(line) for line in lines.splitlines()]
        assert any("pack.zip" in record["uri"] for record in records)
        assert qa("documents", "show", records[0]["id"], *at)[0] == 0
        qa("documents", "show", docs / name, *at)
        qa("store", "check", *at)
        question = "When did the harbour of Lindal open?"
        for form in ((), ("--explain",), ("--format", "plain"), ("--format", "annotation")):
            assert qa("ask", question, *at, *form)[0] == 0
        (docs / "pack.zip").unlink()
        qa("index", docs, *at, "--dry-run")
        assert qa("documents", "remove", records[0]["id"], "--no-purge", *at)[0] == 0


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(NAMES)
@example(TURN + CLEAR + LINK.replace("/", "_") + MARKUP.replace("/", "_") + FORGED)
def test_paths_ids_citations_and_arguments(qa: Callable[..., tuple[int, str]], name: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        store, none = folder / f"{name}-store", folder / f"{name}-none"
        for command in (
            ("index", folder / f"{name}.txt", "--store", store),
            ("index", folder / name / f"none{BYTES}", "--store", store),
            ("ask", "Who?", "--store", none),
            ("ask", "Who?", "--store", none, "--from", name),
            ("ask", "Who?", "--runtime", name),
            ("documents", "list", "--collection", name, "--store", none),
            ("keys", "list", "--store", none),
            ("keys", "add", "k", "--scope", name),
            ("verify", folder / name),
            ("gold", "check", folder / name),
            ("report", folder / name, "-o", folder / f"{name}.html"),
            ("eval", folder / name, "--output", folder / name / "run.json"),
            ("compare", folder / name, folder / name),
            (name,),
            ("ask", "Who?", f"--{name}"),
            ("ask", "Who?", name, name),
            ("ask", "Who?", "-n", name),
        ):
            assert qa(*command)[0] in (1, 2), command
        gold = folder / "gold.jsonl"
        rows = [{"id": name, "question": f"{name}?", "answers": [{"text": name}], "document": name, "kind": name}] * 2
        gold.write_text("\n".join(map(json.dumps, [*rows, {"id": name, name: 1}])))
        assert "error" in qa("gold", "check", gold)[1]
        assert "error" in qa("gold", "check", gold, "--documents", folder)[1]
        json.loads(qa("gold", "check", gold, "--json")[1])


def test_a_citation_of_a_hostile_source(qa: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    docs, store = tmp_path / "docs", tmp_path / "store"
    docs.mkdir()
    (docs / "note.txt").write_text(WORDS)
    assert qa("index", docs, "--store", store)[0] == 0
    _, response = qa("ask", "When did the harbour of Lindal open?", "--store", store, "--json", "--candidates")
    shown = json.loads(response)
    citation = [*shown["answers"], *shown["candidates"]][0]["citation"]
    for nasty in ("".join(NASTY), MARKUP):
        citation["document"] |= {"uri": f"file:///{nasty}", "title": nasty, "id": "0" * 64}
        for changed in ({}, {"quote": nasty}):
            code, printed = qa("verify", "-", "--store", store, stdin=json.dumps(citation | changed))
            assert code == 1 and printed
            code, printed = qa("verify", "-", "--store", store, "--json", stdin=json.dumps(citation | changed))
            assert code == 1 and printed


def test_a_console_takes_no_markup_and_no_control() -> None:
    out = io.StringIO()
    console = Terminal(file=out, width=200, force_terminal=True, color_system="truecolor")
    table = Table("head", title=MARKUP)
    table.add_row(MARKUP)
    table.add_row(LINK)
    for printed in (MARKUP, LINK, CLEAR, TURN, table):
        console.print(printed)
    # Colours are rich's own.
    text = re.sub("\x1b\\[[0-9;]*m", "", out.getvalue())
    assert not STEERING.search(text)
    assert text.count("[link=https://evil.example]x[/link] :warning:") == 3 and r"\x1b[2J" in text


def test_logs_are_lines_of_text() -> None:
    for nasty in NASTY:
        record = logging.LogRecord("spanqa", logging.ERROR, "f", 1, "no %s", (nasty,), None)
        record.route = nasty
        line = TextFormatter("%(levelname)s: %(message)s").format(record)
        assert not STEERING.search(line) and "\n" not in line and line.startswith("ERROR: no ")
        logged = JsonFormatter().format(record)
        assert not STEERING.search(logged) and json.loads(logged)["message"] == f"no {nasty}"


def test_warnings_tracebacks_and_records_of_libraries() -> None:
    script = (
        "import logging, sys, warnings; from api.terminal import harmless_streams; harmless_streams();"
        f"nasty = {CLEAR + TURN!r}; warnings.warn(nasty); logging.getLogger('library').warning(nasty);"
        "raise ValueError(nasty)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1 and said.count(r"\x1b[2J\u202egpj") == 3 and not STEERING.search(said)


def test_only_the_terminal_prints() -> None:
    """`say`, `tell` and `Terminal` are the only ways out: nobody else makes a console or echoes."""
    root = Path(__file__).parents[3]
    others = re.compile(
        r"typer\.(echo|secho)\(|click\.(echo|secho)\(|(?<![\w.])Console\(|rich\.print|from_markup|RichHandler"
    )
    for package in ("index", "qa", "eval", "api"):
        for file in (root / package).rglob("*.py"):
            if file != root / "api" / "terminal.py":
                assert not others.search(file.read_text("utf-8")), file
