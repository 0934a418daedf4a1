"""The soak: clients ask, add, replace, remove and list, while the server is killed and started again at random moments.

Everything that the server acknowledged is kept in a ledger, and every answer, list and document is held against it, all
along and once more in the end.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.bench.serving.client import Client, Reply, UnreachedError
from eval.bench.serving.ledger import Ledger, Version
from eval.bench.serving.server_process import ServerProcess
from eval.results import Frozen
from index.documents import document_id

URIS_PER_WRITER = 12
LIST_LIMIT = 100
# Seconds between one start of the server and its end.
LEAST_UP_S, MOST_UP_S = 4.0, 24.0
# How many of the ends are a polite SIGTERM instead of a SIGKILL.
POLITE = 0.25
# Refusals that are answers: there is a server, and it says that the same request may do in a moment.
PATIENCE = ("busy", "store-changing")
MAX_SHOWN = 100
# An answer that is refused is asked for again after this long, so that clients do not spin while there is no server.
PAUSE_S = 0.1
CHECK_TIMEOUT_S = 600
_COLOURS = ("red", "green", "blue", "white", "black", "amber", "violet", "silver", "copper", "ivory", "scarlet", "teal")


class SoakReport(Frozen):
    """What was done and what was wrong with it.

    `requests`: by operation and outcome, which is a status, with the type of problem where it is 503, or `no answer`.
    `down_s`: seconds from an end of the server
    to its being ready again, in all. `violations`: MAX_SHOWN of them in words, and always what is wrong with the store
    itself; `violated` counts all.
    """

    soak_version: str = "2"
    seconds: float
    seed: int
    writers: int
    askers: int
    kills: int
    polite_stops: int
    down_s: float
    requests: dict[str, int]
    acknowledged_puts: int
    acknowledged_removals: int
    documents_at_end: int
    answers_checked: int
    lists_checked: int
    violated: int
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.violated == 0


@dataclass(slots=True)
class _Shared:
    """What the threads share."""

    port: int
    ledger: Ledger = field(default_factory=Ledger)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    violated: int = 0
    answers_checked: int = 0
    lists_checked: int = 0
    # Odd while the server is down or on its way: a request that saw the same even number twice had a server all along.
    phase: int = 0

    def violation(self, text: str, *, shown: bool = False) -> None:
        with self.lock:
            self.violated += 1
            if shown or len(self.violations) < MAX_SHOWN:
                self.violations.append(text)

    def count(self, operation: str, outcome: object) -> None:
        with self.lock:
            self.requests[f"{operation} {outcome}"] += 1


def soak(
    server: ServerProcess,
    check_command: Sequence[str],
    *,
    seconds: float,
    seed: int = 13,
    writers: int = 2,
    askers: int = 2,
    say: Callable[[str], None] = lambda _text: None,
) -> SoakReport:
    """Drive a server for so many seconds, then check everything once more; the server is stopped in the end.

    `check_command` must exit 0 if and only if the store is whole; it is run when no server is. Raises InputError where
    the server does not start.
    """
    server.start()
    shared = _Shared(server.port)
    threads = [
        *(
            threading.Thread(target=_writer, args=(shared, number, seed), name=f"writer {number}")
            for number in range(writers)
        ),
        *(
            threading.Thread(target=_asker, args=(shared, number, writers, seed), name=f"asker {number}")
            for number in range(askers)
        ),
        threading.Thread(target=_lister, args=(shared,), name="lister"),
    ]
    for thread in threads:
        thread.start()
    try:
        kills, polite, down = _ends(server, shared, seconds, random.Random(seed).random, say)
    finally:
        shared.stop.set()
        for thread in threads:
            thread.join()
    documents = _check_all(shared)
    code = server.stop()
    if code != 0:
        shared.violation(f"the server ended with exit code {code} when it was asked to stop")
    _check_whole(shared, check_command)
    return SoakReport(
        seconds=seconds,
        seed=seed,
        writers=writers,
        askers=askers,
        kills=kills,
        polite_stops=polite,
        down_s=round(down, 2),
        requests=dict(sorted(shared.requests.items())),
        acknowledged_puts=shared.ledger.acknowledged_puts,
        acknowledged_removals=shared.ledger.acknowledged_removals,
        documents_at_end=documents,
        answers_checked=shared.answers_checked,
        lists_checked=shared.lists_checked,
        violated=shared.violated,
        violations=tuple(shared.violations),
    )


def _ends(
    server: ServerProcess, shared: _Shared, seconds: float, chance: Callable[[], float], say: Callable[[str], None]
) -> tuple[int, int, float]:
    """End and start the server until the time is over; returns how often by SIGKILL, how often by SIGTERM, and for how
    many seconds it was down."""
    begun, kills, polite, down = time.monotonic(), 0, 0, 0.0
    while (left := seconds - (time.monotonic() - begun)) > 0:
        time.sleep(min(left, LEAST_UP_S + chance() * (MOST_UP_S - LEAST_UP_S)))
        if time.monotonic() - begun >= seconds:
            break
        shared.phase += 1
        ended = time.monotonic()
        if chance() < POLITE:
            polite += 1
            code = server.stop()
            if code != 0:
                shared.violation(f"the server ended with exit code {code} when it was asked to stop")
        else:
            kills += 1
            server.kill()
        server.start()
        down += time.monotonic() - ended
        shared.phase += 1
        say(f"{time.monotonic() - begun:.0f} s: {kills} kills, {polite} stops, {shared.violated} violations")
    return kills, polite, down


def _request(
    shared: _Shared, client: Client, operation: str, request: tuple[str, str, Any], *, expected: Sequence[int]
) -> Reply | None:
    """The answer, None where there is none that tells anything; what must not be is noted as a violation."""
    method, path, value = request
    return _answered(shared, f"{method} {path}", operation, lambda: client.request(method, path, value), expected)


def _answered(
    shared: _Shared, what: str, operation: str, ask: Callable[[], Reply], expected: Sequence[int]
) -> Reply | None:
    phase = shared.phase
    try:
        reply = ask()
    except UnreachedError as error:
        shared.count(operation, "no answer")
        if _had_server(shared, phase):
            shared.violation(f"{operation}: no answer while the server was up: {error}")
        shared.stop.wait(PAUSE_S)
        return None
    shared.count(operation, f"{reply.status} {_kind(reply.value)}" if reply.status == 503 else reply.status)
    if reply.status in expected:
        return reply
    if reply.status != 503:
        shared.violation(f"{operation}: {what} was answered with {reply.status}: {reply.value}")
    elif _had_server(shared, phase) and _kind(reply.value) not in PATIENCE:
        shared.violation(f"{operation}: {what} was refused while the server was up: {reply.value}")
    shared.stop.wait(PAUSE_S)
    return None


def _had_server(shared: _Shared, phase: int) -> bool:
    return shared.phase == phase and phase % 2 == 0


def _kind(problem: Any) -> str:
    return str((problem or {}).get("type", "")).rpartition(":")[2]


def _writer(shared: _Shared, number: int, seed: int) -> None:
    chance = random.Random(f"writer {number} {seed}")
    with Client(shared.port) as client:
        while not shared.stop.is_set():
            uri = chance.choice(_uris(number))
            if not shared.ledger.known(uri).certain:
                _settle(shared, client, uri)
            elif shared.ledger.known(uri).possible == (None,) or chance.random() < 0.4:
                if _uploaded(uri):
                    _upload(shared, client, number, uri, chance)
                else:
                    _put(shared, client, uri, chance)
            else:
                _remove(shared, client, uri)
        # What was left open by the last end is looked up, so that the end can be checked.
        for uri in _uris(number):
            _settle(shared, client, uri)


def _put(shared: _Shared, client: Client, uri: str, chance: random.Random) -> None:
    version = Version(_text(uri, chance))
    shared.ledger.begin(uri, version)
    reply = _request(
        shared, client, "put", ("POST", "/v1/documents", {"uri": uri, "text": version.text}), expected=(200, 201)
    )
    if reply is None:
        return
    if reply.value["sha256"] != version.sha256:
        shared.violation(f"put: {uri} was acknowledged with another text than was sent")
    shared.ledger.acknowledge(uri, version)


def _upload(shared: _Shared, client: Client, number: int, uri: str, chance: random.Random) -> None:
    """A document and another one of the same writer, as files of one request."""
    others = [one for one in _uris(number) if one != uri and _uploaded(one) and shared.ledger.known(one).certain]
    uris = [uri, *chance.sample(others, min(1, len(others)))]
    sent = {one.removeprefix("upload:"): (one, Version(_text(one, chance))) for one in uris}
    for one, version in sent.values():
        shared.ledger.begin(one, version)
    files = {name: version.text.encode() for name, (_, version) in sent.items()}
    events = chance.random() < 0.5
    phase = shared.phase
    reply = _answered(
        shared, "POST /v1/uploads", "upload", lambda: client.upload(files, events=events), expected=(200,)
    )
    if reply is None:
        return
    for result in reply.value["files"]:
        one, version = sent[result["name"]]
        problem = result["problem"]
        if problem is not None:
            shared.count("file of an upload", f"{problem['status']} {_kind(problem)}")
            if _had_server(shared, phase) and _kind(problem) not in PATIENCE:
                shared.violation(f"upload: {one} was refused while the server was up: {problem}")
            continue
        shared.count("file of an upload", "stored")
        if result["document"]["sha256"] != version.sha256:
            shared.violation(f"upload: {one} was acknowledged with another text than was sent")
        shared.ledger.acknowledge(one, version)


def _remove(shared: _Shared, client: Client, uri: str) -> None:
    known = shared.ledger.known(uri)
    shared.ledger.begin(uri, None)
    reply = _request(
        shared, client, "remove", ("DELETE", f"/v1/documents/{document_id(uri)}", None), expected=(204, 404)
    )
    if reply is None:
        return
    if reply.status == 404:
        shared.violation(f"remove: {uri} is not there, and was acknowledged ({len(known.possible)} possibilities)")
    shared.ledger.acknowledge(uri, None)


def _settle(shared: _Shared, client: Client, uri: str) -> None:
    """Look at a document whose last change had no answer."""
    reply = _request(shared, client, "look up", ("GET", f"/v1/documents/{document_id(uri)}", None), expected=(200, 404))
    if reply is None:
        return
    known, sha256 = shared.ledger.known(uri), reply.value["sha256"] if reply.status == 200 else None
    if known.change and not shared.ledger.settle(uri, sha256):
        was = "lost" if sha256 is None else "there in a version that was not to be"
        shared.violation(f"look up: {uri} is {was}; {len(known.possible)} possibilities")


def _asker(shared: _Shared, number: int, writers: int, seed: int) -> None:
    chance = random.Random(f"asker {number} {seed}")
    with Client(shared.port) as client:
        while not shared.stop.is_set():
            uri = chance.choice(_uris(chance.randrange(writers)))
            question = {"question": f"What is the code of {_name(uri)}?", "answers": 3, "candidates": True}
            before = shared.ledger.moment()
            reply = _request(shared, client, "ask", ("POST", "/v1/ask", question), expected=(200,))
            if reply is not None:
                for wrong in shared.ledger.wrong_answer(before, reply.value):
                    shared.violation(f"ask: {wrong}")
                with shared.lock:
                    shared.answers_checked += 1


def _lister(shared: _Shared) -> None:
    with Client(shared.port) as client:
        while not shared.stop.wait(PAUSE_S):
            before = shared.ledger.moment()
            listed = _list(shared, client)
            if listed is not None:
                for wrong in shared.ledger.wrong_list(before, listed):
                    shared.violation(f"list: {wrong}")
                with shared.lock:
                    shared.lists_checked += 1


def _list(shared: _Shared, client: Client) -> dict[str, str] | None:
    """The versions of all documents by id, None where a page was not to be had."""
    sha256_by_id: dict[str, str] = {}
    cursor = ""
    while True:
        path = f"/v1/documents?limit={LIST_LIMIT}" + (f"&cursor={cursor}" if cursor else "")
        reply = _request(shared, client, "list", ("GET", path, None), expected=(200,))
        if reply is None:
            return None
        sha256_by_id.update({record["id"]: record["sha256"] for record in reply.value["documents"]})
        cursor = reply.value["next_cursor"]
        if not cursor:
            return sha256_by_id


def _check_all(shared: _Shared) -> int:
    """Hold the list, every document and an answer about each against the ledger; returns how many there are."""
    with Client(shared.port) as client:
        before = shared.ledger.moment()
        listed = _list(shared, client)
        if listed is None:
            shared.violation("end: the documents could not be listed")
            listed = {}
        for wrong in shared.ledger.wrong_list(before, listed):
            shared.violation(f"end: {wrong}")
        for key, known in before.items():
            if not known.certain:
                shared.violation(f"end: what became of document {key} could not be found out")
            reply = _request(shared, client, "read", ("GET", f"/v1/documents/{key}/text", None), expected=(200, 404))
            text = reply.value["text"] if reply is not None and reply.status == 200 else None
            if reply is not None and all((v.text if v else None) != text for v in known.possible):
                shared.violation(f"end: document {key} has not the text that was acknowledged")
            question = {"question": f"What is {_about(shared, key)}?"}
            asked = _request(shared, client, "ask", ("POST", "/v1/ask", question), expected=(200,))
            if asked is not None:
                for wrong in shared.ledger.wrong_answer(before, asked.value):
                    shared.violation(f"end: {wrong}")
    return len(listed)


def _check_whole(shared: _Shared, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=CHECK_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        shared.violation(f"end: the check of the store took longer than {CHECK_TIMEOUT_S} s")
        return
    if done.returncode != 0:
        shared.violation(f"end: the store is not whole: {(done.stdout + done.stderr).strip()[:2_000]}", shown=True)


def _about(shared: _Shared, key: str) -> str:
    texts = [version.text for version in shared.ledger.moment()[key].possible if version is not None]
    return texts[0].partition(" is ")[0].lower() if texts else "the code"


def _uris(writer: int) -> list[str]:
    """A writer's documents: in turns one that is sent as JSON and one that is sent as a file."""
    names = [f"{writer}-{_COLOURS[place % len(_COLOURS)]}-{place}" for place in range(URIS_PER_WRITER)]
    return [f"upload:{name}.txt" if place % 2 else f"soak:{name}" for place, name in enumerate(names)]


def _uploaded(uri: str) -> bool:
    return uri.startswith("upload:")


def _name(uri: str) -> str:
    """What a document is called in its own text."""
    writer, _, name = uri.partition(":")[2].removesuffix(".txt").partition("-")
    return f"the {name} locker in hall {writer}"


def _text(uri: str, chance: random.Random) -> str:
    code = f"{chance.getrandbits(64):016x}"
    filler = " ".join(f"Shelf {chance.randrange(1000)} was counted." for _ in range(chance.randrange(30)))
    return f"The code of {_name(uri)} is {code}. {filler}"
