"""Questions asked together: who waits, who does not, and that nobody suffers for another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

import api.http.examples as shown
from api.problems import ProblemError
from api.service.batching import Batcher
from api.service.gate import Gate
from qa.types import Question, Response

LONG_S = 30.0


class Engine:
    """Answers with the question's own words; what it is asked together is kept. It works while `go` is clear."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()

    def ask_many(self, questions: Sequence[Question]) -> list[Response]:
        self.asked.append([question.question for question in questions])
        assert self.go.wait(20)
        if any("bad" in question.question for question in questions):
            raise ValueError("bad")
        template = Response.model_validate(shown.RESPONSE)
        return [template.model_copy(update={"question": question.question}) for question in questions]


def run(work: Callable[[Engine], Awaitable[None]]) -> Engine:
    engine = Engine()
    asyncio.run(asyncio.wait_for(work(engine), 20))  # type: ignore[arg-type]
    return engine


async def begun(batcher: Batcher, *texts: str) -> list[asyncio.Task[Response]]:
    """Ask, and return once all of them are at work or waiting."""
    tasks = [asyncio.create_task(batcher.ask(Question(question=text))) for text in texts]
    await asyncio.sleep(0)
    return tasks


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def test_a_single_question_does_not_wait() -> None:
    async def work(engine: Engine) -> None:
        # Waiting for companions would take longer than the test may.
        batcher = Batcher(engine.ask_many, Gate(2, 8, 1), wait_s=LONG_S)
        for text in ("one", "two"):
            assert (await batcher.ask(Question(question=text))).question == text

    assert run(work).asked == [["one"], ["two"]]


def test_questions_at_the_same_time_are_asked_together() -> None:
    async def work(engine: Engine) -> None:
        batcher = Batcher(engine.ask_many, Gate(1, 16, 1), max_batch=3)
        engine.go.clear()
        tasks = await begun(batcher, *"abcdef")
        await until(lambda: len(engine.asked) == 1)
        engine.go.set()
        # Each gets its own response.
        assert [response.question for response in await asyncio.gather(*tasks)] == list("abcdef")
        assert (batcher.batches, batcher.questions) == (3, 6)

    assert run(work).asked == [["a"], ["b", "c", "d"], ["e", "f"]]


def test_a_free_worker_waits_a_moment_for_companions_and_no_longer() -> None:
    async def work(engine: Engine) -> None:
        batcher = Batcher(engine.ask_many, Gate(2, 16, 1), wait_s=0.05)
        engine.go.clear()
        tasks = await begun(batcher, *"abc")
        await until(lambda: len(engine.asked) == 2)
        engine.go.set()
        await asyncio.gather(*tasks)

    assert sorted(run(work).asked) == [["a"], ["b", "c"]]


def test_a_full_batch_waits_for_nobody() -> None:
    async def work(engine: Engine) -> None:
        batcher = Batcher(engine.ask_many, Gate(2, 16, 1), max_batch=2, wait_s=LONG_S)
        engine.go.clear()
        tasks = await begun(batcher, *"abc")
        await until(lambda: len(engine.asked) == 2)
        engine.go.set()
        await asyncio.gather(*tasks)

    assert sorted(run(work).asked) == [["a"], ["b", "c"]]


def test_one_that_fails_does_not_fail_the_others() -> None:
    async def work(engine: Engine) -> None:
        batcher = Batcher(engine.ask_many, Gate(1, 16, 1))
        engine.go.clear()
        tasks = await begun(batcher, "a", "b", "bad", "c")
        await until(lambda: len(engine.asked) == 1)
        engine.go.set()
        got = await asyncio.gather(*tasks, return_exceptions=True)
        assert [r.question for r in got if isinstance(r, Response)] == ["a", "b", "c"]
        assert isinstance(got[2], ValueError)

    assert run(work).asked == [["a"], ["b", "bad", "c"], ["b"], ["bad"], ["c"]]


def test_more_than_there_is_room_for_are_refused() -> None:
    async def work(engine: Engine) -> None:
        gate = Gate(1, 2, 7)
        batcher = Batcher(engine.ask_many, gate)
        engine.go.clear()
        tasks = await begun(batcher, *"abc")
        with pytest.raises(ProblemError) as refused:
            await batcher.ask(Question(question="d"))
        assert refused.value.status_code == 503 and refused.value.headers == {"retry-after": "7"}
        engine.go.set()
        await asyncio.gather(*tasks)
        assert gate.inside == 0

    run(work)


def test_who_went_away_is_not_read_for() -> None:
    async def work(engine: Engine) -> None:
        gate = Gate(1, 16, 1)
        batcher = Batcher(engine.ask_many, gate)
        engine.go.clear()
        tasks = await begun(batcher, *"abc")
        await until(lambda: len(engine.asked) == 1)
        tasks[1].cancel()
        await asyncio.sleep(0)
        engine.go.set()
        await asyncio.gather(tasks[0], tasks[2])
        assert tasks[1].cancelled() and gate.inside == 0

    assert run(work).asked == [["a"], ["c"]]


def test_those_who_come_and_go_do_not_fill_the_queue() -> None:
    async def work(engine: Engine) -> None:
        batcher = Batcher(engine.ask_many, Gate(1, 2, 1))
        engine.go.clear()
        first = await begun(batcher, "a")
        await until(lambda: len(engine.asked) == 1)
        for _ in range(50):
            (task,) = await begun(batcher, "b")
            assert batcher.waiting == 1
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert batcher.waiting == 0
        engine.go.set()
        await asyncio.gather(*first)

    run(work)
