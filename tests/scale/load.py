"""Two API processes and two writers on one store in servers, under questions, while processes and servers are killed.

`PYTHONPATH=tests python -m scale.load --seconds 300 --seed 13 --output FILE` takes about a minute more than it is told.
Documents state their own revision, so that an answer tells by its words alone whether it is old or removed; models need
no weights. Exit 1 where anything was not as it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from eval.bench.kills.material import (
    CUT,
    NAMES,
    CodeReader,
    HashingEmbedder,
    ask_for,
    code,
    made_id,
    make_document,
    revision_in,
)
from index.errors import StoreError
from index.location import parse_location
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.types import MAX_PASSAGES
from scale.servers import (
    Server,
    end_when_asked_to,
    free_port,
    milvus,
    milvus_lite,
    milvus_url,
    postgres,
    postgres_url,
    temporary_folder,
)

ROOT = Path(__file__).resolve().parents[2]
APIS = WRITERS = CLIENTS = 2
READY_TIMEOUT_S = 120.0
# A server that is back may still be loading what it kept.
RECOVERY_S = 30.0
# Longer than any limit of ours on a call to a server: what takes longer hangs.
REQUEST_TIMEOUT_S = 150.0
SECTION = "section0"
# Shares of the time at which something is killed.
KILLS = {"api": 0.2, "writer": 0.35, "search": 0.5, "database": 0.75}
_RETRY_S = 0.5
_BETWEEN_WRITES_S = 0.1
_BETWEEN_QUESTIONS_S = 0.05
# So many revisions a writer may use.
_REVISIONS = 1_000_000
_SHOWN = 20


@dataclass
class Change:
    """What a writer did to a document: it put a revision, or removed it (None); when it began and was acknowledged."""

    revision: int | None
    begun: float
    acknowledged: float | None = None


@dataclass
class Seen:
    """A question that was answered, with the revision that did, or None for no answer."""

    name: str
    begun: float
    ended: float
    revision: int | None
    text: str


@dataclass
class Record:
    """All that happened."""

    changes: dict[str, list[Change]] = field(default_factory=lambda: {name: [] for name in NAMES})
    seen: list[Seen] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    writers_errors: Counter[str] = field(default_factory=Counter)
    # When an API process, and when a server, was away: (from, until).
    away: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: {n: [] for n in range(APIS)})
    engines_away: list[tuple[float, float]] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)


def open_made(url: str, derived: Path | None = None) -> Store:
    """The store of made documents."""
    return Store(parse_location(url), HashingEmbedder(), cut=CUT)


def run_api(url: str, port: int) -> None:
    """Serve the store until killed."""
    from api.http.app import serve
    from api.settings import ServerSettings

    serve(
        Engine(open_made(url), CodeReader(), load_calibration()),
        port=port,
        settings=ServerSettings(requests_per_minute=0),
    )


def run_writer(url: str, half: int, first: int, until: float, seed: str) -> None:
    """Put and remove documents of one half of the names; says when each change begins and when it is acknowledged."""
    draw = random.Random(seed)
    store: Store | None = None
    revision = first
    names = NAMES[half::WRITERS]
    there: set[str] = set()
    while time.monotonic() < until:
        name = draw.choice(names)
        removed = name in there and draw.random() < 0.3
        revision += 1
        begun = time.monotonic()
        _say({"name": name, "revision": None if removed else revision, "begun": begun})
        while True:
            try:
                store = store or open_made(url)
                if removed:
                    store.remove(made_id(name))
                else:
                    store.put(make_document(name, revision, 0))
                break
            except StoreError as error:
                # Neither done nor acknowledged: the same again, until the server is back.
                _say({"error": str(error)})
                time.sleep(_RETRY_S)
        _say({"done": time.monotonic()})
        there = there - {name} if removed else there | {name}
        time.sleep(_BETWEEN_WRITES_S)


def _say(value: dict[str, Any]) -> None:
    os.write(1, json.dumps(value).encode() + b"\n")


class Load:
    """The processes, and what they said."""

    def __init__(self, url: str, seed: int, seconds: float) -> None:
        self.url = url
        self.record = Record()
        self._seed = seed
        self._seconds = seconds
        self._until = 0.0
        self._ports = [free_port() for _ in range(APIS)]
        self._apis: list[subprocess.Popen[bytes]] = []
        self._writers: list[subprocess.Popen[bytes]] = []
        self._listeners: list[threading.Thread] = []
        self._begun_writers = 0

    def begin(self) -> None:
        """Start API processes, then writers."""
        self._apis = [self._api(number) for number in range(APIS)]
        for number in range(APIS):
            self._wait_ready(number)
        # However long they took to start.
        self._until = time.monotonic() + self._seconds
        self._writers = [self._writer(half) for half in range(WRITERS)]

    def kill_api(self) -> None:
        """Kill an API process, and start another in its place."""
        begun = time.monotonic()
        self._apis[0].kill()
        self._apis[0].wait()
        self._apis[0] = self._api(0)
        self._wait_ready(0)
        with self.record.guard:
            self.record.away[0].append((begun, time.monotonic()))

    def kill_writer(self) -> None:
        """Kill a writer, and start another in its place."""
        self._writers[0].kill()
        self._writers[0].wait()
        self._writers[0] = self._writer(0)

    def kill_server(self, server: Server) -> None:
        """Kill a server, and start it again with what it kept."""
        begun = time.monotonic()
        server.kill()
        time.sleep(1)
        server.start()
        with self.record.guard:
            self.record.engines_away.append((begun, time.monotonic()))

    def ask_until_the_end(self, number: int) -> None:
        """Ask the API processes in turns about documents at random."""
        draw = random.Random(f"{self._seed} client {number}")
        with httpx.Client(timeout=REQUEST_TIMEOUT_S) as client:
            while time.monotonic() < self._until:
                self.ask(client, draw.randrange(APIS), draw.choice(NAMES))
                time.sleep(_BETWEEN_QUESTIONS_S)

    def ask(self, client: httpx.Client, api: int, name: str) -> Seen | None:
        """Ask one API process about a document; None where there was no answer to judge."""
        body = {"question": ask_for(name, SECTION), "threshold": 0.0, "passages": MAX_PASSAGES}
        begun = time.monotonic()
        status, seen = "", None
        try:
            response = client.post(f"http://127.0.0.1:{self._ports[api]}/v1/ask", json=body)
            status = str(response.status_code)
        except httpx.TransportError as error:
            status = type(error).__name__
        ended = time.monotonic()
        if status == "200":
            answers = response.json()["answers"]
            text = answers[0]["text"] if answers else ""
            seen = Seen(name, begun, ended, revision_in(text) if text else None, text)
        with self.record.guard:
            self.record.statuses[status] += 1
            self.record.milliseconds.append((ended - begun) * 1000)
            if seen:
                self.record.seen.append(seen)
            else:
                self.record.failures.append(json.dumps([api, status, begun, ended]))
        return seen

    def end(self) -> None:
        """Wait for the writers, which end by themselves, and what they said."""
        for writer in self._writers:
            writer.wait(timeout=REQUEST_TIMEOUT_S)
        for listener in self._listeners:
            listener.join()

    def close(self) -> None:
        """End every process."""
        for process in [*self._apis, *self._writers]:
            process.kill()
            process.wait()

    def problems_of_failures(self) -> list[str]:
        """Errors that are neither 503 nor of a process that was away."""
        found = []
        for entry in self.record.failures:
            api, status, begun, ended = json.loads(entry)
            away = any(begun <= until and ended >= since for since, until in self.record.away[api])
            if status != "503" and not away:
                found.append(f"API {api} gave {status} after {ended - begun:.1f} s")
        return found

    def unexpected_503(self) -> int:
        """How many 503 there were while no server was away, or just back."""
        spans = [*self.record.engines_away, *(span for spans in self.record.away.values() for span in spans)]
        count = 0
        for entry in self.record.failures:
            _, status, begun, ended = json.loads(entry)
            near = any(begun <= until + RECOVERY_S and ended >= since for since, until in spans)
            count += status == "503" and not near
        return count

    def _api(self, number: int) -> subprocess.Popen[bytes]:
        return self._python(["api", self.url, str(self._ports[number])], subprocess.DEVNULL)

    def _writer(self, half: int) -> subprocess.Popen[bytes]:
        self._begun_writers += 1
        first = self._begun_writers * _REVISIONS
        seed = f"{self._seed} writer {self._begun_writers}"
        process = self._python(["writer", self.url, str(half), str(first), str(self._until), seed], subprocess.PIPE)
        self._listeners.append(threading.Thread(target=self._listen, args=(process,)))
        self._listeners[-1].start()
        return process

    def _python(self, arguments: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "scale.load", *arguments],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        change: Change | None = None
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                # A killed process may have ended in the middle of a word.
                continue
            with self.record.guard:
                if "begun" in said:
                    change = Change(said["revision"], said["begun"])
                    self.record.changes[said["name"]].append(change)
                elif "error" in said:
                    self.record.writers_errors[said["error"][:200]] += 1
                elif change is not None:
                    change.acknowledged = said["done"]

    def _wait_ready(self, number: int) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self._apis[number].poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{self._ports[number]}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise RuntimeError(f"API process {number} did not become ready (exit {self._apis[number].poll()})")


def allowed(changes: Sequence[Change], begun: float, ended: float) -> set[int | None]:
    """The revisions that a question may see (None: no such document) that was asked in that time: what was acknowledged
    last before it, and whatever began after that and before its end."""
    last = max((n for n, c in enumerate(changes) if c.acknowledged is not None and c.acknowledged <= begun), default=-1)
    base = changes[last].revision if last >= 0 else None
    return {base, *(change.revision for change in changes[last + 1 :] if change.begun <= ended)}


def wrong_answers(record: Record) -> list[str]:
    """Answers that no state of the store at that time could give."""
    found = []
    for seen in record.seen:
        may = allowed(record.changes[seen.name], seen.begun, seen.ended)
        if seen.text and seen.revision is not None and seen.text != code(seen.name, seen.revision, SECTION):
            found.append(f"{seen.name}: {seen.text!r} is no code of it")
        elif (seen.revision if seen.text else None) not in may:
            found.append(f"{seen.name}: revision {seen.revision} answered where only {may} could")
    return found


def final_state(url: str, record: Record) -> tuple[dict[str, int | None], list[str]]:
    """What is in the catalogue in the end, and what of it is not as it must be."""
    store = open_made(url)
    problems = []
    state: dict[str, int | None] = {}
    for name in NAMES:
        document = store.catalogue.document(made_id(name))
        revision = int(document.text.partition("revision ")[2].partition(" ")[0]) if document else None
        state[name] = revision
        may = allowed(record.changes[name], time.monotonic(), time.monotonic())
        if revision not in may:
            problems.append(f"the catalogue has revision {revision} of {name} where only {may} could be")
        elif document and document != make_document(name, revision or 0, 0):
            problems.append(f"{name} is not as it was written")
    documents, passages = store.catalogue.counts()
    if documents != sum(revision is not None for revision in state.values()):
        problems.append(f"{documents} documents are in the catalogue, of which {len(state)} are known")
    vector = store.embedder.embed(["This is revision of"])[0]
    hits = [number for number, _ in store.search("revision", vector, 2 * passages + 10).dense]
    if len(hits) != passages or len(store.catalogue.snapshot(hits).passages) != passages:
        problems.append(f"the search server holds {len(hits)} passages, the catalogue {passages}")
    store.close()
    return state, problems


def run(url: str, database: Server, search: Server, *, seconds: float, seed: int) -> dict[str, Any]:
    """Put the store under load for so long; what came of it."""
    # The store is made, and its collections with it, before anybody needs them.
    made = open_made(url)
    made.put(make_document("first", 0, 0))
    made.remove(made_id("first"))
    made.close()
    load = Load(url, seed, seconds)
    kills = {
        "api": load.kill_api,
        "writer": load.kill_writer,
        "search": lambda: load.kill_server(search),
        "database": lambda: load.kill_server(database),
    }
    problems: list[str] = []
    try:
        load.begin()
        begun = time.monotonic()
        clients = [threading.Thread(target=load.ask_until_the_end, args=(n,)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for name, share in KILLS.items():
            time.sleep(max(0.0, begun + share * seconds - time.monotonic()))
            kills[name]()
        for client in clients:
            client.join()
        load.end()
        asked, failed = len(load.record.seen), len(load.record.failures)
        problems += load.problems_of_failures() + wrong_answers(load.record)
        state, wrong = final_state(url, load.record)
        problems += wrong
        with httpx.Client(timeout=REQUEST_TIMEOUT_S) as client:
            for api in range(APIS):
                for name in NAMES:
                    seen = load.ask(client, api, name)
                    if seen is None or (seen.revision if seen.text else None) != state[name]:
                        problems.append(f"in the end API {api} answers {seen}, and {name} is {state[name]}")
    finally:
        load.close()
    changes = [change for own in load.record.changes.values() for change in own]
    times = sorted(load.record.milliseconds)
    return {
        "search": str(parse_location(url)),
        "seconds": seconds,
        "seed": seed,
        "killed": list(KILLS),
        "changes_acknowledged": sum(change.acknowledged is not None for change in changes),
        "changes_under_way_when_killed": sum(change.acknowledged is None for change in changes),
        "removals_acknowledged": sum(c.acknowledged is not None and c.revision is None for c in changes),
        "questions_answered_or_declined": asked,
        "questions_failed": failed,
        "statuses": dict(load.record.statuses),
        "unexpected_503": load.unexpected_503(),
        "ask_ms": {share: round(times[int(share / 100 * (len(times) - 1))], 1) for share in (50, 95, 99)},
        "writers_retried": sum(load.record.writers_errors.values()),
        "writers_errors": dict(load.record.writers_errors.most_common(_SHOWN)),
        "problems": problems[:_SHOWN],
        "problems_in_all": len(problems),
    }


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["api"]:
        run_api(arguments[1], int(arguments[2]))
        return 0
    if arguments[:1] == ["writer"]:
        run_writer(arguments[1], int(arguments[2]), int(arguments[3]), float(arguments[4]), arguments[5])
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--search", choices=("milvus", "milvus-lite"), default="milvus")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    end_when_asked_to()
    start = milvus if given.search == "milvus" else milvus_lite
    with (
        temporary_folder() as folder,
        postgres(folder / "postgres") as database,
        start(folder / "search") as search,
    ):
        url = f"{postgres_url(database)}?milvus={milvus_url(search)}&derived={folder / 'derived'}"
        found = run(url, database, search, seconds=given.seconds, seed=given.seed)
    text = json.dumps(found, indent=2)
    if given.output:
        given.output.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
