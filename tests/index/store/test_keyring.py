"""The API keys of a store: made once, hashed, found again, renewed and revoked while others read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scale.locations import here, server_store
from sqlalchemy import text

from index.catalogue import audit_log
from index.catalogue.keys import DamagedKey, Key, RefusedKey
from index.catalogue.sqlite import CATALOGUE_FILE
from index.errors import DamageError, InputError, StoreError
from index.store import keyring
from index.store.backups import back_up, restore
from index.store.health import check_store, repair_store
from index.store.keyring import KeyRing
from index.store.store import Store

Open = Callable[[], Store]
DAY = timedelta(days=1)


@pytest.fixture(params=["sqlite", *(["postgres"] if "postgres" in here() else [])])
def opened(request: pytest.FixtureRequest, tmp_path: Path, make_embedder: Any) -> Iterator[Open]:
    """Opens the same store as often as it is called, as processes on machines of their own would."""
    stores: list[Store] = []

    def open_at(location: Any) -> Store:
        stores.append(Store(location, make_embedder()))
        return stores[-1]

    if request.param == "sqlite":
        yield lambda: open_at(tmp_path / "store")
    else:
        with server_store("postgres", tmp_path / "derived") as location:
            yield lambda: open_at(location)
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> Store:
    return opened()


@pytest.fixture
def ring(store: Store) -> KeyRing:
    return KeyRing(store)


def reason(ring: KeyRing, token: str) -> str | None:
    """Why a token opens nothing, None where it does."""
    key = ring.authenticate(token)
    return key.reason if isinstance(key, RefusedKey) else None


def operations(store: Store) -> list[str]:
    with store.catalogue.connection() as connection:
        return [entry.operation for entry in audit_log.entries(connection, limit=100)]


def test_a_key_is_shown_once_and_kept_as_a_hash(ring: KeyRing, store: Store) -> None:
    assert ring.sound_keys() == [] and not ring.required()
    key, token = ring.add("reports", ["write", "read"], ["b", "a", "b"])
    assert (key.scopes, key.collections) == (("read", "write"), ("a", "b"))
    assert ring.authenticate(token) == key and ring.required()
    secret = token.split("_", 2)[2]
    assert len(secret) == 43
    for path in store.folder.iterdir():
        assert path.is_dir() or secret.encode() not in path.read_bytes()
    assert len({ring.add(f"key {n}")[1] for n in range(5)}) == 5


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
def test_what_is_not_the_key(ring: KeyRing, change: Callable[[str], str]) -> None:
    token = ring.add("k")[1]
    assert ring.authenticate(change(token)) == RefusedKey("unknown")
    assert reason(ring, token) is None


def test_other_replicas_heed_changes_at_once(opened: Open) -> None:
    writer, reader = KeyRing(opened()), KeyRing(opened())
    key, token = writer.add("k")
    assert reader.authenticate(token) == key
    writer.revoke("k")
    assert reader.authenticate(token) == RefusedKey("revoked", key.id)
    assert reader.usable() == [] and len(reader.sound_keys()) == 1 and reader.required()
    again, other = writer.add("k")
    assert reader.authenticate(other) == again and reason(reader, token) == "revoked"
    writer.revoke(again.id)
    assert reason(reader, other) == "revoked"
    assert writer.clear() == 2 and not reader.required()


def test_expiry(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InputError, match="expire"):
        ring.add("k", expires_at=now - timedelta(seconds=1))
    key, token = ring.add("k", expires_at=now + DAY)
    assert key.obstacle(now) is None and key.obstacle(now + DAY) == "expired"
    ring.rotate("k", timedelta())
    assert reason(ring, token) == "expired"


def test_a_new_secret_has_the_same_rights_and_end(ring: KeyRing) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + 10 * DAY
    first, old = ring.add("k", ["read", "write"], ["a"], end)
    second, new, changed = ring.rotate("k", DAY)
    assert (second.name, second.scopes, second.collections, second.expires_at) == ("k", first.scopes, ("a",), end)
    assert [key.id for key in changed] == [first.id] and second.id != first.id
    assert reason(ring, old) is None and reason(ring, new) is None
    assert changed[0].expires_at is not None and changed[0].expires_at < end
    # By the id of one that is in its grace the same key is meant, and no grace is made longer.
    third, newest, changed = ring.rotate(first.id, 5 * DAY)
    assert third.expires_at == end
    assert (
        changed[0].expires_at
        == ring.sound_keys()[0].expires_at
        == min(one.expires_at for one in changed if one.expires_at)
    )
    # Whoever revokes the name means every secret of it.
    assert len(ring.revoke("k")) == 3
    assert {reason(ring, token) for token in (old, new, newest)} == {"revoked"}
    with pytest.raises(InputError, match="no key 'k' that could be given"):
        ring.rotate("k", DAY)


def test_wrong_names(ring: KeyRing) -> None:
    ring.add("k")
    with pytest.raises(InputError, match="already"):
        ring.add("k")
    for name in ("", "x" * 101):
        with pytest.raises(InputError):
            ring.add(name)
    with pytest.raises(InputError, match="no key"):
        ring.revoke("other")
    ring.revoke("k")
    with pytest.raises(InputError, match="no key"):
        ring.revoke("k")


def test_room_is_made_of_keys_that_open_nothing(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "MAX_KEYS", 3)
    for name in "abc":
        ring.add(name)
    with pytest.raises(InputError, match="3 keys already, all in use"):
        ring.add("d")
    ring.revoke("b")
    ring.add("d")
    assert [key.name for key in ring.sound_keys()] == ["a", "c", "d"]


def test_keys_made_at_once_are_all_kept(opened: Open) -> None:
    stores = [opened() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda number: KeyRing(stores[number]).add(f"key {number}")[1], range(4)))
    assert {reason(KeyRing(stores[0]), token) for token in tokens} == {None}


DAMAGE = {
    "scopes": '["read", "write"]',
    "collections": "[]",
    "expires_at": None,
    "revoked_at": None,
    "name": "other",
    "sha256": "0" * 64,
    "created_at": "nonsense",
}


@pytest.mark.parametrize("column", DAMAGE)
def test_a_damaged_row_opens_nothing_and_is_told(ring: KeyRing, store: Store, column: str) -> None:
    key, token = ring.add("k", ["read"], ["a"], datetime.now(UTC) + DAY)
    if column == "revoked_at":
        ring.revoke("k")
    with store.catalogue.connection(write=True) as connection:
        connection.execute(text(f"UPDATE keys SET {column} = :value"), {"value": DAMAGE[column]})
    assert ring.authenticate(token) == RefusedKey("damaged", key.id)
    assert ring.usable() == [] and ring.required()
    assert [type(one) for one in ring.listed()] == [DamagedKey]
    (finding,) = check_store(store).findings
    assert key.id in finding.problem and "qa keys revoke" in finding.remedy
    ring.revoke(key.id)
    assert reason(ring, token) in {"revoked", "unknown"} and check_store(store).sound


def test_a_lost_row_is_told_and_never_opens_the_door(ring: KeyRing, store: Store) -> None:
    _, token = ring.add("a")
    lost, _ = ring.add("b")
    with store.catalogue.connection(write=True) as connection:
        connection.execute(text("DELETE FROM keys WHERE id = :id"), {"id": lost.id})
    # What is changed since does not hide it.
    ring.add("c")
    ring.rotate("a", timedelta())
    with pytest.raises(DamageError, match=r"there are 3 API keys, and must be 4\).*qa store repair"):
        ring.required()
    (finding,) = check_store(store).findings
    assert "must be 4" in finding.problem and "qa store repair" in finding.remedy
    health, done = repair_store(store)
    assert health.sound and any("keys add" in line for line in done)
    assert ring.required() and reason(ring, token) == "expired" and len(ring.usable()) == 2


@pytest.mark.parametrize(
    "damage", ["DELETE FROM keys", "UPDATE key_tally SET tally = 'nonsense'", "DELETE FROM key_tally"]
)
def test_a_store_that_had_keys_is_not_served_without(ring: KeyRing, store: Store, damage: str) -> None:
    ring.add("a")
    with store.catalogue.connection(write=True) as connection:
        connection.execute(text(damage))
    with pytest.raises(DamageError, match="are lost"):
        ring.required()
    assert not check_store(store).sound
    assert repair_store(store)[0].sound and ring.required()
    ring.clear()
    assert not ring.required() and check_store(store).sound


def test_every_change_is_noted(ring: KeyRing, store: Store) -> None:
    ring.add("secret name")
    ring.rotate("secret name", DAY)
    ring.revoke("secret name")
    ring.clear()
    with store.catalogue.connection() as connection:
        noted = audit_log.entries(connection, limit=100)
    assert [entry.operation for entry in noted] == [
        "keys add",
        "keys rotate",
        "keys revoke",
        "keys revoke",
        "keys clear",
    ]
    assert {entry.actor for entry in noted} == {"local command"} and noted[-1].count == 2
    assert "secret name" not in repr(noted)


def test_the_log_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "MAX_ENTRIES", 3)
    monkeypatch.setattr(audit_log, "MAX_USES", 3)
    old = audit_log.moment(datetime.now(UTC) - audit_log.MAX_AGE - DAY)
    for number in range(6):
        day = (datetime.now(UTC) - number * DAY).date().isoformat()
        at = f"{day}T00:00:00"
        use = audit_log.Use(day=day, key_id="k", operation="o", outcome="done", first_at=at, last_at=at, count=2)
        with store.catalogue.changing_own_rows() as connection:
            audit_log.record(connection, "local command", f"change {number}")
            audit_log.add_uses(connection, [use, use])
    with store.catalogue.connection() as connection:
        assert [entry.operation[-1] for entry in audit_log.entries(connection, limit=9)] == ["3", "4", "5"]
        kept = audit_log.uses(connection, limit=9)
        assert [use.count for use in kept] == [4, 4, 4] and audit_log.last_uses(connection)["k"] == kept[-1].last_at
    with store.catalogue.connection(write=True) as connection:
        connection.execute(text("UPDATE audit SET at = :old"), {"old": old})
        audit_log.record(connection, "local command", "new")
    assert operations(store) == ["new"]


class TestTheFileOfOlderVersions:
    @pytest.fixture
    def written(self, store: Store) -> list[Key]:
        """A usable key and a revoked one in keys.json."""
        now = datetime.now(UTC).replace(microsecond=0)
        keys = [
            Key(id=f"{n:012x}", name="k", sha256=f"{n:064x}", scopes=("read",), created_at=now, revoked_at=end)
            for n, end in ((1, now), (2, None))
        ]
        content = {"format": 1, "keys": [key.model_dump(mode="json") for key in keys]}
        (store.folder / "keys.json").write_text(json.dumps(content))
        return keys

    def test_its_keys_are_brought_in_once(self, store: Store, written: list[Key]) -> None:
        ring = KeyRing(store)
        assert ring.sound_keys() == written and ring.required() and len(ring.usable()) == 1
        assert not (store.folder / "keys.json").exists() and (store.folder / "keys.json.migrated").is_file()
        ring.revoke("k")
        assert KeyRing(store).usable() == []

    def test_what_is_revoked_in_either_place_is_revoked(self, store: Store, written: list[Key]) -> None:
        content = (store.folder / "keys.json").read_text()
        KeyRing(store).revoke("k")
        # Another machine's copy of the file, which knows nothing of it.
        (store.folder / "keys.json").write_text(content)
        assert KeyRing(store).usable() == []

    def test_two_machines_gave_the_same_name(self, store: Store, written: list[Key]) -> None:
        _, token = KeyRing(store).add("other")
        key = written[1].model_copy(update={"id": "f" * 12, "name": "other"})
        (store.folder / "keys.json").write_text(json.dumps({"keys": [key.model_dump(mode="json")]}))
        ring = KeyRing(store)
        assert {key.name for key in ring.usable()} == {"k", "other", f"other ({'f' * 12})"}
        ring.revoke("other")
        assert reason(ring, token) == "revoked" and len(ring.usable()) == 2

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"keys": [{}]}', b'{"format": 2}', b"\xff"])
    def test_a_damaged_one_is_not_passed_over(self, store: Store, content: bytes) -> None:
        (store.folder / "keys.json").write_bytes(content)
        with pytest.raises(StoreError, match="not a sound file of keys"):
            KeyRing(store)
        assert (store.folder / "keys.json").read_bytes() == content

    def test_one_that_cannot_be_moved_is_told(
        self, store: Store, written: list[Key], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def busy(*_paths: object) -> None:
            raise OSError(16, "Device or resource busy")

        with monkeypatch.context() as patch:
            patch.setattr("os.replace", busy)
            with pytest.raises(StoreError, match=r"are in the catalogue now.*no longer mount it"):
                KeyRing(store)
        (store.folder / "keys.json").unlink()
        assert len(KeyRing(store).usable()) == 1


def test_a_backup_holds_no_key_and_a_restored_store_keeps_its_own(tmp_path: Path, make_embedder: Any) -> None:
    store = Store(tmp_path / "store", make_embedder())
    ring = KeyRing(store)
    first, old = ring.add("first")
    file = back_up(store, tmp_path / "backup")
    content = file.read_bytes()
    assert all(part.encode() not in content for part in (first.id, first.sha256, "keys add"))
    backup = Store(tmp_path / "backup", make_embedder())
    assert KeyRing(backup).listed() == [] and operations(backup) == []
    backup.close()
    ring.revoke("first")
    second, token = ring.add("second")
    before = operations(store)
    restore(store, tmp_path / "backup")
    assert ring.authenticate(token) == second and reason(ring, old) == "revoked"
    assert operations(store)[: len(before)] == before
    ring.add("third")
    assert (store.folder / CATALOGUE_FILE).is_file() and len(ring.sound_keys()) == 3
    store.close()
