"""What every catalogue must do, whatever its history: it is compared with a model of itself."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.catalogue import Open, cut, document, every_id, vectors
from index.catalogue.protocol import Catalogue
from index.documents import Document, DocumentVersion, document_id

MODEL_SETTINGS = settings(max_examples=15, stateful_step_count=20, deadline=None)


class CatalogueModel(RuleBasedStateMachine):
    """A catalogue, a dictionary that says what must be in it, and an index that follows its changes."""

    names = st.sampled_from(["a", "b", "c", "d"])
    texts = st.text(alphabet="xyz é😀\x00", min_size=1, max_size=6)

    def opener(self) -> Open:
        """Opens one catalogue, that is new, any number of times; `resources` closes what it needs."""
        raise NotImplementedError

    @initialize()
    def start(self) -> None:
        self.resources = ExitStack()
        self.open = self.opener()
        self.catalogue: Catalogue = self.open()
        self.expected: dict[str, Document] = {}
        self.vector: dict[str, float] = {}
        self.derived: dict[int, tuple[str, float]] = {}
        self.derived_at = 0
        self.owner: dict[int, tuple[str, int]] = {}
        self.generation = 0
        self.puts = 0

    @rule(name=names, text=texts)
    def put(self, name: str, text: str) -> None:
        self.puts += 1
        given = document(name, text)
        edges = [(n, n + 1) for n in range(len(text))]
        changed = self.catalogue.put(given, cut(*edges), vectors(len(edges), self.puts))
        assert changed == (self.expected.get(name) != given)
        if changed:
            self.expected[name], self.vector[name] = given, self.puts
        self._check_generation(changed)

    @rule(name=names)
    def put_again(self, name: str) -> None:
        if name in self.expected:
            assert not self.catalogue.put(self.expected[name], [], vectors(0))
            self._check_generation(False)

    @rule(name=names)
    def remove(self, name: str) -> None:
        there = self.expected.pop(name, None) is not None
        assert self.catalogue.remove(document_id(name)) == there
        self._check_generation(there)

    @rule()
    def re_embed(self) -> None:
        self.puts += 1
        self.catalogue.re_embed(lambda texts: vectors(len(texts), self.puts), {})
        self.vector = dict.fromkeys(self.vector, self.puts)
        self._check_generation(True)

    @rule()
    def reopen(self) -> None:
        self.catalogue.close()
        self.catalogue = self.open()
        self._check_generation(False)

    @rule(anew=st.booleans())
    def derive(self, anew: bool) -> None:
        if anew:
            self.derived, self.derived_at = {}, 0
        changes = self.catalogue.changes_since(self.derived_at)
        for number in changes.removed:
            self.derived.pop(number, None)
        for ids, batch, stored in changes.added:
            for number, vector, passage in zip(ids, batch, stored, strict=True):
                self.derived[int(number)] = (passage.text, float(vector[0]))
        self.derived_at = changes.generation
        expected = sorted((c, float(self.vector[n])) for n, given in self.expected.items() for c in given.text)
        assert sorted(self.derived.values()) == expected
        assert sorted(self.derived) == every_id(self.catalogue)

    @invariant()
    def holds_what_was_put(self) -> None:
        if not hasattr(self, "catalogue"):
            return
        passages = sum(len(given.text) for given in self.expected.values())
        assert self.catalogue.counts() == (len(self.expected), passages)
        ids = every_id(self.catalogue)
        snapshot = self.catalogue.snapshot(ids)
        assert snapshot.generation == self.generation
        assert snapshot.documents == {
            given.id: DocumentVersion(given.id, given.uri, given.title, given.sha256, given.date)
            for given in self.expected.values()
        }
        by_id = {given.id: given for given in self.expected.values()}
        assert sorted(snapshot.passages) == ids
        for number, passage in snapshot.passages.items():
            owner = by_id[passage.document_id]
            assert passage.text == owner.text[passage.start : passage.end]
            # A number means one passage of one version of one document, for ever.
            meaning = (owner.sha256 + owner.uri, passage.start)
            assert self.owner.setdefault(number, meaning) == meaning

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.catalogue.close()
            self.resources.close()

    def _check_generation(self, changed: bool) -> None:
        now = self.catalogue.generation()
        assert now > self.generation if changed else now == self.generation
        self.generation = now
