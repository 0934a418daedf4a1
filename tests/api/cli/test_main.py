"""The command line as a whole: its version, and how it ends."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from command_line import Run


def test_the_version_is_the_packages(qa: Run) -> None:
    ran = qa("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"spanqa {version('spanqa')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("nothing",), 2), (("ask",), 2), (("--nothing",), 2), (("ask", "Who?", "--store", "none"), 1), (("--help",), 0)],
)
def test_how_it_ends(
    qa: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    assert qa(*arguments).code == code
    assert list(tmp_path.iterdir()) == []
