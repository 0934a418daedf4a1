"""The harness: kill a writer, check what is left, and go on with it, many times."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.bench.kills.checks import check
from eval.bench.kills.keys import KeyRing
from eval.bench.kills.material import NAMES
from eval.bench.kills.performing import Work
from eval.bench.kills.plan import KINDS, Operation, State, operations
from eval.bench.kills.processes import OPENING, Child, read, write
from eval.bench.machine import cores
from eval.progress import Watch
from eval.results import Frozen
from eval.runs.run import Software, software
from index.errors import InputError, StoreError

READERS = 2
# A process that says nothing for so long hangs, which is a failure too.
SILENT_S = 60.0
MOST_PROBLEMS = 20
QUARTERS = 4
# How many operations may be done before the one that is killed.
_MOST_BEFORE = 2
# Of its usual time, how much the moment of the kill is drawn from: some fall in the beginning of the next operation.
_DRAWN_FROM = 1.1
_EARLY = 0.3
_FIRST_GUESS_S = 0.1
_LEARNING_RATE = 0.3
# How many revisions a writer may use.
_REVISIONS = 1_000_000
_KILLED_OPENING = 0.08
_KILLED_READER = 0.25
# Of how many removed documents the vectors are searched for after a purge.
_MOST_GONE = 12


class Met(Frozen):
    """Kills that met an operation of a kind while it was under way: it had begun, and was not acknowledged.

    `landed` of them found all of what it changes there afterwards, the others none of it. (A purge, a repair and
    embedding anew change nothing that could be there, or the embedder alone.) `quarters` counts them by how much of
    the time that it usually takes had passed; `usual_s` is that time.
    """

    kills: int
    landed: int
    quarters: tuple[int, ...]
    usual_s: float


class Kills(Frozen):
    """What came of all kills.

    `under_way` counts them by what was under way ("opening": the writer had not begun yet); `reader_kills` are those of
    readers, beside them. `acknowledged` counts operations that were done and had said so, `answers` what readers asked
    and got right; `problems` is everything that was not as it must be, each with the kill that met it: the same seed
    and one kill more than its number come to it again.
    """

    kills_version: str = "2"
    software: Software
    cores: int
    measured_at: str
    seed: int
    kills: int
    reader_kills: int
    under_way: dict[str, Met]
    acknowledged: dict[str, int]
    readers: int
    answers: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, half there or wrong."""
        return not self.problems


def bench_kills(folder: Path, *, kills: int, seed: int, keys: KeyRing, watch: Watch) -> Kills:
    """Kill a writer of a store in `folder` so many times. All in it is removed, unless a problem was found.

    The seed decides documents, operations and the drawn moments; what a moment meets depends on the machine as well. A
    damaged store ends it, since what is to be expected of it is no longer known. Call it in a process that has opened
    no store (see `Child`). Raises InputError where the folder is there already.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already: name another --work, or remove it")
    folder.mkdir(parents=True)
    begun = time.perf_counter()
    harness = _Harness(Work(folder, keys), seed)
    try:
        harness.fill()
        with watch("killing", kills) as advance:
            for number in range(kills):
                if not harness.kill(number):
                    break
                advance(number + 1, kills)
    finally:
        harness.end()
    outcome = Kills(
        software=software(),
        cores=cores(),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        kills=sum(harness.met.values()),
        reader_kills=harness.reader_kills,
        under_way=dict(harness.under_way()),
        acknowledged=dict(sorted(harness.acknowledged.items())),
        readers=READERS,
        answers=harness.answers,
        seconds=round(time.perf_counter() - begun, 1),
        problems=tuple(harness.problems[:MOST_PROBLEMS]),
    )
    if outcome.holds:
        shutil.rmtree(folder)
    return outcome


class _Harness:
    """The folder of the store, what must be in it, and the processes around it."""

    def __init__(self, work: Work, seed: int) -> None:
        self._work = work
        self._seed = seed
        self._draw = random.Random(seed)
        self._state = State()
        self._tokens: dict[str, str] = {}
        self._ended = 0
        self._gone: dict[str, int] = {}
        self._usual_s: dict[str, float] = {}
        self._readers: list[Child] = []
        self._quarters: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.met: Counter[str] = Counter()
        self.landed: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.problems: list[str] = []
        self.answers = self.reader_kills = 0

    def under_way(self) -> Iterator[tuple[str, Met]]:
        """What the kills met, by what was under way."""
        for name, count in sorted(self.met.items()):
            quarters = self._quarters[name]
            yield (
                name,
                Met(
                    kills=count,
                    landed=self.landed[name],
                    quarters=tuple(quarters[number] for number in range(QUARTERS)),
                    usual_s=round(self._usual_s.get(name, 0.0), 4),
                ),
            )

    def fill(self) -> None:
        """Make the store, and begin to read it."""
        first = Operation("add", {name: (number + 1, 0) for number, name in enumerate(NAMES[: len(NAMES) // 2])})
        writer = Child(lambda say: write(self._work, iter([first]), say, create=True))
        said = list(writer.said(SILENT_S))
        writer.wait()
        writer.close()
        if said[-1].get("done") != first.kind:
            raise StoreError(f"the store {self._work.store} could not be made: {said}")
        self._state = first.after(self._state)
        self._readers = [self._reader(number) for number in range(READERS)]

    def kill(self, number: int) -> bool:
        """Kill a writer once and check the store; False where it is no longer what it must be."""
        aimed = KINDS[number % len(KINDS)]
        before = self._draw.randint(0, _MOST_BEFORE)
        seed = f"{self._seed} {number}"
        plan = (self._state, seed, (number + 1) * _REVISIONS, aimed, before)
        writer = Child(lambda say: write(self._work, operations(*plan), say))
        at_opening = self._draw.random() < _KILLED_OPENING
        begun = time.monotonic()
        said = self._wait(writer, OPENING if at_opening else aimed, 0 if at_opening else before + 1)
        self._maybe_kill_reader(number)
        killed = time.monotonic()
        writer.kill()
        said += list(writer.said(SILENT_S))
        writer.close()
        failed = [value["error"] for value in said if "error" in value]
        done = [value for value in said if "done" in value]
        coming = operations(*plan)
        for value in done[1:]:
            self._acknowledge(next(coming), value)
        under_way = next(coming)
        met = under_way.kind if done else OPENING
        usual = self._usual_s.get(met, _FIRST_GUESS_S)
        for value in done:
            self._learn(value["done"], value["seconds"])
        passed = killed - (done[-1]["at"] if done else begun)
        self._quarters[met][min(int(QUARTERS * passed / usual), QUARTERS - 1)] += 1
        self.met[met] += 1
        where = f"kill {number} of seed {self._seed}, in {met} after {max(len(done) - 1, 0)} operations"
        self.problems += [f"{where}: the writer failed: {error}" for error in failed]
        sound = self._check(under_way if done else Operation("describe"), seed, where, met)
        self._listen(where)
        self._tidy()
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

    def _acknowledge(self, operation: Operation, value: dict[str, Any]) -> None:
        """Expect what a writer said that it has done."""
        self.acknowledged[operation.kind] += 1
        if operation.kind == "key rotated":
            self._end_secret(operation)
        if operation.key is not None and value["token"] is not None:
            self._tokens[operation.key] = value["token"]
        self._expect(operation.after(self._state))

    def _end_secret(self, operation: Operation) -> None:
        """Expect that the secret which a key had opens nothing any more."""
        if operation.key is not None and (token := self._tokens.pop(operation.key, None)) is not None:
            self._ended += 1
            self._tokens[f"old secret {self._ended} of {operation.key}"] = token

    def _expect(self, state: State) -> None:
        before, now = self._state.held.documents, state.held.documents
        for name, (revision, _) in before.items():
            if name not in now or now[name][0] != revision:
                self._gone.pop(name, None)
                self._gone[name] = revision
        for name in list(self._gone)[:-_MOST_GONE]:
            del self._gone[name]
        self._state = state

    def _learn(self, name: str, seconds: float) -> None:
        """Take into account how long something took."""
        usual = self._usual_s.get(name, seconds)
        self._usual_s[name] = usual + _LEARNING_RATE * (seconds - usual)

    def _check(self, under_way: Operation, seed: str, where: str, met: str) -> bool:
        """Check the store in a process of its own, and take what is there for what must be there from now on."""
        checker = Child(
            lambda say: say(check(self._work, self._state, under_way, seed, tokens=self._tokens, gone=self._gone))
        )
        said = next(checker.said(SILENT_S), {"error": f"the check said nothing for {SILENT_S:.0f} s"})
        checker.kill()
        checker.close()
        problems = said.get("problems", [said.get("error")])
        self.problems += [f"{where}: {problem}" for problem in problems]
        if problems:
            return False
        if said["landed"]:
            if under_way.kind == "key rotated":
                self._end_secret(under_way)
            self._expect(under_way.after(self._state))
            self.landed[met] += 1
        else:
            self._expect(under_way.interrupted(self._state))
        return True

    def _tidy(self) -> None:
        """Remove backups and copies that newer ones took the place of."""
        kept = {self._state.begun, *(one[0] for one in (self._state.backup, self._state.copy) if one is not None)}
        for path in self._work.folder.iterdir():
            if path != self._work.store and path.name not in kept:
                shutil.rmtree(path)

    def _reader(self, number: int) -> Child:
        seed = f"{self._seed} {number} {self.reader_kills}"
        return Child(lambda say: read(self._work, seed, say))

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
