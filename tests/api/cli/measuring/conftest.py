"""A gold set of the seed article, and a run of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import SEEDS, Run


@pytest.fixture
def gold(seed_folder: Path, seed_store: str, qa: Run) -> str:
    """Four questions, and beside them the run of them, made once."""
    path = seed_folder / "gold.jsonl"
    if not path.exists():
        lines = (SEEDS / "gold.jsonl").read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(lines[:4]), encoding="utf-8")
        assert qa("eval", str(path), "--store", seed_store, "--output", str(path.with_name("first.json"))).code == 0
    return str(path)


@pytest.fixture
def first(gold: str) -> str:
    return str(Path(gold).with_name("first.json"))
