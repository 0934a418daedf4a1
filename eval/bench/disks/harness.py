"""The harness: fill the disk, give a command, make room, give it again, and check what is there, many times."""

from __future__ import annotations

import random
import re
import shlex
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.bench.disks.mounting import SmallDisk
from eval.bench.disks.plan import KINDS, Command, Places, State, lay_ready, prepare, text_of
from eval.bench.kills.keys import KeyRing
from eval.bench.kills.material import NAMES
from eval.bench.kills.performing import embedder_of, open_made
from eval.bench.kills.processes import Child
from eval.results import Frozen
from eval.runs.run import Software, software
from index.documents import document_id
from index.errors import InputError, StoreError
from index.store.health import check_store

SILENT_S = 120.0
MOST_PROBLEMS = 20
# How many commands are given for each point at most: those that had room enough are none.
_TRIES = 6
_FIRST_NEED = 256 << 10
_MOST_NEED = 12 << 20
_GROWN = 1.5
_AT_THE_EDGE = 0.7
_FINISH = re.compile(r"finish it with: qa (.+)$")
_FREE = re.compile(r"(?<![\d,.])\d[\d,.]* [kMG]?B are free")


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str


# Runs the command line in a process that has opened nothing yet: with these arguments, output to these two files.
Run = Callable[[Sequence[str], Path, Path], None]


class Filled(Frozen):
    """Points at which the disk became full during commands of a kind, `landed` of which had changed the store all the
    same; and how often a command had room enough. `least` and `most` are the bytes that were left."""

    points: int
    landed: int
    succeeded: int
    least: int
    most: int
    messages: tuple[str, ...]


class Fillings(Frozen):
    """What came of all points; `problems` is everything that was not as it must be, each with its number."""

    fillings_version: str = "1"
    software: Software
    measured_at: str
    seed: int
    points: int
    kinds: dict[str, Filled]
    seconds: float
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every refusal was clear, and nothing was lost, half there or in the way afterwards."""
        return not self.problems


def bench_full(
    disk: Path, work: Path, *, points: int, seed: int, keys: KeyRing, run: Run, say: Callable[[str], None]
) -> Fillings:
    """Fill `disk`, an empty small one, at so many points of commands on a store there; `work` is a new folder.

    Call it in a process that has opened no store and has no threads: every command runs in a fork of it. A problem ends
    it, and what is there is kept; else `work` is removed. Raises InputError for a disk that must not be filled.
    """
    if work.exists():
        raise InputError(f"{work} is there already: name another --work, or remove it")
    small = SmallDisk(disk)
    begun = time.perf_counter()
    harness = _Harness(small, Places(disk, work), seed, keys, run)
    harness.begin()
    tenth = max(1, points // 10)
    told = 0
    for number in range(points * _TRIES):
        if harness.points >= points or harness.problems:
            break
        harness.point(number)
        if harness.points // tenth > told:
            told = harness.points // tenth
            say(f"{harness.points} of {points} points")
    fillings = Fillings(
        software=software(),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        points=harness.points,
        kinds=dict(harness.kinds()),
        seconds=round(time.perf_counter() - begun, 1),
        problems=tuple(harness.problems[:MOST_PROBLEMS]),
    )
    if fillings.holds:
        shutil.rmtree(work)
    return fillings


class _Harness:
    def __init__(self, disk: SmallDisk, places: Places, seed: int, keys: KeyRing, run: Run) -> None:
        self._disk = disk
        self._places = places
        self._seed = seed
        self._keys = keys
        self._run = run
        self._state = State()
        self._tokens: dict[str, str] = {}
        self._needs: dict[str, int] = {}
        self._lefts: defaultdict[str, list[int]] = defaultdict(list)
        self._messages: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._succeeded: Counter[str] = Counter()
        self._landed: Counter[str] = Counter()
        self.problems: list[str] = []

    @property
    def points(self) -> int:
        return sum(len(lefts) for lefts in self._lefts.values())

    def kinds(self) -> Iterator[tuple[str, Filled]]:
        """What came of the commands of each kind."""
        for kind in sorted({*self._lefts, *self._succeeded}):
            lefts = self._lefts[kind]
            yield (
                kind,
                Filled(
                    points=len(lefts),
                    landed=self._landed[kind],
                    succeeded=self._succeeded[kind],
                    least=min(lefts, default=0),
                    most=max(lefts, default=0),
                    messages=tuple(self._messages[kind]),
                ),
            )

    def begin(self) -> None:
        """Make the store, and a backup of it."""
        self._places.documents.mkdir(parents=True)
        names = NAMES[: len(NAMES) // 2]
        for number, name in enumerate(names):
            self._places.write(name, number + 1)
        self._must("index", str(self._places.documents), "--store", str(self._places.store))
        self._state = State({name: number + 1 for number, name in enumerate(names)})
        self._back_up()

    def point(self, number: int) -> None:
        """Give a command while the disk is nearly full, and once more when it is not."""
        draw = random.Random(f"{self._seed} {number}")
        wanted = KINDS[number % len(KINDS)]
        command = prepare(self._places, self._state, wanted, 1000 + number, draw)
        self._in_child(lambda: lay_ready(self._places, command.kind))
        need = self._needs.get(command.kind, _FIRST_NEED)
        left = self._disk.block * draw.randint(0, need // self._disk.block)
        self._disk.fill(left)
        ran = self._give(command)
        self._disk.clear()
        where = f"point {number} of seed {self._seed}, {command.kind} with {left:,} bytes left"
        if ran.code == 0:
            self._succeeded[command.kind] += 1
            self._needs[command.kind] = max(left, self._disk.block)
        else:
            self._lefts[command.kind].append(left)
            if left >= _AT_THE_EDGE * need:
                self._needs[command.kind] = min(int(need * _GROWN) + self._disk.block, _MOST_NEED)
            self._refused(command, ran, where)
            self._settle(_finishing(command, ran), where)
        if not self.problems:
            self._expect(command.after, where)
        if command.kind == "restore":
            self._places.lay_out(self._state.documents)
        if command.made is not None:
            shutil.rmtree(command.made, ignore_errors=True)
        # Now and then, so that what comes back is not always the same.
        if command.kind == "backup":
            self._back_up()

    def _refused(self, command: Command, ran: Ran, where: str) -> None:
        """Hold what a refused command said against what it must say."""
        lines = [line for line in ran.err.splitlines() if line.strip()]
        said = lines[-1] if lines else ""
        self._messages[command.kind][re.sub(r"\d[\d,.]*", "N", said.replace(str(self._places.disk), "DISK"))] = None
        if (problem := refusal_problem(ran)) is not None:
            self.problems.append(f"{where}: {problem}")

    def _settle(self, command: Command, where: str) -> None:
        """See that nothing acknowledged is lost, then give the command again, which must succeed now."""
        if self.problems:
            return
        now = self._look(where)
        if now is None:
            return
        if now not in (_plain(self._state), _plain(command.after)):
            self.problems.append(
                f"{where}: half there or lost: {now}, not {_plain(self._state)}, {_plain(command.after)}"
            )
            return
        self._landed[command.kind] += now == _plain(command.after) != _plain(self._state)
        again = self._give(command)
        if again.code != 0:
            self.problems.append(f"{where}: with room it still fails ({again.code}): {again.err[-2_000:]}")

    def _expect(self, state: State, where: str) -> None:
        self._state = state
        now = self._look(where)
        if now is not None and now != _plain(state):
            self.problems.append(f"{where}: once it succeeded, there is {now}, not {_plain(state)}")

    def _look(self, where: str) -> dict[str, Any] | None:
        """What the store holds; None, and a problem, where it is not whole."""
        seen: dict[str, Any] = self._in_child(lambda: look(self._places, self._keys, self._tokens))
        if seen["problems"]:
            self.problems += [f"{where}: {problem}" for problem in seen["problems"]]
            return None
        del seen["problems"]
        return seen

    def _give(self, command: Command) -> Ran:
        ran = self._command(*command.arguments)
        if ran.code == 0 and command.kind in ("key added", "key rotated"):
            name = command.arguments[2]
            if (old := self._tokens.pop(name, None)) is not None:
                self._tokens[f"old secret {len(self._tokens)} of {name}"] = old
            self._tokens[name] = ran.out.strip()
        return ran

    def _back_up(self) -> None:
        shutil.rmtree(self._places.backup, ignore_errors=True)
        self._must("store", "backup", str(self._places.backup), "--store", str(self._places.store))
        self._state = replace(self._state, backup=(self._state.documents, self._state.embedder))

    def _must(self, *arguments: str) -> None:
        ran = self._command(*arguments)
        if ran.code != 0:
            raise StoreError(f"qa {' '.join(arguments)} failed with room enough: {ran.err[-2_000:]}")

    def _command(self, *arguments: str) -> Ran:
        out, err = self._places.work / "out", self._places.work / "err"
        code = self._in_child(lambda: self._run(arguments, out, err), exit_code=True)
        return Ran(code, out.read_text(errors="replace"), err.read_text(errors="replace"))

    def _in_child(self, work: Callable[[], Any], *, exit_code: bool = False) -> Any:
        """What `work` returns, in a process of its own, or that process's exit code."""
        child = Child(lambda say: say(work()))
        said = next(child.said(SILENT_S), None)
        code = child.kill()
        child.close()
        if exit_code:
            return code
        if isinstance(said, dict) and "error" in said:
            return {"problems": [said["error"]]}
        return said


def look(places: Places, keys: KeyRing, tokens: dict[str, str]) -> dict[str, Any]:
    """What a store holds, with all that is wrong with it."""
    with closing(open_made(places.store)) as store:
        problems = [f"{finding.part}: {finding.problem}" for finding in check_store(store).findings]
        documents: dict[str, int] = {}
        for name in NAMES:
            document = store.catalogue.document(document_id(places.file(name).resolve().as_uri()))
            if document is not None:
                documents[name] = int(document.text.partition("revision ")[2].partition(" ")[0])
                if document.text != text_of(name, documents[name]):
                    problems.append(f"{name} is not as it was written in revision {documents[name]}")
        if store.catalogue.counts()[0] != len(documents):
            problems.append("documents are there that nobody wrote")
        usable = sorted(keys.usable(store))
        problems += [
            f"{name} is {'' if name in usable else 'not '}usable, and its token says otherwise"
            for name, token in tokens.items()
            if keys.opens(store, token) != (name in usable)
        ]
        return {"documents": documents, "embedder": embedder_of(store), "keys": usable, "problems": problems}


def refusal_problem(ran: Ran) -> str | None:
    """What a command that found the disk full did not say as it must: one error in one line, with what is free, behind
    nothing but what it told of its progress, and exit code 1."""
    lines = [line for line in ran.err.splitlines() if line.strip()]
    if ran.code != 1 or "Traceback" in ran.err:
        return f"exit {ran.code}: {ran.err[-2_000:]}"
    if not lines or [line for line in lines if line.startswith("error: ")] != lines[-1:]:
        return f"not one line that says what is wrong: {ran.err[-2_000:]}"
    if not _FREE.search(lines[-1]):
        return f"what is free is not said: {lines[-1]}"
    return None


def _finishing(command: Command, ran: Ran) -> Command:
    """The command to give once there is room: the same, or the one that the refusal names where it was done in part."""
    named = _FINISH.search(ran.err)
    return replace(command, arguments=tuple(shlex.split(named.group(1)))) if named else command


def _plain(state: State) -> dict[str, Any]:
    return {"documents": dict(state.documents), "embedder": state.embedder, "keys": sorted(state.keys)}
