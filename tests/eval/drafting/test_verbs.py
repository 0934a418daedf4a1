"""Verb forms that questions need."""

from __future__ import annotations

import pytest

from eval.drafting.verbs import is_participle, participle_past, past_base, present_base


@pytest.mark.parametrize(
    ("past", "base"),
    [
        ("created", "create"),
        ("opened", "open"),
        ("started", "start"),
        ("stopped", "stop"),
        ("studied", "study"),
        ("died", "die"),
        ("hoped", "hope"),
        ("planned", "plan"),
        ("used", "use"),
        ("called", "call"),
        ("passed", "pass"),
        ("added", "add"),
        ("visited", "visit"),
        ("decided", "decide"),
        ("acquired", "acquire"),
        ("joined", "join"),
        ("controlled", "control"),
        ("agreed", "agree"),
        ("issued", "issue"),
        ("changed", "change"),
        ("played", "play"),
        ("invented", "invent"),
        ("held", "hold"),
        ("began", "begin"),
        ("wrote", "write"),
        ("founded", "found"),
        ("found", "find"),
        ("hundred", None),
        ("indeed", None),
        ("united", None),
        ("red", None),
        ("house", None),
        ("re-elected", None),
        ("zzqed", None),
        ("ed", None),
        ("", None),
    ],
)
def test_the_base_of_a_past_tense(past: str, base: str | None) -> None:
    assert past_base(past) == base


@pytest.mark.parametrize(
    ("word", "after", "base"),
    [
        ("hosts", "a", "host"),
        ("covers", "the", "cover"),
        ("carries", "its", "carry"),
        ("reaches", "the", "reach"),
        ("drills", "in", None),
        ("hosts", None, None),
        ("as", "a", None),
        ("was", "a", None),
        ("runs", "an", "run"),
    ],
)
def test_a_third_person_is_told_from_a_plural_by_what_follows(word: str, after: str | None, base: str | None) -> None:
    assert present_base(word, after) == base


def test_participles_and_their_past() -> None:
    assert [participle_past(word) for word in ("written", "founded", "built", "city")] == [
        "wrote",
        "founded",
        "built",
        None,
    ]
    assert is_participle("been") and is_participle("taken") and not is_participle("took")
