"""Commands run in this process with the real models, and a store of the seed article."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from command_line import SEEDS, Ran, Run

from api.cli.main import main


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["qa", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def seed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("seeds")


@pytest.fixture
def seed_store(seed_folder: Path, qa: Run) -> str:
    """A store of the seed article, indexed once; only tests that change nothing use it."""
    store = seed_folder / "store"
    if not store.exists():
        assert qa("index", str(SEEDS), "--store", str(store)).code == 0
    return str(store)
