"""What a server has acknowledged, and what its answers must therefore show or not show."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from index.documents import document_id


@dataclass(frozen=True, slots=True)
class Version:
    """A document's text under the hash that a server knows it by."""

    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a document: any of `possible` may be stored (None: no document), and nothing else.

    One possibility means that the server acknowledged it. `change` counts what was begun with the document.
    """

    possible: tuple[Version | None, ...]
    change: int = 0

    @property
    def certain(self) -> bool:
        return len(self.possible) == 1

    def allows(self, sha256: str | None) -> bool:
        return any((None if version is None else version.sha256) == sha256 for version in self.possible)


class Ledger:
    """What was begun and acknowledged, by document. Safe to share between threads; each document has one writer.

    A check is made of what was known before a request and has not changed after it (`unchanged`): what is written
    meanwhile may be seen or not.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}
        self._texts: dict[str, str] = {}
        self.acknowledged_puts = 0
        self.acknowledged_removals = 0

    def begin(self, uri: str, wanted: Version | None) -> None:
        """A change is about to be asked for, of which nobody knows when it takes place."""
        with self._lock:
            before = self._known.get(document_id(uri), Known((None,)))
            possible = before.possible if wanted in before.possible else (*before.possible, wanted)
            self._known[document_id(uri)] = Known(possible, before.change + 1)
            if wanted is not None:
                self._texts[wanted.sha256] = wanted.text

    def acknowledge(self, uri: str, stored: Version | None) -> None:
        """The server said that this is what it holds now."""
        with self._lock:
            before = self._known[document_id(uri)]
            self._known[document_id(uri)] = Known((stored,), before.change + 1)
            if stored is None:
                self.acknowledged_removals += 1
            else:
                self.acknowledged_puts += 1

    def settle(self, uri: str, sha256: str | None) -> bool:
        """What a read showed after a change without an answer; whether that is one of what may be."""
        with self._lock:
            before = self._known[document_id(uri)]
            versions = [v for v in before.possible if (None if v is None else v.sha256) == sha256]
            if versions:
                self._known[document_id(uri)] = Known((versions[0],), before.change + 1)
            return bool(versions)

    def known(self, uri: str) -> Known:
        with self._lock:
            return self._known.get(document_id(uri), Known((None,)))

    def moment(self) -> dict[str, Known]:
        """Everything known now, by document id."""
        with self._lock:
            return dict(self._known)

    def text(self, sha256: str) -> str | None:
        """The text of a version that was sent at some time."""
        with self._lock:
            return self._texts.get(sha256)

    def wrong_answer(self, before: Mapping[str, Known], response: Mapping[str, Any]) -> list[str]:
        """What is wrong with the citations of a response to a question that was asked when `before` was known."""
        after = self.moment()
        problems = []
        for citation in _citations(response):
            key, sha256 = citation["document"]["id"], citation["document"]["sha256"]
            text = self.text(sha256)
            if text is None or text[citation["start"] : citation["end"]] != citation["quote"]:
                problems.append(f"a citation of {key} in version {sha256[:12]} is not the words of any version sent")
            elif (known := unchanged(before, after, key)) and not known.allows(sha256):
                state = "removed" if known.possible == (None,) else "replaced"
                problems.append(
                    f"document {key} in version {sha256[:12]} answers, which was acknowledged to be {state}"
                )
        return problems

    def wrong_list(self, before: Mapping[str, Known], listed: Mapping[str, str]) -> list[str]:
        """What is wrong with a whole list (version by document id) that was asked for when `before` was known."""
        after = self.moment()
        problems = []
        for key in before:
            known = unchanged(before, after, key)
            if known is not None and not known.allows(listed.get(key)):
                was = "is not listed" if key not in listed else f"is listed in version {listed[key][:12]}"
                problems.append(f"document {key} {was}, against what was acknowledged")
        problems += [f"document {key} is listed and was never sent" for key in listed if key not in after]
        return problems


def unchanged(before: Mapping[str, Known], after: Mapping[str, Known], key: str) -> Known | None:
    """What was known of a document over the whole of a request; None where something was begun meanwhile."""
    known = before.get(key)
    return known if known is not None and after[key].change == known.change else None


def _citations(response: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for answer in (*response["answers"], *response["candidates"], *response["also_found"]):
        yield answer["citation"]
        yield from answer["supporting"]
