"""`qa index` that is told to stop, in a process of its own: what it had done stays, and the next one goes on."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.embedders import FakeEmbedder

from index.store.store import Store

pytestmark = pytest.mark.slow

# The command line with an embedder that stops at a text, and goes on when told so on standard input.
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from fakes.embedders import FakeEmbedder
import api.cli.opening

class Slow(FakeEmbedder):
    def embed(self, texts):
        if any("Halt" in text for text in texts):
            print("embedding", file=sys.stderr, flush=True)
            sys.stdin.readline()
        return super().embed(texts)

api.cli.opening.open_embedder = lambda *_: Slow()
sys.argv = ["qa", *sys.argv[2:]]
from api.cli.main import run
run()
"""
# Each a passage, and more than are embedded and stored together.
BEFORE, AFTER = 400, 300


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(BEFORE):
        (folder / f"a{number:04}.txt").write_text(f"Note {number} stands here.")
    (folder / "halt.txt").write_text("Halt here, and go on when you are told.")
    for number in range(AFTER):
        (folder / f"z{number:04}.txt").write_text(f"Letter {number} stands here.")
    return folder


@contextmanager
def indexing(docs: Path) -> Iterator[subprocess.Popen[str]]:
    store = str(docs.with_name("store"))
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parents[2]), "index", str(docs), "--store", store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(process.wait())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_done_stays_and_the_next_one_goes_on(docs: Path, number: signal.Signals) -> None:
    with indexing(docs) as process:
        until(process, "embedding")
        process.send_signal(number)
        until(process, "finishing what is in hand")
        output, errors = process.communicate("go on\n", timeout=60)
    assert process.returncode == 130
    told = re.match(r"([\d,]+) added, .*the store holds ([\d,]+) documents", output)
    assert told is not None, (output, errors)
    assert told[1] == told[2]
    stored = int(told[1])
    # All batches before the one in hand.
    assert BEFORE - 128 <= stored <= BEFORE
    left = BEFORE + 1 + AFTER - stored
    assert f"interrupted, {left:,} files left to do" in errors and "the same command goes on" in errors
    assert "Traceback" not in errors
    store = Store(docs.with_name("store"), FakeEmbedder(), create=False)
    assert store.catalogue.counts()[0] == stored
    # They are brought up: nothing is left for whoever asks.
    assert len(list(store.folder.rglob(f"{store.catalogue.generation():012d}-*.manifest"))) == 1
    store.close()
    with indexing(docs) as process:
        output, _ = process.communicate("go on\n", timeout=60)
    assert process.returncode == 0
    assert output.startswith(f"{left} added, 0 changed, 0 removed, {stored} unchanged")


def test_the_second_ends_it_at_once(docs: Path) -> None:
    with indexing(docs) as process:
        until(process, "embedding")
        process.send_signal(signal.SIGINT)
        until(process, "finishing what is in hand")
        process.send_signal(signal.SIGINT)
        # It was not told to go on.
        assert process.wait(timeout=60) == -signal.SIGINT
    store = Store(docs.with_name("store"), FakeEmbedder(), create=False)
    assert store.catalogue.counts()[0] >= BEFORE - 128 - 128
    store.close()
