"""The processes: a writer that is killed, and readers beside it."""

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

from eval.bench.kills.asking import wrong
from eval.bench.kills.material import NAMES, CodeReader
from eval.bench.kills.performing import Work, open_made, perform
from eval.bench.kills.plan import Operation
from index.errors import ModelError
from qa.engine import Engine
from qa.judging.confidence import load_calibration

OPENING = "opening"
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

    def kill(self) -> int:
        """SIGKILL; its exit code, once it is gone: its own where it had ended. What it said can still be read."""
        os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

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


def write(work: Work, plan: Iterator[Operation], say: Say, *, create: bool = False) -> None:
    """Do what is planned; says what was done ("opening" or the operation's kind), the seconds it took, the moment (of
    the clock that all processes share) and the token of a key that was made or got a new secret, once that is done."""
    begun = time.monotonic()
    store = open_made(work.store, create=create)
    begun = _done(say, OPENING, begun, None)
    for operation in plan:
        token = perform(store, operation, work)
        begun = _done(say, operation.kind, begun, token)


def _done(say: Say, name: str, begun: float, token: str | None) -> float:
    now = time.monotonic()
    say({"done": name, "seconds": now - begun, "at": now, "token": token})
    return now


def read(work: Work, seed: str, say: Say) -> None:
    """Ask without end; says "right" for each answer or rightful abstention, else what is wrong."""
    draw = random.Random(seed)
    engine = _engine(work)
    while True:
        try:
            problem = wrong(engine, draw.choice(NAMES), draw)
        except ModelError:
            # The store was embedded anew, which it refuses to be asked through: it is opened anew.
            engine.store.close()
            engine = _engine(work)
            continue
            # An error is what is looked for: it is said, and the next question asked.
        except Exception:  # noqa: BLE001
            problem = traceback.format_exc(limit=-6)[-2_000:]
        say({"problem": problem} if problem else "right")
        time.sleep(_BETWEEN_QUESTIONS_S)


def _engine(work: Work) -> Engine:
    return Engine(open_made(work.store), CodeReader(), load_calibration())
