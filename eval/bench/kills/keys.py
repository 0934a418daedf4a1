"""API keys as the harness uses them, provided by a caller that knows how a store keeps them."""

from __future__ import annotations

from typing import Protocol

from index.store.store import Store


class KeyRing(Protocol):
    """The API keys of stores."""

    def add(self, store: Store, name: str) -> str:
        """Create a key of that name; returns its token."""
        ...

    def rotate(self, store: Store, name: str) -> str:
        """Give a key a new secret, which invalidates the old one at once; returns the new token."""
        ...

    def revoke(self, store: Store, name: str) -> None: ...

    def opens(self, store: Store, token: str) -> bool:
        """Whether a token grants access."""
        ...

    def usable(self, store: Store) -> list[str]:
        """The names of the keys that grant access."""
        ...
