"""The commands of the README do what it says, as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
# Those that no test runs, each with the reason. One that the README does not have any more fails the test.
_MODELS = "needs a development set, and minutes or hours"
_SERVER = "needs a server at port 8000; the test of the wheel starts one"
NOT_RUN = {
    "make ask": "makes the environment that runs this test; its question is asked below",
    "make test": "is what runs this test",
    "make serve": _SERVER,
    ".venv/bin/qa watch ~/reports": "runs until it is interrupted; tests/index/ingest/test_watch.py",
    "curl -s localhost:8000/v1/ask -H 'content-type: application/json' \\": _SERVER,
    """-d '{"question": "When do the Russia-China drills run?"}'""": _SERVER,
    ".venv/bin/qa calibrate gold.jsonl --store STORE --risk 0.1": "needs hundreds of questions",
    ".venv/bin/qa train reader --data DIR --work WORK --output READER": _MODELS,
    ".venv/bin/qa calibrate GOLD --corpus ARTICLES --reader READER --store STORE --output calibration.json": _MODELS,
    ".venv/bin/qa index FOLDER --store DOCUMENTS": _MODELS,
    ".venv/bin/qa calibrate GOLD --corpus ARTICLES --store STORE --documents QUESTIONS --documents-store DOCUMENTS "
    "--half tune \\": _MODELS,
    "--readings readings.jsonl --output calibration.json": _MODELS,
    ".venv/bin/qa eval QUESTIONS --store DOCUMENTS --half report --calibration calibration.json --by domain "
    "--by kind": _MODELS,
    ".venv/bin/qa train reader --data DIR --work WORK2 --recipe qa/training/in_context.toml --base READER --output "
    "READER2": _MODELS,
    ".venv/bin/qa eval squad2 GOLD --articles 11: --tune-on 0:6 --reader READER": _MODELS,
}
LEASE = "The lease was signed by Jane Moor on 3 March 2024. It was renewed in 2025. The ports of Hull and Goole closed."


def blocks(language: str) -> list[list[str]]:
    """The lines of each fenced block of a language; "" are those that name none."""
    return [
        body.splitlines()
        for name, body in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
        if name == language
    ]


def command_lines() -> list[str]:
    """What a reader would type, without the comments."""
    lines = [line for block in blocks("") if not block[0].startswith("$ ") for line in block]
    return [line.partition("  #")[0].strip() for line in lines]


def sessions() -> list[tuple[str, str]]:
    """A command, and what the README shows that it prints."""
    return [(block[0].removeprefix("$ "), "\n".join(block[1:])) for block in blocks("") if block[0].startswith("$ ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a clone is after `make ask`, with a home that has reports."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    reports = folder / "home" / "reports"
    reports.mkdir(parents=True)
    (reports / "lease.txt").write_text(LEASE, "utf-8")
    (reports / "old.txt").write_text("Nothing of importance was decided in 2019.", "utf-8")
    (folder / "questions.txt").write_text("Who signed the lease?\nWhen was it renewed?\n", "utf-8")
    type_in(folder, ".venv/bin/qa index seeds --store .store").check_returncode()
    return folder


def type_in(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "COLUMNS": "80"}
    environment.pop("QA_STORE", None)
    command = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_commands_of_the_readme_work(place: Path) -> None:
    lines = [line for line in command_lines() if line not in NOT_RUN]
    assert len(lines) > 15
    for line in lines:
        if line == ".venv/bin/qa compare before.json after.json":
            shutil.copyfile(place / "run.json", place / "before.json")
            shutil.copyfile(place / "run.json", place / "after.json")
        done = type_in(place, line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_the_readme_shows_what_is_printed(place: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (question,) = re.findall(r"^QUESTION \?= (.*)$", makefile, re.M)
    for line, shown in sessions():
        command = f'.venv/bin/qa ask "{question}" --store .store' if line == "make ask" else line
        done = type_in(place, command)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == shown.strip()


def test_exceptions_are_still_in_the_readme() -> None:
    assert not NOT_RUN.keys() - set(command_lines())


def test_json_and_python_of_the_readme_can_be_read() -> None:
    assert blocks("json") and blocks("python")
    for block in blocks("json"):
        json.loads("\n".join(block))
    for block in blocks("python"):
        compile("\n".join(block), "README.md", "exec")
    assert len(sessions()) == len([block for block in blocks("") if block[0].startswith("$ ")])
