"""What is measured: indexing, asking one by one, clients at once, and starting cold. Every system in turns.

Each part is measured of all systems together, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import TypeVar

from eval.bench.peers.adapter_process import Adapter
from eval.bench.peers.systems import System, environment
from eval.bench.peers.texts import Asked, Corpus
from eval.measures.squad import exact_match, f1
from eval.progress import Watch
from eval.results import Frozen
from index.errors import InputError

COLD_TIMEOUT_S = 300

_T = TypeVar("_T")


class Indexing(Frozen):
    """Passages a second of each system, by round, and the most memory that its process took."""

    rates: dict[str, tuple[float, ...]]
    peak_bytes: dict[str, int | None]


class Asking(Frozen):
    """For each system the milliseconds of every question by round, in the questions' order its answers with their exact
    match and F1 and whether a passage that holds the answer was read, and the most memory that its process took."""

    ms: dict[str, tuple[tuple[float, ...], ...]]
    answers: dict[str, tuple[str, ...]]
    em: dict[str, tuple[float, ...]]
    f1: dict[str, tuple[float, ...]]
    hits: dict[str, tuple[bool, ...]]
    peak_bytes: dict[str, int | None]


class Clients(Frozen):
    """Questions a second of each system, under so many clients: the keys are `1`, `4`, `16`."""

    rates: dict[str, dict[str, float]]


class Cold(Frozen):
    """Seconds from the start of a process to its end, the answer printed, by round."""

    seconds: dict[str, tuple[float, ...]]


class Measuring:
    """Where and how the parts are measured: `threads` for each system, `passages` read of each question, which each
    search finds `depth` deep."""

    def __init__(
        self,
        systems: Sequence[System],
        corpus: Corpus,
        work: Path,
        *,
        threads: int,
        passages: int,
        depth: int,
        watch: Watch,
    ) -> None:
        self._systems = systems
        self._corpus = corpus
        self._work = work
        self._environment = environment(threads)
        self._passages = passages
        self._depth = depth
        self._watch = watch

    def build(self, big: Path, small: Path, small_documents: int) -> None:
        """Make each system's index of the corpus in the folder `big`, and of its first documents in `small`.

        The first system embeds the passages, the others are given its vectors: embedding is measured by `indexing`.
        """
        big.mkdir(parents=True, exist_ok=True)
        vectors = big / "vectors.npy"
        for system in self._systems:
            note = big / f"{system.name}.built"
            if note.exists():
                continue
            name = f"an index of {self._corpus.passages:,} passages: {system.name}"
            with self._watch(name, None), self._started(system) as adapter:
                for folder, last in ((small, small_documents), (big, self._corpus.documents)):
                    adapter.call(
                        "build",
                        folder=str(folder),
                        corpus=str(self._corpus.path),
                        first=0,
                        last=last,
                        # The first writes it when it embeds all of them.
                        vectors=str(vectors) if folder == big or system != self._systems[0] else None,
                    )
            note.touch()

    def indexing(self, folder: Path, passages: int, rounds: int) -> Indexing:
        """Index stretches of the corpus in turns, `passages` or a little more a round."""
        stretches = self._corpus.stretches(passages, rounds)
        rates: dict[str, list[float]] = {system.name: [] for system in self._systems}
        with self._all() as adapters, self._watch("indexing", len(stretches) * len(adapters)) as advance:
            for adapter in adapters:
                adapter.call("warm", folder=str(folder / adapter.name))
            done = 0
            for number, (first, last) in enumerate(stretches):
                for adapter in _turned(adapters, number):
                    reply = adapter.call("index", corpus=str(self._corpus.path), first=first, last=last)
                    rates[adapter.name].append(reply["passages"] / reply["seconds"])
                    done += 1
                    advance(done, len(stretches) * len(adapters))
            peaks = {adapter.name: adapter.peak_bytes() for adapter in adapters}
        return Indexing(rates={name: tuple(of_system) for name, of_system in rates.items()}, peak_bytes=peaks)

    def asking(self, folder: Path, rounds: int, warm_up: int) -> Asking:
        """Ask every question of every system, one after the other; a round is a share of the questions."""
        questions = self._corpus.questions
        size = -(-len(questions) // rounds)
        ms: dict[str, list[tuple[float, ...]]] = {system.name: [] for system in self._systems}
        replies: dict[str, list[tuple[str, list[int]]]] = {system.name: [] for system in self._systems}
        total = len(questions) * len(self._systems)
        with self._opened(folder, warm_up) as adapters, self._watch("asking", total) as advance:
            done = 0
            for number, begin in enumerate(range(0, len(questions), size)):
                for adapter in _turned(adapters, number):
                    times = []
                    for asked in questions[begin : begin + size]:
                        begun = time.perf_counter()
                        reply = adapter.ask(asked.question)
                        times.append(1000 * (time.perf_counter() - begun))
                        replies[adapter.name].append((reply["answer"], reply["passages"]))
                        done += 1
                        advance(done, total)
                    ms[adapter.name].append(tuple(times))
            peaks = {adapter.name: adapter.peak_bytes() for adapter in adapters}
        return Asking(
            ms={name: tuple(of_system) for name, of_system in ms.items()},
            answers={name: tuple(answer for answer, _ in of_system) for name, of_system in replies.items()},
            em=_judged(replies, questions, lambda asked, answer, _: exact_match(answer, asked.golds)),
            f1=_judged(replies, questions, lambda asked, answer, _: f1(answer, asked.golds)),
            hits={
                name: tuple(
                    not asked.relevant.isdisjoint(read) for asked, (_, read) in zip(questions, of_system, strict=True)
                )
                for name, of_system in replies.items()
            },
            peak_bytes=peaks,
        )

    def clients(self, folder: Path, levels: Sequence[int], seconds: float, warm_up: int) -> Clients:
        """Have so many clients ask for so many seconds, each its next question once it has the answer to the last."""
        rates: dict[str, dict[str, float]] = {system.name: {} for system in self._systems}
        total = len(levels) * len(self._systems)
        with self._opened(folder, warm_up) as adapters, self._watch("clients at once", total) as advance:
            done = 0
            for number, level in enumerate(levels):
                for adapter in _turned(adapters, number):
                    rates[adapter.name][str(level)] = _throughput(adapter, self._corpus.questions, level, seconds)
                    done += 1
                    advance(done, total)
        return Clients(rates=rates)

    def cold(self, rounds: int) -> Cold:
        """Start each system's shortest program and wait for its end, an uncounted round first."""
        seconds: dict[str, list[float]] = {system.name: [] for system in self._systems}
        total = (rounds + 1) * len(self._systems)
        with self._watch("cold starts", total) as advance:
            done = 0
            for number, asked in zip(range(rounds + 1), cycle(self._corpus.questions), strict=False):
                for system in _turned(self._systems, number):
                    taken = self._cold(system, asked.question)
                    if number:
                        seconds[system.name].append(taken)
                    done += 1
                    advance(done, total)
        return Cold(seconds={name: tuple(of_system) for name, of_system in seconds.items()})

    def _cold(self, system: System, question: str) -> float:
        # A question may begin with a dash.
        command = [*system.cold, "--", question] if system == self._systems[0] else [*system.cold, question]
        begun = time.perf_counter()
        try:
            done = subprocess.run(
                command, env=self._environment, capture_output=True, text=True, timeout=COLD_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{system.name}: {command[0]}: {error}") from error
        taken = time.perf_counter() - begun
        if done.returncode != 0 or not done.stdout.strip():
            last = " | ".join(done.stderr.strip().splitlines()[-3:]) or "it printed nothing"
            raise InputError(f"{system.name}: its shortest program failed (exit {done.returncode}): {last}")
        return taken

    def _started(self, system: System) -> Adapter:
        return Adapter(system.name, system.command, self._environment, self._work / "logs" / f"{system.name}.log")

    @contextmanager
    def _all(self) -> Iterator[list[Adapter]]:
        with ExitStack() as stack:
            yield [stack.enter_context(self._started(system)) for system in self._systems]

    @contextmanager
    def _opened(self, folder: Path, warm_up: int) -> Iterator[list[Adapter]]:
        """New processes, each with its index open and a few questions answered."""
        with self._all() as adapters:
            with self._watch("opening and warming up", None):
                for adapter in adapters:
                    adapter.call(
                        "open",
                        folder=str(folder),
                        corpus=str(self._corpus.path),
                        first=0,
                        last=self._corpus.documents,
                        passages=self._passages,
                        depth=self._depth,
                    )
                    for asked in self._corpus.questions[:warm_up]:
                        adapter.ask(asked.question)
            yield adapters


def _turned(systems: Sequence[_T], number: int) -> list[_T]:
    """The systems in another order every round: none is always behind the same other."""
    first = number % len(systems)
    return [*systems[first:], *systems[:first]]


def _judged(
    replies: Mapping[str, Sequence[tuple[str, list[int]]]],
    questions: Sequence[Asked],
    judge: Callable[[Asked, str, list[int]], float],
) -> dict[str, tuple[float, ...]]:
    return {
        name: tuple(judge(asked, *reply) for asked, reply in zip(questions, of_system, strict=True))
        for name, of_system in replies.items()
    }


def _throughput(adapter: Adapter, questions: Sequence[Asked], clients: int, seconds: float) -> float:
    """Questions a second, until the last that was begun in time is answered."""
    begun = time.perf_counter()
    answered = [0] * clients
    failed: list[InputError] = []

    def ask(number: int) -> None:
        at = number
        while time.perf_counter() - begun < seconds and not failed:
            try:
                adapter.ask(questions[at % len(questions)].question)
            except InputError as error:
                failed.append(error)
                return
            answered[number] += 1
            at += clients

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(answered) / (time.perf_counter() - begun)
