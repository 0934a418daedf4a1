"""`qa keys` and what `qa serve` makes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.embedders import FakeEmbedder

from api.cli.main import main
from index.catalogue.keys import Key, RefusedKey
from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue
from index.store.keyring import KeyRing
from index.store.store import Store

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
    ring = KeyRing(Store(tmp_path / "store", FakeEmbedder()))
    key = ring.authenticate(token)
    assert isinstance(key, Key) and key.collections == ("a",) and key.scopes == ("read", "write")
    assert key.expires_at is not None and (key.expires_at - key.created_at).days in (29, 30)
    code, out, _ = qa("keys", "list", "--json")
    listed = json.loads(out)
    assert listed["id"] == key.id and "sha256" not in listed
    assert (listed["state"], listed["last_used_at"]) == ("usable", None)
    assert "usable" in qa("keys", "list")[1]
    assert qa("keys", "revoke", "reports")[0] == 0
    assert ring.authenticate(token) == RefusedKey("revoked", key.id) and "revoked" in qa("keys", "list")[1]


def test_a_new_secret(qa: Run, tmp_path: Path) -> None:
    old = qa("keys", "add", "reports")[1].strip()
    code, out, err = qa("keys", "rotate", "reports", "--grace", "12h")
    new = out.strip()
    assert code == 0 and new != old and "ends 20" in err and "not shown again" in err
    ring = KeyRing(Store(tmp_path / "store", FakeEmbedder()))
    assert isinstance(ring.authenticate(old), Key) and isinstance(ring.authenticate(new), Key)
    newest = qa("keys", "rotate", "reports", "--grace", "0")[1].strip()
    assert isinstance(ring.authenticate(newest), Key)
    assert [getattr(ring.authenticate(token), "reason", None) for token in (old, new)] == ["expired", "expired"]


def test_what_was_done_is_shown_without_words(qa: Run) -> None:
    qa("keys", "add", "reports")
    qa("keys", "revoke", "reports")
    lines = [json.loads(line) for line in qa("audit", "--json")[1].splitlines()]
    assert [(line["actor"], line["operation"], line["outcome"]) for line in lines] == [
        ("local command", "keys add", "done"),
        ("local command", "keys revoke", "done"),
    ]
    assert len({line["subject"] for line in lines}) == 1
    for only in ("reports", lines[0]["subject"]):
        assert len(qa("audit", "--json", "--key", only)[1].splitlines()) == 2
    assert qa("audit", "--json", "--since", "2999-01-01")[1] == ""
    assert len(qa("audit", "--json", "--limit", "1")[1].splitlines()) == 1
    assert "keys revoke" in qa("audit")[1]
    assert qa("audit", "--use", "--json")[1] == "" and qa("audit", "--use")[1].strip() == "nothing is noted"


def test_without_keys_again_only_when_meant(qa: Run) -> None:
    qa("keys", "add", "k")
    assert qa("keys", "clear")[0] == 2
    code, out, _ = qa("keys", "clear", "--yes")
    assert code == 0 and out.startswith("1 ")
    assert "no keys" in qa("keys", "list")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "k", "--scope", "admin"), 2, "not a scope"),
        (("add", "k", "--expires", "soon"), 2, "neither like"),
        (("add", "k", "--expires", "2020-01-01"), 1, "expire"),
        (("revoke", "k"), 1, "no key"),
        (("rotate", "k"), 1, "no key"),
        (("rotate", "other", "--grace", "soon"), 2, "neither like"),
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


def test_what_is_done_to_the_whole_store_is_noted(qa: Run, tmp_path: Path) -> None:
    for command in (("store", "purge"), ("store", "backup", str(tmp_path / "backup"))):
        assert qa(*command)[0] == 0
    noted = [json.loads(line)["operation"] for line in qa("audit", "--json")[1].splitlines()]
    assert noted == ["store purge", "store backup"]


def test_keys_that_a_restoration_cannot_keep_are_told(qa: Run, tmp_path: Path) -> None:
    qa("keys", "add", "k")
    assert qa("store", "backup", str(tmp_path / "backup"))[0] == 0
    code, _, err = qa("store", "restore", str(tmp_path / "backup"), "--replace")
    assert code == 0 and "qa keys add" not in err and "usable" in qa("keys", "list")[1]
    (tmp_path / "store" / CATALOGUE_FILE).write_bytes(b"")
    code, _, err = qa("store", "restore", str(tmp_path / "backup"), "--replace")
    assert code == 0 and "API keys, if it had any, and its log are lost" in err and "qa keys add" in err
