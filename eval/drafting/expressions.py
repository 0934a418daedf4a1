"""Regular expressions of what the patterns share: dates, names, numbers, titles and roles."""

from __future__ import annotations

import re

MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTH = f"(?:{'|'.join(MONTHS)})"
YEAR = r"(?:1\d{3}|20\d{2})"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DATE = (
    rf"(?:(?:{'|'.join(_DAYS)}), )?(?:{MONTH} {_DAY}(?:[-–]\d{{1,2}})?(?:,? {YEAR})?|{_DAY} {MONTH}(?:,? {YEAR})?"
    rf"|(?:the (?:end|beginning|middle) of )?(?:early |late |mid-)?{MONTH}(?: {YEAR})?"
    rf"|(?:the )?(?:early |late |mid-)?{YEAR}s?)(?![\w-])"
)
NAME_WORD = r"[A-Z][\w’'&.-]*[\w’']"
NAME = rf"{NAME_WORD}(?: (?:of the |of |the |de |van |von |der |and the )?{NAME_WORD})*"
NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?: (?:hundred|thousand|million|billion|trillion))?"
ABOUT = (
    r"(?:about |around |some |nearly |almost |over |roughly |approximately |more than |less than |at least |up to )?"
)
THINGS = r"((?:[a-z][a-z-]+ ){0,2}?(?:people|men|women|children|[a-z-]{2,}[a-rt-z]s))\b"
TITLES = (
    "President|Minister|Chancellor|Secretary|Senator|Governor|Mayor|Ambassador|General|Colonel|Admiral|Captain|"
    "Commander|Director|Professor|Bishop|Archbishop|Pope|King|Queen|Emperor|Sultan|Chairman|Chairwoman"
)
ROLE_NOUNS = (
    "president|minister|chancellor|secretary|governor|mayor|ambassador|director|founder|co-founder|author|leader|head|"
    "chief|chairman|chairwoman|king|queen|emperor|inventor|composer|editor|owner|manager|coach|captain|commander|"
    "architect|designer|creator|winner|son|daughter|wife|husband|father|mother|brother|sister|member|artist|writer|"
    "expert|analyst|journalist|politician|scientist|historian|economist|novelist|poet|engineer|lawyer|judge|physicist|"
    "producer|actor|actress|singer|spokesman|spokeswoman|spokesperson|successor|predecessor|professor|philosopher"
)


def mid_sentence_names(text: str) -> frozenset[str]:
    """The first words of the names in a text: those with a capital letter where no sentence begins."""
    return frozenset(re.findall(r"(?<=[a-z,;] )[A-Z][\w’'-]*", text)).difference(MONTHS, _DAYS)


def common_words(text: str) -> frozenset[str]:
    """The words that a text has in lower case, except for those inside addresses."""
    return frozenset(re.findall(r"(?<=\s)[a-z]+(?=[\s,;])", text))
