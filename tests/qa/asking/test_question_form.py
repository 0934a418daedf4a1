"""What form of answer a question asks for, and the items of an enumeration."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.asking.question_form import question_form
from qa.judging.enumeration import MAX_ITEMS, items

POLAR = """Did China take part?
In 2026, did Russia send submarines?
Isn't it true that the port was closed?
and are they annual?
Has the ship been found or not?
Will the drills involve artillery?
Does the contract allow early termination?
Are there any limits?"""

SPAN = """When do the Russia-China drills run?
What is the capital of France?
Which country hosts the games?
How many ships are there?
Who was the founder?
Name the ship.
Can you tell me when the drills start?
Do you know who built the bridge?
Is the exercise in May or in June?
What does the law require?
What happens in the series?
What process turns sugar into alcohol?
What was the cause?
drills start date
Why are the harbours closed?
What business is he in?"""

LIST = """Which countries took part in the drills?
What are the goals of the exercise?
Who were the founders?
Name three ports.
List the ships that took part
Could you list the ports?
Can you tell me which ports were used?
What kinds of ships were used?
Which two colours does the flag have?
In what years did he serve?
Which rare birds come to the marsh?
what other names is it known by"""


@pytest.mark.parametrize(
    ("question", "form"),
    [
        (question, form)
        for form, text in (("polar", POLAR), ("span", SPAN), ("list", LIST))
        for question in text.split("\n")
    ],
)
def test_forms(question: str, form: str) -> None:
    assert question_form(question) == form


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_a_form(question: str) -> None:
    assert question_form(question) in ("span", "polar", "list")


def test_a_long_question_is_told_quickly() -> None:
    assert question_form("is " + "it known that " * 2000 + "?") in ("span", "polar", "list")
    assert question_form("what " * 4000) in ("span", "polar", "list")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Chinese, Russian and Iranian ships", ["Chinese", "Russian", "Iranian ships"]),
        ("both Russia and China", ["Russia", "China"]),
        ("salt; iron ore; and coal", ["salt", "iron ore", "coal"]),
        ("a frigate, two tankers, and a tug", ["a frigate", "two tankers", "a tug"]),
        ("first aid\n- ropes\n- flares", ["first aid", "ropes", "flares"]),
        ("the port (built 1831, rebuilt 1902) and the pier", ["the port (built 1831, rebuilt 1902)", "the pier"]),
        ("May 5, 2026", ["May 5, 2026"]),
        ("1,000 men", ["1,000 men"]),
        ("Nordfrakt, Hansen and Sons and Balder & Co", ["Nordfrakt", "Hansen and Sons", "Balder & Co"]),
        ("fathers and sons", ["fathers", "sons"]),
        ("China", ["China"]),
        (
            "to consolidate and develop the strategic partnership",
            ["to consolidate and develop the strategic partnership"],
        ),
        ("August 9, 2021 and August 14, 2021", ["August 9, 2021 and August 14, 2021"]),
    ],
)
def test_items(text: str, wanted: list[str]) -> None:
    assert [text[start:end] for start, end in items(text)] == wanted


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["a", "B", ", ", " and ", "; ", "(", ")", "\n", "x y", '"', " ", "5"]), max_size=60))
def test_items_are_in_order_and_apart(parts: list[str]) -> None:
    text = "".join(parts)
    found = items(text)
    assert len(found) <= MAX_ITEMS
    assert found
    if len(found) == 1:
        assert found == [(0, len(text))]
    else:
        assert all(0 <= start < end <= len(text) and text[start:end].strip() for start, end in found)
        assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
