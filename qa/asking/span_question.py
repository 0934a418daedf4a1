"""Which questions no span can answer: a summary, a count over documents, a comparison, advice, a translation, a draft.

Told by the words alone (English), and only where they leave no doubt: a question that is taken for one of these is
never answered, while one that slips through is merely answered badly, and with a low confidence. So "Should employees
report accidents?" and "Should I see a doctor if it hurts?" are none: rules that documents give can be quoted.
"""

from __future__ import annotations

import re
from typing import Literal

Beyond = Literal["summary", "count", "comparison", "advice", "translation", "draft"]

HINTS: dict[Beyond, str] = {
    "summary": "This asks for a summary. spanqa quotes; ask for a fact, such as who, when, where or how much.",
    "count": "This asks to count documents. spanqa quotes what one passage says; ask for what a document states.",
    "comparison": "This asks for a comparison. spanqa quotes one passage at a time; ask about each side by itself.",
    "advice": "This asks for advice or an opinion. spanqa quotes; ask for what the documents state, such as a rule.",
    "translation": "This asks for a translation. spanqa quotes words as they stand; ask for a fact in the documents.",
    "draft": "This asks for a text to be written. spanqa quotes; ask for the facts that it needs, one by one.",
}
"""What each kind asks for and what to ask instead, in words for people."""

# Requests begin the question: "who summarised the report?" is about one. Every repetition is bounded or possessive.
_LEAD = (
    r"^\W*+(?:(?:please|kindly|now|then|and|so|okay|ok|hi|hello)\b[\s,!]*+){0,3}"
    r"(?:(?:can|could|would|will)\s++(?:you|someone)\s++|i\s++(?:want|need|would\s++like)\s++you\s++to\s++"
    r"|i['’]d\s++like\s++you\s++to\s++|help\s++me\s++(?:to\s++)?+)?+(?:(?:please|kindly|also|briefly|quickly)\s++){0,2}"
)
_GIVE = r"(?:give|write|provide|show|make|create|prepare|send|get)\s++(?:(?:me|us)\s++)?+(?:with\s++)?+"
_A = r"(?:an?|the|some)\s++"
_ADJECTIVES = r"(?:[\w-]{1,20}\s++){0,2}?"
_SUMMARY = r"(?:summary|overview|synopsis|recap|tl;?dr)(?:\s++(?:of|about|on|for|from|in|please)\b|\W*+$)"
_PAPERS = (
    r"(?:(?:different|other)\s++)?+(?:of\s++(?:the|these|those|my|our)\s++)?+"
    r"(?:documents?|articles|reports|files|papers|e-?mails|sources|texts|publications|news\s++stories)\s++"
)
_SPEAK_OF = (
    r"(?:are\s++there\s++that\s++|that\s++)?+"
    r"(?:mention|discuss|describe|cite|cover|name|contain|include|talk\s++about|speak\s++(?:of|about)|refer\s++to"
    r"|deal\s++with|write\s++about|are\s++about|say\s++that|state\s++that)\b"
)
_SPOKEN_OF = r"(?:mentioned|discussed|described|cited|named|referred\s++to|talked\s++about|spoken\s++of)\b"
_YOUR_VIEW = (
    r"(?:what\s++(?:do|would)\s++you\s++(?:think|recommend|suggest|advise)"
    r"|what(?:\s++(?:is|are)|['’]s)\s++your\s++(?:opinion|views?|thoughts|take)"
    r"|do\s++you\s++(?:think|agree)|would\s++you\s++(?:recommend|advise))\b"
)
# With a condition or a time it is a case that a rule may settle: "Should I trust an e-mail that asks for my password?"
_SHOULD_I = (
    r"(?:(?:what|which|who)\s++(?:[\w-]{1,20}\s++){0,3}?)?should\s++(?:i|we)\s++(?:(?:really|rather|now)\s++)?+"
    r"(?:buy|sell|invest|trust|believe|choose|vote|marry|hire|quit|sue)\b"
    r"(?![^?]*?\b(?:if|when|whenever|before|after|while|during|that|which|who|whose|without|from|for|as)\b)"
)
_TEXT = (
    r"(?:(?:me|us|up)\s++)?+(?:an?|the|some|my|our)\s++(?:[\w-]{1,20}\s++){0,2}?(?:e-?mail|letter|reply|response|memo"
    r"|essay|poem|story|post|article|release|speech|proposal|message|paragraph|tweet|song|presentation|script)\b"
)

_SUMMARY_ASKED = re.compile(
    rf"{_LEAD}(?:(?:summari[sz]e|recap|sum\s++up|tl;?dr)\b"
    rf"|(?:{_GIVE}|i\s++(?:want|need|would\s++like)\s++|i['’]d\s++like\s++)(?:{_A})?+{_ADJECTIVES}{_SUMMARY})",
    re.IGNORECASE,
)
_COUNT_ASKED = re.compile(
    rf"^\W*+(?:how\s++many\s++{_PAPERS}{_SPEAK_OF}|in\s++how\s++many\s++{_PAPERS}[^?]{{1,200}}?\b{_SPOKEN_OF})",
    re.IGNORECASE,
)
_COMPARISON_ASKED = re.compile(
    rf"{_LEAD}(?:(?:compare|contrast)\s++[^?]{{1,300}}?\b(?:and|with|to|against|versus|vs)\b"
    rf"|{_GIVE}(?:{_A})?+{_ADJECTIVES}comparison\s++(?:of|between)\b)",
    re.IGNORECASE,
)
_ADVICE_ASKED = re.compile(
    rf"\bin\s++your\s++(?:opinion|view)\b|^\W*+(?:so\s++)?+(?:{_YOUR_VIEW}|{_SHOULD_I})", re.IGNORECASE
)
_TRANSLATION_ASKED = re.compile(
    rf"{_LEAD}(?:translate\b|{_GIVE}(?:{_A})?+{_ADJECTIVES}translation\s++(?:of|into)\b)", re.IGNORECASE
)
_DRAFT_ASKED = re.compile(
    rf"{_LEAD}(?:(?:write|draft|compose)\s++{_TEXT}|(?:rewrite|rephrase|paraphrase|proofread)\b)", re.IGNORECASE
)
_PATTERNS: tuple[tuple[Beyond, re.Pattern[str]], ...] = (
    ("summary", _SUMMARY_ASKED),
    ("count", _COUNT_ASKED),
    ("comparison", _COMPARISON_ASKED),
    ("advice", _ADVICE_ASKED),
    ("translation", _TRANSLATION_ASKED),
    ("draft", _DRAFT_ASKED),
)


def beyond_spans(question: str) -> Beyond | None:
    """What a question asks for that no span is, else None. Takes time in proportion to the question's length."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(question)), None)
