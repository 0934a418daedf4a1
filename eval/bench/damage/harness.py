"""The harness: damage a copy of a catalogue, and see whether what is read of it is right, refused or told of."""

from __future__ import annotations

import random
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from eval.bench.damage.material import Right, ask, dump, held, make_store, open_damaged
from eval.progress import Watch
from eval.results import Frozen
from eval.runs.run import Software, software
from index.catalogue.sqlite import CATALOGUE_FILE
from index.errors import InputError, SpanqaError
from index.search.index_folders import DERIVED_FOLDER
from index.store.health import check_store

MOST_PROBLEMS = 20
Kind = Literal["flip", "cut"]
_T = TypeVar("_T")


class Outcomes(Frozen):
    """What came of damaged files: `refused` could not be opened, with a message; `told` a check told of. In `spared` no
    row was changed, and nothing was told: what was hit holds nothing."""

    files: int
    refused: int
    told: int
    spared: int


class Damages(Frozen):
    """What came of all of them. `answers` were right, `refusals` came in place of one, with a message; `problems` is
    everything that was not as it must be."""

    damage_version: str = "1"
    software: Software
    seed: int
    file_bytes: int
    flips: Outcomes
    cuts: Outcomes
    answers: int
    refusals: int
    seconds: float
    problems: tuple[str, ...]
    problem_count: int

    @property
    def holds(self) -> bool:
        """Whether nothing wrong was answered or read, nothing was called whole that was not, and no error was other
        than a message."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Refused:
    message: str


def bench_damage(work: Path, *, flips: int, cuts: int, seed: int, watch: Watch) -> Damages:
    """Flip one random bit of a catalogue's file so many times, and cut it off at a random byte so many times.

    Each time it is opened, asked, read as a whole and checked; half of the times its search indexes are there as they
    were, the other half they are made anew. The file has no log beside it (it is checkpointed). The stores are in
    `work`, a new folder, which is removed unless a problem was found. The seed decides all. Raises InputError where the
    folder is there already.
    """
    if work.exists():
        raise InputError(f"{work} is there already: name another --work, or remove it")
    work.mkdir(parents=True)
    begun = time.perf_counter()
    harness = _Harness(work.resolve(), seed)
    with watch("damaging", flips + cuts) as advance:
        flipped: list[Kind] = ["flip"] * flips
        cut: list[Kind] = ["cut"] * cuts
        for number, kind in enumerate([*flipped, *cut]):
            harness.damage(kind, number)
            advance(number + 1, flips + cuts)
    damages = Damages(
        software=software(),
        seed=seed,
        file_bytes=harness.size,
        flips=harness.outcomes("flip"),
        cuts=harness.outcomes("cut"),
        answers=harness.answers,
        refusals=harness.refusals,
        seconds=round(time.perf_counter() - begun, 1),
        problems=tuple(harness.problems[:MOST_PROBLEMS]),
        problem_count=len(harness.problems),
    )
    if damages.holds:
        shutil.rmtree(work)
    return damages


class _Harness:
    def __init__(self, work: Path, seed: int) -> None:
        self._work = work
        self._seed = seed
        self._draw = random.Random(seed)
        self._right: Right = make_store(work / "store", seed)
        self._content = (work / "store" / CATALOGUE_FILE).read_bytes()
        self.size = len(self._content)
        self._met: Counter[tuple[Kind, str]] = Counter()
        self.problems: list[str] = []
        self.answers = self.refusals = 0

    def outcomes(self, kind: Kind) -> Outcomes:
        """What came of the files that were damaged in this way."""
        met = {name: self._met[kind, name] for name in ("refused", "told", "spared")}
        return Outcomes(files=sum(count for (of, _), count in self._met.items() if of == kind), **met)

    def damage(self, kind: Kind, number: int) -> None:
        """Damage a copy once and see what comes of it."""
        folder = self._work / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if number % 2:
            shutil.copytree(self._work / "store" / DERIVED_FOLDER, folder / DERIVED_FOLDER)
        file = folder / CATALOGUE_FILE
        where = self._draw.randrange(self.size)
        if kind == "flip":
            bit = self._draw.randrange(8)
            content = bytearray(self._content)
            content[where] ^= 1 << bit
            file.write_bytes(content)
            case = f"{kind} {number}: bit {bit} of byte {where}"
        else:
            file.write_bytes(self._content[:where])
            case = f"{kind} {number}: at byte {where}"
        rows = dump(file)
        before = len(self.problems)
        self._met[kind, self._look(folder, case, same=rows == self._right.rows)] += 1
        if len(self.problems) > before:
            shutil.copyfile(file, self._work / f"{kind}{number}.sqlite")

    def _look(self, folder: Path, case: str, *, same: bool) -> str:
        store = self._try(case, lambda: open_damaged(folder))
        if store is None or isinstance(store, _Refused):
            return "refused"
        try:
            for name, question in self._right.questions.items():
                answered = self._try(case, lambda question=question: ask(store, question))  # type: ignore[misc]
                if isinstance(answered, _Refused):
                    self.refusals += 1
                elif answered == self._right.answers[name]:
                    self.answers += 1
                elif answered is not None:
                    self._problem(case, f"{name!r} was answered {answered}")
            read = self._try(case, lambda: held(store))
            if not isinstance(read, _Refused) and read is not None and read != self._right.held:
                self._problem(case, "what was read is not what was written")
            health = self._try(case, lambda: check_store(store))
            if health is None or isinstance(health, _Refused):
                return "told"
            for finding in health.findings:
                self._require_discreet(case, f"{finding.problem} {finding.remedy}")
            if health.sound and not same:
                self._problem(case, "a check calls it whole, and its rows are not what they were")
            return "spared" if health.sound else "told"
        finally:
            store.close()

    def _try(self, case: str, work: Callable[[], _T]) -> _T | _Refused | None:
        """What the work gives, or how it is refused; None where it fails in another way, which is a problem."""
        try:
            return work()
        except SpanqaError as error:
            self._require_discreet(case, str(error))
            return _Refused(str(error))
            # Whatever else is raised is what is looked for.
        except Exception:  # noqa: BLE001
            self._problem(case, traceback.format_exc(limit=-4)[-1_500:])
            return None

    def _require_discreet(self, case: str, message: str) -> None:
        if any(word in message for word in self._right.words):
            self._problem(case, f"a message holds words of a document: {message[:300]}")

    def _problem(self, case: str, what: str) -> None:
        self.problems.append(f"{case} (seed {self._seed}): {what}")
