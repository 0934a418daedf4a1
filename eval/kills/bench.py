"""The harness: kill a writer, check what is left, and go on with it, many times."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.kills.material import NAMES
from eval.kills.plan import KINDS, Operation, State, operations
from eval.kills.processes import OPENING, Child, check, read, write
from eval.results import Frozen
from eval.runs import Software, software
from index.errors import InputError, StoreError

READERS = 2
# A process that says nothing for so long hangs, which is a failure too.
SILENT_S = 60.0
MOST_PROBLEMS = 20
# How many operations may be done before the one that is killed.
_MOST_BEFORE = 2
# Of its usual time, how much the moment of the kill is drawn from: some fall in the beginning of the next operation.
_DRAWN_FROM = 1.1
_EARLY = 0.5
_FIRST_GUESS_S = 0.1
_LEARNING_RATE = 0.2
# How many revisions a writer may use.
_REVISIONS = 1_000_000
_KILLED_OPENING = 0.1
_KILLED_READER = 0.25

Watch = Callable[[str, int | None], AbstractContextManager[Callable[[int, int], None]]]


class Met(Frozen):
    """Kills that met an operation of a kind: `landed` of them found all of what it changes there afterwards, the others
    none of it. (Compaction and embedding anew change nothing that could be there.)"""

    kills: int
    landed: int


class Kills(Frozen):
    """What came of all kills.

    `under_way` counts them by what was under way ("opening": the writer had not begun yet); `reader_kills` are those of
    readers, beside them. `acknowledged` counts operations that were done and had said so, `answers` what readers asked
    and got right; `problems` is everything that was not as it must be.
    """

    kills_version: str = "1"
    software: Software
    cores: int
    measured_at: str
    seed: int
    kills: int
    reader_kills: int
    under_way: dict[str, Met]
    acknowledged: int
    readers: int
    answers: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, half there or wrong."""
        return not self.problems


def bench_kills(work: Path, *, kills: int, seed: int, watch: Watch) -> Kills:
    """Kill a writer of a store in `work` so many times. The store is removed, unless a problem was found.

    The seed decides documents, operations and the drawn moments; what a moment meets depends on the machine as well. A
    damaged store ends it, since what is to be expected of it is no longer known. Call it in a process that has opened
    no store (see `Child`). Raises InputError where the folder is there already.
    """
    if work.exists():
        raise InputError(f"{work} is there already: name another --work, or remove it")
    work.mkdir(parents=True)
    begun = time.perf_counter()
    harness = _Harness(str(work / "store"), seed)
    try:
        harness.fill()
        with watch("killing", kills) as advance:
            for number in range(kills):
                if not harness.kill(number):
                    break
                advance(number + 1, kills)
    finally:
        harness.end()
    found = Kills(
        software=software(),
        cores=os.cpu_count() or 1,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        kills=sum(harness.met.values()),
        reader_kills=harness.reader_kills,
        under_way={name: Met(kills=count, landed=harness.landed[name]) for name, count in sorted(harness.met.items())},
        acknowledged=harness.acknowledged,
        readers=READERS,
        answers=harness.answers,
        seconds=round(time.perf_counter() - begun, 1),
        problems=tuple(harness.problems[:MOST_PROBLEMS]),
    )
    if found.holds:
        shutil.rmtree(work)
    return found


class _Harness:
    """The store's folder, what must be in it, and the processes around it."""

    def __init__(self, folder: str, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._draw = random.Random(seed)
        self._state: State = {}
        self._usual_s: dict[str, float] = {}
        self._readers: list[Child] = []
        self.met: Counter[str] = Counter()
        self.landed: Counter[str] = Counter()
        self.problems: list[str] = []
        self.acknowledged = self.answers = self.reader_kills = 0

    def fill(self) -> None:
        """Make the store, and begin to read it."""
        first = Operation("add", {name: (number + 1, 0) for number, name in enumerate(NAMES[: len(NAMES) // 2])})
        writer = Child(lambda say: write(self._folder, iter([first]), say, create=True))
        said = list(writer.said(SILENT_S))
        writer.wait()
        writer.close()
        if [*said[-1]] != [first.kind]:
            raise StoreError(f"the store {self._folder} could not be made: {said}")
        self._state = first.after({})
        self._readers = [self._reader(number) for number in range(READERS)]

    def kill(self, number: int) -> bool:
        """Kill a writer once and check the store; False where it is no longer what it must be."""
        aimed = KINDS[number % len(KINDS)]
        before = self._draw.randint(0, _MOST_BEFORE)
        seed = f"{self._seed} {number}"
        plan = (self._state, seed, (number + 1) * _REVISIONS, aimed, before)
        writer = Child(lambda say: write(self._folder, operations(*plan), say))
        at_opening = self._draw.random() < _KILLED_OPENING
        said = self._wait(writer, OPENING if at_opening else aimed, 0 if at_opening else before + 1)
        self._maybe_kill_reader(number)
        writer.kill()
        said += list(writer.said(SILENT_S))
        writer.close()
        failed = [value["error"] for value in said if "error" in value]
        for value in said:
            self._learn(value)
        done = len(said) - len(failed) - 1
        coming = operations(*plan)
        for _ in range(done):
            self._state = next(coming).after(self._state)
        self.acknowledged += max(done, 0)
        under_way = next(coming)
        met = OPENING if done < 0 else under_way.kind
        self.met[met] += 1
        where = f"kill {number} of seed {self._seed}, in {met} after {max(done, 0)} operations"
        self.problems += [f"{where}: the writer failed: {error}" for error in failed]
        sound = self._check(under_way, seed, where, met)
        self._listen(where)
        return sound and not failed

    def end(self) -> None:
        """End the readers."""
        for reader in self._readers:
            reader.kill()
        self._listen("at the end")
        for reader in self._readers:
            reader.close()

    def _wait(self, writer: Child, aimed: str, words: int) -> list[dict[str, Any]]:
        """Until the drawn moment of what is aimed at, which begins once the writer has said so many words; these."""
        said: list[dict[str, Any]] = []
        if words:
            for value in writer.said(SILENT_S):
                said.append(value)
                if len(said) == words or "error" in value:
                    break
            else:
                self.problems.append(f"a writer said {said}, then nothing for {SILENT_S:.0f} s")
        moment = self._draw.random()
        if self._draw.random() < _EARLY:
            # The catalogue's transaction comes first and is short beside bringing up the search indexes.
            moment **= 4
        time.sleep(moment * _DRAWN_FROM * self._usual_s.get(aimed, _FIRST_GUESS_S))
        return said

    def _learn(self, value: dict[str, Any]) -> None:
        """Take into account how long something took."""
        for name, seconds in value.items():
            if isinstance(seconds, float):
                usual = self._usual_s.get(name, seconds)
                self._usual_s[name] = usual + _LEARNING_RATE * (seconds - usual)

    def _check(self, under_way: Operation, seed: str, where: str, met: str) -> bool:
        """Check the store in a process of its own, and take what is there for what must be there from now on."""
        checker = Child(lambda say: check(self._folder, self._state, under_way, seed, say))
        said = next(checker.said(SILENT_S), {"error": f"the check said nothing for {SILENT_S:.0f} s"})
        checker.kill()
        checker.close()
        problems = said.get("problems", [said.get("error")])
        self.problems += [f"{where}: {problem}" for problem in problems]
        if problems:
            return False
        if said["landed"]:
            self._state = under_way.after(self._state)
            self.landed[met] += 1
        return True

    def _reader(self, number: int) -> Child:
        seed = f"{self._seed} {number} {self.reader_kills}"
        return Child(lambda say: read(self._folder, seed, say))

    def _maybe_kill_reader(self, number: int) -> None:
        # A reader may be bringing up the search indexes.
        if self._draw.random() < _KILLED_READER:
            which = number % READERS
            self._readers[which].kill()
            self._hear(self._readers[which], "a reader")
            self._readers[which].close()
            self.reader_kills += 1
            self._readers[which] = self._reader(which)

    def _listen(self, where: str) -> None:
        for reader in self._readers:
            self._hear(reader, where)

    def _hear(self, reader: Child, where: str) -> None:
        for value in reader.said(0):
            if value == "right":
                self.answers += 1
            else:
                self.problems.append(f"{where}, a reader: {value.get('problem') or value.get('error')}")
