"""What the harnesses that kill writers and fill disks know of this layer: how a store's API keys are kept."""

from __future__ import annotations

from datetime import timedelta

from index.catalogue.keys import Key
from index.store.keyring import KeyRing
from index.store.store import Store


class StoreKeys:
    """The API keys of stores (see `eval.bench.kills.keys.KeyRing`)."""

    def add(self, store: Store, name: str) -> str:
        return KeyRing(store).add(name)[1]

    def rotate(self, store: Store, name: str) -> str:
        return KeyRing(store).rotate(name, timedelta())[1]

    def revoke(self, store: Store, name: str) -> None:
        KeyRing(store).revoke(name)

    def opens(self, store: Store, token: str) -> bool:
        return isinstance(KeyRing(store).authenticate(token), Key)

    def usable(self, store: Store) -> list[str]:
        return [key.name for key in KeyRing(store).usable()]
