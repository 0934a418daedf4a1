"""Which questions no span can answer."""

from __future__ import annotations

import pytest

from qa.asking.span_question import HINTS, beyond_spans

BEYOND = {
    "summary": [
        "Summarise the report",
        "Can you please summarize what the article says about the drills?",
        "Give me a brief overview of the leave policy.",
        "I need a summary of the contract",
        "TL;DR?",
    ],
    "count": [
        "How many documents mention the drills?",
        "How many of these articles discuss Rhodes?",
        "In how many reports is the company mentioned?",
    ],
    "comparison": ["Compare the budgets of 2019 and 2020", "Please give me a comparison of the two tariffs"],
    "advice": [
        "Should I buy this share?",
        "Which car should we buy?",
        "What do you think about the war?",
        "What would you recommend?",
        "In your opinion, who is right?",
    ],
    "translation": ["Translate this into French", "Could you translate the second paragraph?"],
    "draft": ["Write an e-mail to the tenants", "Help me draft a polite reply", "Rephrase the first sentence"],
}
SPANS = [
    "What is this document about?",
    "Who summarised the report?",
    "When is the summary of the report due?",
    "How many documents are needed to register?",
    "How many articles does the constitution have?",
    "How many articles did she write?",
    "What is the difference between mitosis and meiosis?",
    "Compared to 2019, how much did it grow?",
    "Should employees report accidents?",
    "Should I see a doctor if it hurts?",
    "Should I trust an e-mail that asks for my password?",
    "Should I sell my shares before the results are published?",
    "Which form should I choose when I move abroad?",
    "Do you know when it opens?",
    "Who did they think would win?",
    "How do I write a letter of complaint?",
    "Who wrote the letter to the king?",
    "Who translated the Bible into German?",
    "In which year was the treaty drafted?",
]


@pytest.mark.parametrize(("kind", "question"), [(kind, question) for kind in BEYOND for question in BEYOND[kind]])
def test_what_no_span_is(kind: str, question: str) -> None:
    assert beyond_spans(question) == kind
    assert beyond_spans(question.upper()) == kind


@pytest.mark.parametrize("question", SPANS)
def test_what_documents_state_is_asked_for(question: str) -> None:
    assert beyond_spans(question) is None


def test_every_kind_says_what_it_asks_for_and_what_to_ask_instead() -> None:
    assert HINTS.keys() == BEYOND.keys()
    assert all(hint.startswith("This asks") and "ask" in hint.partition(";")[2] for hint in HINTS.values())
