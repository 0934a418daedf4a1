"""Parts of a gold set over documents."""

from __future__ import annotations

from eval.gold.halves import domain_of, half_of, in_half, other_half
from eval.gold.questions import GoldQuestion


def test_halves_are_of_documents_and_stable() -> None:
    names = [f"corpus/dev/news/news-{n:04}.txt" for n in range(400)]
    halves = [half_of(name) for name in names]
    assert 150 < halves.count("tune") < 250
    assert halves == [half_of(f"elsewhere/{name.rsplit('/', 1)[1]}") for name in names]
    assert half_of("news-0001.txt") == "report"
    gold = [GoldQuestion(id=name, question="Who?", answers=(), document=name) for name in names]
    both = [*in_half(gold, "tune"), *in_half(gold, "report")]
    assert sorted(one.id for one in both) == sorted(one.id for one in in_half(gold, None))
    assert {other_half(half) for half in ("tune", "report")} == {"tune", "report"}
    assert other_half("tune") == "report"


def test_domains_are_folders() -> None:
    names = {"corpus/dev/news/a.txt": "news", "a.txt": "", "gold:4e5f": "", None: ""}
    assert {name: domain_of(name) for name in names} == names
