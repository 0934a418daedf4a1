"""A server under load: questions a second, latency and memory with one client and with several."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from eval.bench.bars import Bar, at_least, at_most
from eval.bench.machine import machine
from eval.bench.serving.client import Client, UnreachedError
from eval.bench.serving.server_process import ServerProcess
from eval.measures.basic import percentile
from eval.results import Frozen
from eval.runs.run import GoldRef, Software, StoreRef, software
from index.text.printable import printable

LEVELS = (1, 4, 16)
MOST_CLIENTS = 256
# What is asked of the most clients beside one.
# Figures of a level without an answer would say nothing.
LEAST_ANSWERS = 1
LEAST_SPEEDUP = 1.5
# Of n clients that are served in turn each waits for n answers on average (Little's law): p95 within so many of those.
MOST_P95 = 2.0
MOST_GROWTH = 1.1
# Before a level is measured each of its clients asks so many questions: memory and caches are then as under this load.
WARM_QUESTIONS = 3
_PAUSE_S = 0.05


class Level(Frozen):
    """So many clients, each asking its next question when the last one is answered.

    `per_second`: answered questions; `p50_ms`, `p95_ms`, `p99_ms`: of answered ones, as their clients saw them;
    `statuses`: answers by status, `no answer` among them; `resident_start_bytes`, `resident_end_bytes`: of the server,
    None where the system does not say.
    """

    clients: int
    seconds: float
    answered: int
    per_second: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    statuses: dict[str, int]
    resident_start_bytes: int | None
    resident_end_bytes: int | None


class LoadReport(Frozen):
    """All levels, and the bars that hold the last one against the first."""

    load_version: str = "1"
    measured_at: str
    machine: str
    software: Software
    store: StoreRef
    gold: GoldRef
    passages: int
    levels: tuple[Level, ...]
    bars: tuple[Bar, ...]


def measure(
    server: ServerProcess,
    questions: Sequence[str],
    *,
    seconds: float,
    passages: int,
    levels: Sequence[int] = LEVELS,
    seed: int = 13,
    say: Callable[[str], None] = lambda _text: None,
) -> tuple[Level, ...]:
    """Ask a started server with each number of clients in turn; the questions are drawn by the seed."""
    measured_levels = []
    for clients in levels:
        say(f"{clients} clients for {seconds:g} s")
        _drive(server, questions, clients, passages, seed + 1, rounds=WARM_QUESTIONS)
        start = server.resident_bytes()
        begun = time.monotonic()
        times, statuses = _drive(server, questions, clients, passages, seed, until=begun + seconds)
        took = time.monotonic() - begun
        measured_levels.append(
            Level(
                clients=clients,
                seconds=round(took, 2),
                answered=len(times),
                per_second=round(len(times) / took, 2),
                p50_ms=percentile(times, 50),
                p95_ms=percentile(times, 95),
                p99_ms=percentile(times, 99),
                statuses=dict(sorted(statuses.items())),
                resident_start_bytes=start,
                resident_end_bytes=server.resident_bytes(),
            )
        )
    return tuple(measured_levels)


def report_of(
    levels: Sequence[Level], *, store: StoreRef, gold: GoldRef, passages: int, bars: Sequence[Bar] | None = None
) -> LoadReport:
    """The levels with what they are of."""
    return LoadReport(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(),
        software=software(),
        store=store,
        gold=gold,
        passages=passages,
        levels=tuple(levels),
        bars=tuple(bars_of(levels) if bars is None else bars),
    )


def bars_of(levels: Sequence[Level]) -> tuple[Bar, ...]:
    """What is asked: more with many clients than with one, no starving, no error but 503, flat memory."""
    one, most = levels[0], levels[-1]
    failed = sum(count for level in levels for status, count in level.statuses.items() if status not in ("200", "503"))
    fewest = min(level.answered for level in levels)
    bars = [
        at_most("requests that failed, 503 apart", failed, 0),
        at_least("answers of the level that got fewest", fewest, LEAST_ANSWERS),
    ]
    if most.clients > one.clients:
        speedup = most.per_second / one.per_second if one.per_second else 0.0
        name = f"questions a second of {most.clients} clients over those of {one.clients}"
        bars.append(at_least(name, round(speedup, 3), LEAST_SPEEDUP))
    if most.p95_ms is not None:
        turns = most.p95_ms / 1000 * most.per_second / most.clients
        name = f"p95 of {most.clients} clients over the mean that this many must wait"
        bars.append(at_most(name, round(turns, 3), MOST_P95))
    if most.resident_start_bytes and most.resident_end_bytes:
        growth = most.resident_end_bytes / most.resident_start_bytes
        name = f"resident memory after {most.clients} clients over before"
        bars.append(at_most(name, round(growth, 3), MOST_GROWTH))
    return tuple(bars)


def print_load(report: LoadReport, console: Console) -> None:
    """Prints a row for each level, then the bars."""
    table = Table(
        title=f"{report.measured_at[:10]}, {report.machine}",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for heading in (
        "clients",
        "answers\n/s",
        "p50\nms",
        "p95\nms",
        "p99\nms",
        "answered",
        "others",
        "MB\nstart",
        "MB\nend",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for level in report.levels:
        others = ", ".join(f"{status}: {count}" for status, count in level.statuses.items() if status != "200")
        table.add_row(
            str(level.clients),
            f"{level.per_second:.1f}",
            *("n/a" if ms is None else f"{ms:.0f}" for ms in (level.p50_ms, level.p95_ms, level.p99_ms)),
            f"{level.answered:,}",
            others or "none",
            *(
                "n/a" if size is None else f"{size / 1e6:,.0f}"
                for size in (level.resident_start_bytes, level.resident_end_bytes)
            ),
        )
    console.print(table)
    console.print(
        f"{report.gold.questions} questions of {printable(report.gold.name)}, {report.passages} passages read for "
        f"each, of {report.store.passages:,} in the store; rate limit and answer cache off; the clients share the "
        "machine."
    )
    for bar in report.bars:
        console.print(f"{'holds' if bar.holds else 'FALLS SHORT'}: {bar.name} {bar.value:g}, {bar.bound} {bar.limit:g}")


def _drive(
    server: ServerProcess,
    questions: Sequence[str],
    clients: int,
    passages: int,
    seed: int,
    *,
    until: float | None = None,
    rounds: int | None = None,
) -> tuple[list[float], Counter[str]]:
    """Let so many clients ask until a time or for so many questions each: milliseconds of answers, and all outcomes."""
    times: list[float] = []
    statuses: Counter[str] = Counter()
    lock = threading.Lock()

    def drive(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        own_times: list[float] = []
        own_statuses: Counter[str] = Counter()
        asked = 0
        with Client(server.port) as client:
            while (until is None or time.monotonic() < until) and (rounds is None or asked < rounds):
                asked += 1
                question = {"question": chance.choice(questions), "passages": passages}
                begun = time.perf_counter()
                try:
                    reply = client.request("POST", "/v1/ask", question)
                except UnreachedError:
                    own_statuses["no answer"] += 1
                    time.sleep(_PAUSE_S)
                    continue
                own_statuses[str(reply.status)] += 1
                if reply.status == 200:
                    own_times.append(round((time.perf_counter() - begun) * 1000, 2))
                elif reply.retry_after_s:
                    left = reply.retry_after_s if until is None else min(reply.retry_after_s, until - time.monotonic())
                    time.sleep(max(0.0, left))
        with lock:
            times.extend(own_times)
            statuses.update(own_statuses)

    threads = [threading.Thread(target=drive, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, statuses
