"""Token buckets: bursts, refilling, and a bounded number of clients."""

from __future__ import annotations

import pytest

from api.rates import RateLimit, client_of


def test_a_burst_then_the_rate() -> None:
    now = 100.0
    limit = RateLimit(60, 3, clock=lambda: now)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(1)]
    assert limit.take("b") == 0
    now += 0.5
    assert limit.take("a") == pytest.approx(0.5)
    now += 0.5
    assert limit.take("a") == 0 and limit.take("a") > 0
    now += 1000
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(1)]


def test_no_limit() -> None:
    limit = RateLimit(0, 1)
    assert {limit.take("a") for _ in range(100)} == {0.0} and len(limit) == 0


def test_the_table_is_bounded_and_forgets_the_idle() -> None:
    limit = RateLimit(60, 1, max_clients=2, clock=lambda: 0.0)
    for client in ("a", "b", "a"):
        limit.take(client)
    limit.take("c")
    assert len(limit) == 2
    # b was forgotten and not a, which came later though it was refused.
    assert limit.take("a") > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("testclient", "testclient", True),
    ],
)
def test_clients(one: str, other: str, *, same: bool) -> None:
    assert (client_of(one) == client_of(other)) == same
