"""What writers do is planned by a seed."""

from __future__ import annotations

import itertools

from eval.bench.kills.plan import KINDS, Held, State, operations

STATE = State(Held({"lindal": (1, 0), "borby": (2, 0), "vikness": (3, 0)}))


def test_the_same_plan_for_the_same_seed_and_revisions_that_only_grow() -> None:
    plan = list(itertools.islice(operations(STATE, "7", 100, "purge", 2), 150))
    assert plan == list(itertools.islice(operations(STATE, "7", 100, "purge", 2), 150))
    assert plan != list(itertools.islice(operations(STATE, "8", 100, "purge", 2), 150))
    assert plan[2].kind == "purge"
    new = [
        revision for operation in plan if operation.kind in ("add", "update") for revision, _ in operation.puts.values()
    ]
    assert new == sorted(set(new))
    assert {operation.kind for operation in plan} == set(KINDS)
