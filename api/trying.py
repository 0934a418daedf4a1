"""What the harnesses that kill writers and fill disks know of this layer: how a store's API keys are kept."""

from __future__ import annotations

from api.keys import KeyFile
from index.store import Store


class StoreKeys:
    """The API keys of stores (see `eval.kills.keys.KeyRing`)."""

    def add(self, store: Store, name: str) -> str:
        return KeyFile(store.folder).add(name)[1]

    def revoke(self, store: Store, name: str) -> None:
        KeyFile(store.folder).revoke(name)

    def opens(self, store: Store, token: str) -> bool:
        return not isinstance(KeyFile(store.folder).authenticate(token), str)

    def usable(self, store: Store) -> list[str]:
        return [key.name for key in KeyFile(store.folder).usable()]
