"""Every option of the command line that names what is to be written, and what it must never write over."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer.main

from api.cli.main import app, main
from eval.calibration.readings import READINGS
from eval.runs.harness import evaluate
from eval.runs.journal import JOURNAL
from eval.runs.run import RUN
from eval.runs.webreport.page import PAGE, run_page
from index.disk.outputs import DRAFT, Kind
from qa.judging.confidence import BUNDLED_CALIBRATION, CALIBRATION
from qa.training.export import READER

NOTE = "Buy milk.\n"
EVAL = (
    "eval",
    "{gold}",
    "--store",
    "{store}",
    "--corpus",
    "{articles}",
    "--compare",
    "{run}",
    "--calibration",
    "{fit}",
)
PEERS = ("bench", "peers", "{gold}", "{articles}")
SCALE = ("bench", "scale", "{gold}", "--store", "{store}")
TRAIN = ("train", "reader", "--data", "{docs}", "--recipe", "{recipe}")
# The option, with a whole command line but for it. Nothing in braces is what it should be: a command that opened its
# store or read its questions before it looks at its outputs would fail by exit code 1.
FILES = {
    ("eval", "--output"): EVAL,
    ("eval", "--report"): EVAL,
    ("report", "--output"): ("report", "{run}"),
    ("calibrate", "--output"): ("calibrate", "{gold}", "--store", "{store}", "--corpus", "{articles}"),
    ("calibrate", "--readings"): ("calibrate", "{gold}", "--store", "{store}", "--corpus", "{articles}"),
    ("gold draft", "--output"): ("gold", "draft", "{docs}", "{gold}"),
    ("bench scale", "--output"): (*SCALE, "--work", "{new}"),
    ("bench scale", "--plot"): (*SCALE, "--work", "{new}"),
    ("bench peers", "--output"): (*PEERS, "--work", "{new}"),
    ("bench peers", "--table"): (*PEERS, "--work", "{new}"),
    ("bench peers", "--plot"): (*PEERS, "--work", "{new}"),
    ("bench kill", "--output"): ("bench", "kill", "--work", "{new}"),
    ("bench full", "--output"): ("bench", "full", "--work", "{new}"),
    ("bench damage", "--output"): ("bench", "damage", "--work", "{new}"),
    ("bench distributed", "--output"): ("bench", "distributed", "{gold}", "--store", "{store}", "--against", "{store}"),
    ("bench ingest", "--output"): ("bench", "ingest", "{docs}"),
    ("bench soak", "--output"): ("bench", "soak", "--seconds", "1"),
    ("bench load", "--output"): ("bench", "load", "{gold}", "--store", "{store}"),
    ("runtime compare", "--output"): ("runtime", "compare", "{gold}"),
}
FOLDERS = {
    ("train reader", "--output"): (*TRAIN, "--work", "{new}"),
    ("train reader", "--work"): (*TRAIN, "--output", "{new}"),
    ("bench scale", "--work"): SCALE,
    ("bench peers", "--work"): PEERS,
    ("bench kill", "--work"): ("bench", "kill"),
    ("bench full", "--work"): ("bench", "full"),
    ("bench damage", "--work"): ("bench", "damage"),
}
# What commands read. `store backup` makes a store, as `--store` does, and looks after its place itself.
READ = {
    "ask --calibration",
    "bench distributed gold",
    "bench full --disk",
    "bench ingest folder",
    "bench load gold",
    "bench peers articles",
    "bench peers gold",
    "bench scale gold",
    "bench table figures",
    "calibrate --calibration",
    "calibrate --corpus",
    "calibrate --documents",
    "calibrate gold",
    "compare after",
    "compare before",
    "eval --calibration",
    "eval --compare",
    "eval --corpus",
    "eval file",
    "eval gold",
    "gold beir folder",
    "gold check --documents",
    "gold check gold_file",
    "gold draft paths",
    "index paths",
    "mcp --calibration",
    "promise check run",
    "report run",
    "runtime compare gold",
    "serve --calibration",
    "store backup destination",
    "store restore source",
    "train reader --base",
    "train reader --data",
    "train reader --recipe",
    "train reader --teacher",
    "verify --source",
    "watch paths",
}
TELLING = ("output", "plot", "report", "table", "work", "out", "write", "save", "export")


@dataclass(frozen=True)
class Ran:
    code: int
    err: str


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Ran(code, " ".join(capsys.readouterr().err.split()))

    return run


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """What the command lines name; each is a file or folder of somebody's."""
    names = {
        "gold": "gold.jsonl",
        "articles": "articles.jsonl",
        "run": "run.json",
        "fit": "fit.json",
        "recipe": "r.toml",
    }
    for name in names.values():
        (tmp_path / name).write_text(NOTE)
    for folder in ("docs", "store"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs" / "doc.txt").write_text(NOTE)
    (tmp_path / "store" / "catalogue.sqlite").write_text(NOTE)
    paths = {name: tmp_path / file for name, file in names.items()}
    return paths | {"docs": tmp_path / "docs", "store": tmp_path / "store", "new": tmp_path / "new"}


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def filled(line: tuple[str, ...], files: dict[str, Path]) -> list[str]:
    return [part.format(**files) for part in line]


def parameters() -> Iterator[tuple[str, bool]]:
    """Every parameter as COMMAND --OPTION or COMMAND ARGUMENT, and whether it is declared as a path."""

    def walk(command: Any, name: str) -> Iterator[tuple[str, bool]]:
        for subcommand, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{name} {subcommand}".strip())
        if not hasattr(command, "commands"):
            hints = get_type_hints(inspect.unwrap(command.callback))
            for parameter in command.params:
                option = next((one for one in parameter.opts if one.startswith("--")), parameter.name)
                yield f"{name} {option}", "Path" in str(hints.get(parameter.name))

    yield from walk(typer.main.get_command(app), "")


def test_every_path_of_the_command_line_is_known_as_read_or_written() -> None:
    known = dict(parameters())
    written = {f"{command} {option}" for command, option in (FILES | FOLDERS)}
    assert {name for name, path in known.items() if path} == READ | written
    assert {name for name in known if name.rpartition("--")[2] in TELLING} <= written


@pytest.mark.parametrize(("command", "option"), FILES)
def test_no_file_is_written_over_that_is_not_of_its_kind(
    qa: Callable[..., Ran], files: dict[str, Path], tmp_path: Path, command: str, option: str
) -> None:
    line = filled(FILES[command, option], files)
    name = "notes.png" if option == "--plot" else "notes.jsonl"
    (tmp_path / name).write_text(NOTE)
    before = content(tmp_path)
    ran = qa(*line, option, tmp_path / name)
    assert ran.code == 2 and name in ran.err and "--force" in ran.err
    store = tmp_path / "store"
    for place in (
        store / "catalogue.sqlite",
        store / name,
        store / "deep" / name,
        tmp_path / "docs",
        Path("/dev/null"),
    ):
        if option == "--plot" and place.suffix != ".png":
            continue
        if command == "gold draft" and place.suffix != ".jsonl":
            continue
        ran = qa(*line, option, place, "--force")
        assert ran.code == 2 and place.name in ran.err, place
    ran = qa(*line, option, tmp_path / "none" / name)
    assert ran.code == 2 and "there is no folder" in ran.err
    assert content(tmp_path) == before and not (tmp_path / "new").exists()


@pytest.mark.parametrize(("command", "option"), [own for own in FILES if own[1] != "--plot"])
def test_no_command_writes_over_what_it_reads(
    qa: Callable[..., Ran], files: dict[str, Path], tmp_path: Path, command: str, option: str
) -> None:
    line = filled(FILES[command, option], files)
    before = content(tmp_path)
    for path in [Path(part) for part in line if Path(part).is_file() and Path(part) != files["store"]]:
        if command == "gold draft" and path.suffix != ".jsonl":
            continue
        link = tmp_path / f"link-{path.name}"
        link.hardlink_to(path)
        for spelled in (path, link, tmp_path / "docs" / ".." / path.name):
            ran = qa(*line, option, spelled, "--force")
            assert ran.code == 2 and "is what this command reads" in ran.err, spelled
        link.unlink()
    assert content(tmp_path) == before


@pytest.mark.parametrize(("command", "option"), FOLDERS)
def test_no_folder_is_taken_that_is_somebodys(
    qa: Callable[..., Ran], files: dict[str, Path], tmp_path: Path, command: str, option: str
) -> None:
    line = filled(FOLDERS[command, option], files)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text(NOTE)
    before = content(tmp_path)
    ran = qa(*line, option, mine)
    assert ran.code == 2 and "mine" in ran.err and "--force" in ran.err
    for place in (files["store"], files["store"] / "deep", files["gold"]):
        ran = qa(*line, option, place, "--force")
        assert ran.code == 2 and place.name in ran.err, place
    assert content(tmp_path) == before and not (tmp_path / "new").exists()


def test_a_page_takes_the_place_of_a_page_and_keeps_its_rights(qa: Callable[..., Ran], tmp_path: Path) -> None:
    run, page = tmp_path / "run.json", tmp_path / "page.html"
    evaluate([], object()).write(run)  # type: ignore[arg-type]
    for _ in range(2):
        assert qa("report", run, "-o", page).code == 0
        page.chmod(0o600)
    assert page.stat().st_mode & 0o777 == 0o600
    page.write_text("<!doctype html><title>Holiday</title>")
    assert qa("report", run, "-o", page).code == 2
    assert qa("report", run, "-o", page, "--force").code == 0
    assert PAGE.holds(page) and RUN.holds(run)
    # The page beside its run, not over it.
    assert qa("report", run, "-o", run, "--force").code == 2 and RUN.holds(run)


def test_a_journal_is_only_gone_on_with_where_it_is_one(qa: Callable[..., Ran], files: dict[str, Path]) -> None:
    output = files["gold"].with_name("new.json")
    journal = output.with_name("new.json.journal")
    # Without a line's end: what a torn first line would look like.
    for text in (NOTE, NOTE.strip(), '{"name": "x"}'):
        journal.write_text(text)
        ran = qa("eval", files["gold"], "--own-paragraph", "--output", output, "--resume", "--force")
        assert ran.code == 2 and "new.json.journal" in ran.err
        assert journal.read_text() == text


def test_former_outputs_are_told_from_each_other_and_from_other_files(tmp_path: Path) -> None:
    empty = evaluate([], object())  # type: ignore[arg-type]
    examples: dict[str, tuple[Kind, bytes]] = {
        "run": (RUN, empty.encoded()),
        "journal": (JOURNAL, b'{"journal":"1","about":{},"settings":{}}\n'),
        "page": (PAGE, run_page(empty).encode()),
        "readings": (READINGS, b'{"readings":"1","reader_sha256":"0"}\n'),
        "calibration": (CALIBRATION, BUNDLED_CALIBRATION.read_bytes()),
    }
    others = [
        b"Buy milk.",
        b"{}",
        b"[]",
        b'{"features": []}',
        json.dumps({"run_version": "2"}).encode()[1:],
        b"\x89PNG",
    ]
    for name, (kind, data) in examples.items():
        assert kind.former(data), name
        for other, (_, others_data) in examples.items():
            assert other == name or not kind.former(others_data), (name, other)
        assert not any(kind.former(data) for data in others), name
        assert not DRAFT.former(data)
    # A page of an earlier version.
    former = run_page(empty).replace('<meta name="generator" content="spanqa">\n', "")
    assert PAGE.former(former.encode())
    # The reader that comes with the package has a card that no training writes.
    assert not READER.holds(BUNDLED_CALIBRATION.parent / "reader")
