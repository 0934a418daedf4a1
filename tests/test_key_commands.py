"""`qa keys` and what `qa serve` makes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import main
from api.keys import Key, KeyFile
from index.catalogue import CATALOGUE_FILE, SqliteCatalogue

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def qa(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    (tmp_path / "store").mkdir()
    SqliteCatalogue(tmp_path / "store" / CATALOGUE_FILE).close()

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qa", *arguments, "--store", str(tmp_path / "store")])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_added_listed_revoked(qa: Run, tmp_path: Path) -> None:
    code, out, err = qa(
        "keys", "add", "reports", "--scope", "read", "--scope", "write", "--collection", "a", "--expires", "30d"
    )
    token = out.strip()
    assert code == 0 and "not shown again" in err and token not in err
    file = KeyFile(tmp_path / "store")
    key = file.authenticate(token)
    assert isinstance(key, Key) and key.collections == ("a",) and key.scopes == ("read", "write")
    assert key.expires_at is not None and (key.expires_at - key.created_at).days in (29, 30)
    code, out, _ = qa("keys", "list", "--json")
    listed = json.loads(out)
    assert listed["id"] == key.id and "sha256" not in listed
    assert "usable" in qa("keys", "list")[1]
    assert qa("keys", "revoke", "reports")[0] == 0
    assert file.authenticate(token) == "revoked" and "revoked" in qa("keys", "list")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "k", "--scope", "admin"), 2, "not a scope"),
        (("add", "k", "--expires", "soon"), 2, "neither like"),
        (("add", "k", "--expires", "2020-01-01"), 1, "expire"),
        (("revoke", "k"), 1, "no key"),
    ],
)
def test_wrong_use(qa: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert qa("keys", "add", "other")[0] == 0
    ran = qa("keys", *arguments)
    assert ran[0] == code and said in " ".join(ran[2].split())


def test_others_are_served_only_with_a_key(qa: Run) -> None:
    code, _, err = qa("serve", "--host", "0.0.0.0", "--port", "0")
    assert code == 1 and "qa keys add" in err
    assert qa("keys", "add", "k")[0] == 0 and qa("keys", "revoke", "k")[0] == 0
    code, _, err = qa("serve", "--host", "0.0.0.0", "--port", "0")
    assert code == 1 and "qa keys add" in err
