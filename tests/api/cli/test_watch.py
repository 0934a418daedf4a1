"""`qa watch` as a process of its own, with an embedder that needs no weights."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PATIENCE_S = 120
# The command line itself, over an embedder of one number a text.
PROGRAM = """
from pathlib import Path
import numpy as np
import api.cli.watch
from api.cli.main import main
from index.store.store import Store

class Embedder:
    name, sha256, dimensions = "constant", "c" * 64, 2
    def embed(self, texts):
        return np.tile(np.array([[1, 0]], dtype=np.float32), (len(texts), 1))
    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

api.cli.watch.open_store = lambda name, embedder=None, *, create=False: Store(Path(name), Embedder(), create=create)
main()
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("Cats chase mice.")
    return folder


@pytest.fixture
def watching(tmp_path: Path, docs: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", PROGRAM, "watch", str(docs), "--store", str(tmp_path / "store")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def documents(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store / 'catalogue.sqlite'}?mode=ro", uri=True)) as opened:
            count: int = opened.execute("SELECT count(*) FROM documents").fetchone()[0]
            return count
    except sqlite3.OperationalError:
        return 0


def wait_for(store: Path, count: int, process: subprocess.Popen[str]) -> None:
    for _ in range(PATIENCE_S * 10):
        if documents(store) == count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError(f"{documents(store)} documents, not {count}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_a_folder_until_interrupted(
    watching: subprocess.Popen[str], docs: Path, tmp_path: Path, number: signal.Signals
) -> None:
    store = tmp_path / "store"
    wait_for(store, 1, watching)
    (docs / "bad.txt").write_bytes(b"\xff\xfe\xff")
    (docs / "b.txt").write_text("Dogs bury bones.")
    wait_for(store, 2, watching)
    (docs / "a.txt").unlink()
    wait_for(store, 1, watching)
    watching.send_signal(number)
    out, err = watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == 0, err
    assert "Traceback" not in err
    assert err.count("not indexed:") == 1, "a file that stays bad is named once"
    assert "1 added, 0 changed, 0 removed" in out.splitlines()[0]
