"""The mixed load, for a short while; and that its judge can tell what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench.kills.material import NAMES, code
from scale.load import Change, Record, Seen, allowed, run, wrong_answers
from scale.servers import milvus_lite, milvus_url, postgres, postgres_url, temporary_folder

CHANGES = [Change(1, 0, 1), Change(None, 2, 3), Change(2, 4), Change(3, 6, 7)]


@pytest.mark.parametrize(
    ("begun", "ended", "expected"),
    [
        (0.1, 0.2, {None, 1}),
        (1.5, 1.6, {1}),
        (1.5, 2.5, {1, None}),
        (3.5, 3.9, {None}),
        (4.5, 5.0, {None, 2}),
        (6.5, 6.6, {None, 2, 3}),
        (7.5, 9.0, {3}),
        (0.5, 9.0, {None, 1, 2, 3}),
    ],
)
def test_what_a_question_may_see(begun: float, ended: float, expected: set[int | None]) -> None:
    assert allowed(CHANGES, begun, ended) == expected


def test_wrong_answers_are_told() -> None:
    record = Record()
    record.changes[NAMES[0]] = CHANGES

    def seen(begun: float, revision: int | None, text: str | None = None) -> Seen:
        words = code(NAMES[0], revision, "section0") if revision else ""
        return Seen(NAMES[0], begun, begun + 0.1, revision, words if text is None else text)

    record.seen = [seen(1.5, 1), seen(3.5, None), seen(8, 3)]
    assert wrong_answers(record) == []
    record.seen = [seen(3.5, 1), seen(8, 2), seen(8, None), seen(8, 3, "r3xabc")]
    assert len(wrong_answers(record)) == 4


def test_nothing_is_lost_while_processes_and_servers_are_killed(tmp_path: Path) -> None:
    with (
        temporary_folder() as folder,
        postgres(folder / "postgres") as database,
        milvus_lite(folder / "search") as search,
    ):
        url = f"{postgres_url(database)}?milvus={milvus_url(search)}&derived={tmp_path}"
        found = run(url, database, search, seconds=20, seed=1)
    assert found["problems"] == []
    assert found["changes_acknowledged"] > 0
    assert found["questions_answered_or_declined"] > 0
