"""What a killed writer left is held against what was acknowledged."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.kills.asking import stored, wrong
from eval.bench.kills.material import (
    CUT,
    EMBEDDERS,
    NAMES,
    CodeReader,
    codes_in,
    made_id,
    make_document,
)
from eval.bench.kills.performing import Work, copy, embedder_of, open_made
from eval.bench.kills.plan import Held, Operation, State
from index.catalogue.sqlite import CATALOGUE_FILE
from index.errors import ModelError, SpanqaError
from index.store.backups import back_up
from index.store.health import check_store, repair_store
from index.store.store import Store
from index.text.passages import cut_passages, embedding_text
from qa.engine import Engine
from qa.judging.confidence import load_calibration

ASKED_AFTER_A_KILL = 4
# Of how many passages that went the vectors are searched for.
_GONE_PASSAGES = 40
_PROBES = 3
_VECTOR_PART = 16


def check(
    work: Work,
    before: State,
    under_way: Operation,
    seed: str,
    *,
    tokens: Mapping[str, str] | None = None,
    gone: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """{"problems": [...], "landed": whether the operation that was under way is there}, found in all that is there.

    `tokens` are those of the keys by name; `gone` are documents that were removed or replaced lately, by name with the
    revision. A repair or a purge that was under way is done again first: it need only be so that it can be.
    """
    draw = random.Random(seed)
    store = open_made(work.store)
    with closing(store):
        if under_way.kind == "repair":
            repair_store(store)
        problems = [f"{finding.part}: {finding.problem}" for finding in check_store(store).findings]
        if problems:
            # What is damaged is refused where it is read.
            return {"problems": problems, "landed": False}
        now = held_by(store)
        after = under_way.after(before)
        others = store.catalogue.counts()[0] - len(now.documents)
        if others:
            problems.append(f"{others} documents are there that nobody wrote")
        if now not in (before.held, after.held):
            problems.append(f"{under_way} is half there: {_difference(now, before.held, after.held)}")
        problems.extend(_wrong_content(store, now))
        if problems:
            # What a damaged store answers says nothing more.
            return {"problems": problems, "landed": False}
        problems.extend(_wrong_answers(store, now, under_way, draw))
        usable = sorted(work.keys.usable(store))
        if usable not in (before.usable_keys, after.usable_keys):
            problems.append(f"the keys {usable} open the door, not {before.usable_keys} (or {after.usable_keys})")
        for name, token in (tokens or {}).items():
            if work.keys.opens(store, token) != (name in usable):
                problems.append(f"{name} is {'' if name in usable else 'not '}usable, and its token says otherwise")
        landed = now == after.held != before.held or usable == after.usable_keys != before.usable_keys
        if under_way.kind == "backup":
            landed, wrongs = _check_backup(store, work.named(under_way.folder), before.held)
            problems.extend(wrongs)
        if under_way.kind == "migrate":
            landed, wrongs = _check_copy(store, work.named(under_way.folder), before)
            problems.extend(wrongs)
        if under_way.kind == "purge":
            store.purge()
            problems.extend(traces(store, now, gone or {}))
    return {"problems": problems, "landed": landed}


def held_by(store: Store) -> Held:
    """The documents of a store, as they themselves say, and its embedder."""
    return Held({name: found for name in NAMES if (found := stored(store, name)) is not None}, embedder_of(store))


def traces(store: Store, now: Held, gone: Mapping[str, int]) -> Iterator[str]:
    """What is left in the store's files of texts and vectors that it does not hold."""
    codes = {revision for revision, _ in now.documents.values()}
    probes: set[bytes] = set()
    kept: set[bytes] = set()
    for name, (revision, _) in now.documents.items():
        kept |= _vectors_of(name, revision, now.embedder)
    for name, revision in gone.items():
        for number in range(len(EMBEDDERS)):
            probes |= set(sorted(_vectors_of(name, revision, number))[:_GONE_PASSAGES])
    for name, (revision, _) in sorted(now.documents.items())[:_PROBES]:
        probes |= _vectors_of(name, revision, 1 - now.embedder)
    probes -= kept
    for path in sorted(store.folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        left = sorted({code for revision, code in codes_in(content) if revision not in codes})
        if left:
            yield f"{path} still holds words of what was removed: {len(left)} codes, {left[0]} among them"
        if any(probe in content for probe in probes):
            yield f"{path} still holds a vector of what was removed"


def _vectors_of(name: str, revision: int, embedder: int) -> set[bytes]:
    """The beginnings of the vectors of a document's passages, as they stand in files."""
    document = make_document(name, revision, 0)
    cut = cut_passages(document, EMBEDDERS[embedder].count_tokens, CUT)
    texts = [embedding_text(passage.context, document.text[passage.start : passage.end]) for passage in cut]
    vectors = EMBEDDERS[embedder].embed(texts).astype("<f4")
    # Of few words the beginning may be zeros, which stand anywhere.
    return {vector.tobytes() for vector in vectors if np.count_nonzero(vector) >= _VECTOR_PART // 4}


def _check_backup(store: Store, folder: Path, held: Held) -> tuple[bool, list[str]]:
    """Whether a backup that was under way is there, whole; where it is not, whether it can be made there."""
    landed = (folder / CATALOGUE_FILE).exists()
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        # Neither asking a backup nor trying to make it may change what the next command finds.
        aside = Path(scratch) / "backup"
        if folder.exists():
            shutil.copytree(folder, aside)
        if not landed:
            try:
                back_up(store, aside)
            except SpanqaError as error:
                return False, [f"the interrupted backup cannot be made in the same folder: {error}"]
        return landed, [f"the backup: {problem}" for problem in _wrong_store(aside, held)]


def _check_copy(store: Store, folder: Path, before: State) -> tuple[bool, list[str]]:
    """Whether a copy that was under way is complete; where it is not, whether it says so, and can be gone on with."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        aside = Path(scratch) / "copy"
        if folder.exists():
            shutil.copytree(folder, aside)
        known = before.copy[1] if before.copy is not None and before.copy[0] == folder.name else None
        landed = False
        problems = []
        if (aside / CATALOGUE_FILE).exists():
            with closing(Store(aside, store.embedder, cut=CUT)) as made:
                there = _believed(made)
                landed = there == before.held
                if there is not None and there not in (before.held, known):
                    problems.append(f"half of a copy can be asked: {_difference(there, before.held, known or Held())}")
        try:
            copy(store, aside)
        except SpanqaError as error:
            return landed, [*problems, f"the interrupted copy cannot be gone on with: {error}"]
        return landed, [*problems, *(f"the copy: {problem}" for problem in _wrong_store(aside, before.held))]


def _believed(store: Store) -> Held | None:
    """What a store answers from; None where it holds nothing, or refuses to be asked."""
    if store.catalogue.is_empty():
        return None
    try:
        store.check_embedder()
    except ModelError:
        # Pinned to the other embedder: it is asked with that one.
        pass
    except SpanqaError:
        return None
    return held_by(store)


def _wrong_store(folder: Path, held: Held) -> Iterator[str]:
    with closing(open_made(folder)) as store:
        if findings := check_store(store).findings:
            yield from (f"{finding.part}: {finding.problem}" for finding in findings)
            return
        now = held_by(store)
        if now != held:
            yield f"it does not hold what the store held: {_difference(now, held, held)}"
        yield from _wrong_content(store, now)


def _wrong_answers(store: Store, now: Held, under_way: Operation, draw: random.Random) -> Iterator[str]:
    engine = Engine(store, CodeReader(), load_calibration())
    asked = {*under_way.puts, *([under_way.removed] if under_way.removed else [])}
    for name in sorted(asked | {*draw.sample(NAMES, ASKED_AFTER_A_KILL)}):
        if problem := wrong(engine, name, draw):
            yield problem


def _wrong_content(store: Store, now: Held) -> Iterator[str]:
    """Documents that are not as they were written, or whose passages or embeddings are not those that indexing makes
    of them."""
    embedder = EMBEDDERS[now.embedder]
    found: dict[str, list[tuple[int, int, bytes]]] = {}
    for _, vectors, passages in store.catalogue.changes_since(0).added:
        for passage, vector in zip(passages, vectors, strict=True):
            expected = embedder.embed([embedding_text(passage.context, passage.text)])[0]
            if not np.array_equal(vector, expected):
                yield f"the embedding of passage {passage.id} is not that of its words by {embedder.name}"
            found.setdefault(passage.document_id, []).append((passage.start, passage.end, passage.text.encode()))
    for name, own in now.documents.items():
        document = make_document(name, *own)
        if store.catalogue.document(made_id(name)) != document:
            yield f"{name} is not as it was written in revision {own[0]}, label {own[1]}"
        cut = cut_passages(document, embedder.count_tokens, CUT)
        wanted = [(one.start, one.end, document.text[one.start : one.end].encode()) for one in cut]
        if sorted(found.pop(document.id, [])) != sorted(wanted):
            yield f"the passages of {name} are not those of its revision {own[0]}"
    if found:
        yield f"{len(found)} documents have passages but are not there"


def _difference(now: Held, before: Held, after: Held) -> str:
    parts = [
        f"{name} {before.documents.get(name)} -> {after.documents.get(name)}, is {now.documents.get(name)}"
        for name in sorted({*now.documents, *before.documents, *after.documents})
        if not now.documents.get(name) == before.documents.get(name) == after.documents.get(name)
    ]
    if not now.embedder == before.embedder == after.embedder:
        parts.append(f"embedder {before.embedder} -> {after.embedder}, is {now.embedder}")
    return "; ".join(parts)
