"""The file of API keys: made once, hashed, found again, revoked while others read it."""

from __future__ import annotations

import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.keys import Key, KeyFile
from index.errors import InputError, StoreError


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    assert file.keys() == []
    key, token = file.add("reports", ["write", "read"], ["b", "a", "b"])
    assert (key.scopes, key.collections) == (("read", "write"), ("a", "b"))
    assert file.authenticate(token) == key
    secret = token.split("_", 2)[2]
    assert len(secret) == 43
    for path in tmp_path.iterdir():
        assert secret not in path.read_text() and token not in path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert len({file.add(f"key {n}")[1] for n in range(20)}) == 20


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.replace("spanqa", "Spanqa"),
        lambda token: "spanqa_" + "0" * 12 + token[19:],
        lambda token: token + "\n",
        lambda _token: "",
        lambda _token: "é" * 63,
    ],
)
def test_what_is_not_the_key(tmp_path: Path, change: object) -> None:
    file = KeyFile(tmp_path)
    token = file.add("k")[1]
    assert file.authenticate(change(token)) == "unknown"  # type: ignore[operator]
    assert isinstance(file.authenticate(token), Key)


def test_another_reader_heeds_changes_at_once(tmp_path: Path) -> None:
    writer, reader = KeyFile(tmp_path), KeyFile(tmp_path)
    key, token = writer.add("k")
    assert reader.authenticate(token) == key
    writer.revoke("k")
    assert reader.authenticate(token) == "revoked"
    assert reader.usable() == [] and len(reader.keys()) == 1
    again, other = writer.add("k")
    assert reader.authenticate(other) == again and reader.authenticate(token) == "revoked"
    writer.revoke(again.id)
    assert reader.authenticate(other) == "revoked"


def test_expiry(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    now = datetime.now(UTC)
    with pytest.raises(InputError, match="expire"):
        file.add("k", expires_at=now - timedelta(seconds=1))
    key, token = file.add("k", expires_at=now + timedelta(days=1))
    assert key.obstacle(now) is None and key.obstacle(now + timedelta(days=1)) == "expired"
    content = json.loads(file.path.read_text())
    content["keys"][0]["expires_at"] = (now - timedelta(seconds=1)).isoformat()
    file.path.write_text(json.dumps(content))
    assert file.authenticate(token) == "expired" and file.usable() == []
    # Its name is free again.
    assert isinstance(file.authenticate(file.add("k")[1]), Key)


def test_wrong_names(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    file.add("k")
    with pytest.raises(InputError, match="already"):
        file.add("k")
    for name in ("", "x" * 101):
        with pytest.raises(InputError):
            file.add(name)
    with pytest.raises(InputError, match="no key"):
        file.revoke("other")
    file.revoke("k")
    with pytest.raises(InputError, match="no key"):
        file.revoke("k")


def test_keys_made_at_once_are_all_kept(tmp_path: Path) -> None:
    start = threading.Barrier(6)

    def add(number: int) -> str:
        start.wait(10)
        return KeyFile(tmp_path).add(f"key {number}")[1]

    with ThreadPoolExecutor(6) as pool:
        tokens = list(pool.map(add, range(6)))
    file = KeyFile(tmp_path)
    assert all(isinstance(file.authenticate(token), Key) for token in tokens)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"keys": [{}]}', b'{"format": 2}', b"\xff"])
def test_a_damaged_file_opens_nothing(tmp_path: Path, content: bytes) -> None:
    file = KeyFile(tmp_path)
    token = file.add("k")[1]
    file.path.write_bytes(content)
    for attempt in (lambda: file.authenticate(token), file.keys, lambda: file.add("other"), lambda: file.revoke("k")):
        with pytest.raises(StoreError, match="not a sound file of keys"):
            attempt()
    assert file.path.read_bytes() == content
