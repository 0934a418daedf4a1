"""The processes: a writer that is killed, readers beside it, and one that checks what is left."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from eval.kills.material import (
    CUT,
    NAMES,
    CodeReader,
    HashingEmbedder,
    ask_for,
    code,
    made_id,
    make_document,
    revision_in,
    sections,
)
from eval.kills.plan import Operation, State, open_made, perform
from index.catalogue import embedding_text
from index.checking import check_store
from index.passages import cut_passages
from index.store import Store
from qa.confidence import load_calibration
from qa.engine import Engine
from qa.types import MAX_PASSAGES, Question
from qa.verify import verify_against

OPENING = "opening"
ASKED_AFTER_A_KILL = 4
# Readers shall be there, and leave the cores to the writer.
_BETWEEN_QUESTIONS_S = 0.02
_READ_BYTES = 1 << 16

Say = Callable[[Any], None]


class Child:
    """A forked process that says JSON values, a line each.

    Forking makes it start with everything imported. Whoever forks must never have opened a store itself: threads and
    locks of the libraries do not survive it.
    """

    def __init__(self, work: Callable[[Say], None]) -> None:
        self._from, to = os.pipe()
        self._pending = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._from)
            _run(work, to)
        os.close(to)

    def said(self, timeout_s: float) -> Iterator[Any]:
        """What it says, as it says it; ends with its end, or once it was silent for so long."""
        while True:
            while b"\n" in self._pending:
                line, _, self._pending = self._pending.partition(b"\n")
                yield json.loads(line)
            ready, _, _ = select.select([self._from], [], [], timeout_s)
            if not ready:
                return
            data = os.read(self._from, _READ_BYTES)
            if not data:
                return
            self._pending += data

    def kill(self) -> None:
        """SIGKILL; returns once it is gone. What it said before can still be read."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def wait(self) -> None:
        """Wait for its end."""
        os.waitpid(self.pid, 0)

    def close(self) -> None:
        os.close(self._from)


def _run(work: Callable[[Say], None], to: int) -> None:
    """Do the work of a forked process, and end it without whatever its parent would still do."""

    def say(value: Any) -> None:
        # One write: it is said wholly or not at all.
        os.write(to, json.dumps(value).encode() + b"\n")

    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        work(say)
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may reach the parent's frames, which are here too
        say({"error": traceback.format_exc(limit=-6)[-2_000:]})
    finally:
        sys.stderr.flush()
        os._exit(status)


def write(folder: str, plan: Iterator[Operation], say: Say, *, create: bool = False) -> None:
    """Do what is planned; says {"opening" or the operation's kind: the seconds it took} once that is done."""
    begun = time.perf_counter()
    store = open_made(folder, create=create)
    say({OPENING: time.perf_counter() - begun})
    for operation in plan:
        begun = time.perf_counter()
        perform(store, operation)
        say({operation.kind: time.perf_counter() - begun})


def read(folder: str, seed: str, say: Say) -> None:
    """Ask without end; says "right" for each answer or rightful abstention, else what is wrong."""
    draw = random.Random(seed)
    engine = Engine(open_made(folder), CodeReader(), load_calibration())
    while True:
        name = draw.choice(NAMES)
        try:
            before = _stored(engine.store, name)
            section = draw.choice(sections(name, before[0])) if before else "section0"
            problem = _wrong(engine, name, section, before)
            # An error is what is looked for: it is said, and the next question asked.
        except Exception:  # noqa: BLE001
            problem = traceback.format_exc(limit=-6)[-2_000:]
        say({"problem": problem} if problem else "right")
        time.sleep(_BETWEEN_QUESTIONS_S)


def check(folder: str, before: State, under_way: Operation, seed: str, say: Say) -> None:
    """Says {"problems": [...], "landed": whether the operation that was under way is there}, found in the store."""
    store = open_made(folder)
    problems = [f"{finding.part}: {finding.problem}" for finding in check_store(store).findings]
    if problems:
        # What is damaged is refused where it is read.
        say({"problems": problems, "landed": False})
        return
    now = {name: found for name in NAMES if (found := _stored(store, name)) is not None}
    after = under_way.after(before)
    others = store.catalogue.counts()[0] - len(now)
    if others:
        problems.append(f"{others} documents are there that nobody wrote")
    if now not in (before, after):
        problems.append(f"{under_way} is half there: {_difference(now, before, after)}")
    for name, own in now.items():
        if store.catalogue.document(made_id(name)) != make_document(name, *own):
            problems.append(f"{name} is not as it was written in revision {own[0]}, label {own[1]}")
    problems.extend(_wrong_passages(store, now))
    engine = Engine(store, CodeReader(), load_calibration())
    draw = random.Random(seed)
    asked = {*under_way.puts, *([under_way.removed] if under_way.removed else [])}
    for name in sorted(asked | {*draw.sample(NAMES, ASKED_AFTER_A_KILL)}):
        there = now.get(name)
        section = draw.choice(sections(name, there[0])) if there else "section0"
        if problem := _wrong(engine, name, section, there):
            problems.append(problem)
    say({"problems": problems, "landed": now == after != before})


def _stored(store: Store, name: str) -> tuple[int, int] | None:
    """Revision and label of a document in the catalogue, as it states them."""
    document = store.catalogue.document(made_id(name))
    if document is None:
        return None
    revision = int(document.text.partition("revision ")[2].partition(" ")[0])
    return revision, int(document.tags[0].removeprefix("label"))


def _wrong(engine: Engine, name: str, section: str, before: tuple[int, int] | None) -> str | None:
    """What is wrong with the answer to a question for a section's code; None where nothing is.

    `before` was in the catalogue before it was asked: an older revision may not answer any more, and where the same is
    there afterwards, that one must have answered.
    """
    question = Question(question=ask_for(name, section), threshold=0.0, passages=MAX_PASSAGES)
    response = engine.ask(question)
    after = _stored(engine.store, name)
    asked = f"{question.question} (revision {before} before, {after} after)"
    for answer in response.answers:
        revision = revision_in(answer.text)
        if revision is None or answer.text != code(name, revision, section):
            return f"{asked}: {answer.text!r} is no code of it"
        document = make_document(name, revision, 0)
        verdict = verify_against(answer.citation, document)
        if not verdict.valid:
            return f"{asked}: the citation of revision {revision} is false: {'; '.join(verdict.problems)}"
        if before and revision < before[0]:
            return f"{asked}: revision {revision} answers, which was replaced before"
    unchanged = before is not None and after is not None and before[0] == after[0]
    if unchanged and not response.answers:
        return f"{asked}: no answer ({response.reason})"
    if before is None and after is None and response.answers:
        return f"{asked}: {response.answers[0].text} answers, of a document that was not there"
    return None


def _wrong_passages(store: Store, now: State) -> Iterator[str]:
    """Documents whose passages or embeddings are not those that indexing makes of them."""
    embedder = HashingEmbedder()
    found: dict[str, list[tuple[int, int, bytes]]] = {}
    for _, vectors, passages in store.catalogue.changes_since(0).added:
        for passage, vector in zip(passages, vectors, strict=True):
            expected = embedder.embed([embedding_text(passage.context, passage.text)])[0]
            if not np.array_equal(vector, expected):
                yield f"the embedding of passage {passage.id} is not that of its words"
            found.setdefault(passage.document_id, []).append((passage.start, passage.end, passage.text.encode()))
    for name, own in now.items():
        document = make_document(name, *own)
        cut = cut_passages(document, embedder.count_tokens, CUT)
        wanted = [(one.start, one.end, document.text[one.start : one.end].encode()) for one in cut]
        if sorted(found.pop(document.id, [])) != sorted(wanted):
            yield f"the passages of {name} are not those of its revision {own[0]}"
    if found:
        yield f"{len(found)} documents have passages but are not there"


def _difference(now: State, before: State, after: State) -> str:
    names = sorted(name for name in {*now, *before, *after} if not now.get(name) == before.get(name) == after.get(name))
    return "; ".join(f"{name} {before.get(name)} -> {after.get(name)}, is {now.get(name)}" for name in names)
