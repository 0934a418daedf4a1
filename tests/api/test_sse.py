"""Server-sent events, as they are written and read."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import sse


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=8) | st.integers(), max_size=3), max_size=4))
def test_what_is_written_is_read(contents: list[dict[str, object]]) -> None:
    stream = "".join(sse.event(f"event-{number}", content) for number, content in enumerate(contents))
    events = list(sse.read(stream.split("\n")))
    assert [(name, json.loads(data)) for name, data in events] == [
        (f"event-{number}", content) for number, content in enumerate(contents)
    ]


def test_comments_are_no_events_and_what_is_not_whole_is_none() -> None:
    lines = [": still at work", "", "data: a", "data: b", "", "event: last", "data: cut off"]
    assert list(sse.read(lines)) == [("message", "a\nb")]


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [("text/event-stream", True), ("application/json, Text/Event-Stream;q=0.5", True), ("*/*", False), ("", False)],
)
def test_events_are_sent_to_who_names_them(accept: str, wanted: bool) -> None:
    assert sse.wanted(accept) is wanted


def test_progress_is_told_when_it_changes_and_ends_with_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LOOK_S", 0.001)

    async def told() -> list[str]:
        done = asyncio.get_running_loop().create_future()
        stages = iter([None, 1, 1, 2])

        def latest() -> int | None:
            stage = next(stages, 2)
            if stage == 2 and not done.done():
                done.set_result(None)
            return stage

        return [event async for event in sse.progress_of(done, latest)]

    assert asyncio.run(told()) == [sse.event("progress", 1), sse.event("progress", 2)]
