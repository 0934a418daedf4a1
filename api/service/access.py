"""What a request may do and see: scopes and collections of the key that it came with."""

from __future__ import annotations

from dataclasses import dataclass

from api.problems import FORBIDDEN, ProblemError
from index.catalogue.audit_log import NO_KEY
from index.catalogue.keys import Key, Scope
from index.documents import DEFAULT_COLLECTION
from qa.types import Filters, Response


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do. `collections` None: every one; `key_id` None: the server has no keys.

    `client` is who shares limits and turns with it: all requests with the same key or, without keys, from one address.
    """

    scopes: frozenset[Scope] = frozenset({"read", "write"})
    collections: tuple[str, ...] | None = None
    key_id: str | None = None
    client: str = ""

    @staticmethod
    def of(key: Key) -> Access:
        return Access(frozenset(key.scopes), key.collections or None, key.id, f"key {key.id}")

    @property
    def actor(self) -> str:
        """Who that is in the store's log."""
        return self.key_id or NO_KEY

    def sees(self, collection: str) -> bool:
        """Whether the documents of a collection exist for it."""
        return self.collections is None or collection in self.collections

    def narrow(self, filters: Filters) -> Filters:
        """The filters, within what may be seen."""
        if self.collections is None:
            return filters
        wanted = filters.collections or self.collections
        seen = tuple(name for name in wanted if name in self.collections)
        # No collection has an empty name: where nothing that is asked for may be seen, nothing is found.
        return filters.model_copy(update={"collections": seen or ("",)})

    def shown(self, response: Response) -> Response:
        """The response as it may be seen: nothing in it moves with documents of other collections."""
        if self.collections is None:
            return response
        provenance = response.provenance.model_copy(update={"store_generation": None})
        explanation = response.explanation and response.explanation.without_word_scores()
        return response.model_copy(update={"provenance": provenance, "explanation": explanation})

    def collection_for(self, named: str | None) -> str:
        """Where an upload goes; raises ProblemError 403 for a collection that the key is not for."""
        if named is None:
            only = self.collections is not None and len(self.collections) == 1
            named = self.collections[0] if self.collections and only else DEFAULT_COLLECTION
        if not self.sees(named):
            raise ProblemError(FORBIDDEN, f"the key is not for the collection {named[:100]!r}; name one that it is for")
        return named

    def require_all_collections(self) -> None:
        """Raise ProblemError 403 for a key limited to collections."""
        if self.collections is not None:
            raise ProblemError(FORBIDDEN, "this speaks of all documents, and the key is limited to some collections")
