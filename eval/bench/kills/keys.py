"""API keys as the harness uses them: whoever knows how a store keeps them hands it this."""

from __future__ import annotations

from typing import Protocol

from index.store.store import Store


class KeyRing(Protocol):
    """The API keys of stores."""

    def add(self, store: Store, name: str) -> str:
        """Make a key of that name; the token that whoever has it shows."""
        ...

    def rotate(self, store: Store, name: str) -> str:
        """Give a key a new secret, the old one ending at once; the new token."""
        ...

    def revoke(self, store: Store, name: str) -> None: ...

    def opens(self, store: Store, token: str) -> bool:
        """Whether a token opens the door."""
        ...

    def usable(self, store: Store) -> list[str]:
        """The names of the keys that open the door."""
        ...
