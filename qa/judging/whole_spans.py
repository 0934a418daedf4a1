"""Spans completed to what people would not cut: words, numbers, section references, abbreviations, intervals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from index.text.borders import part_around

MAX_WIDENING = 20
# How far around a span a longer expression is looked for, in characters.
_NEAR = 60
# Groups of three digits (or two, and three at the end, as in India), or one comma or point before decimals.
_NUMBER = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?|\d+,\d+"
)
_RUN_OF_NUMBERS = re.compile(r"\d[\d.,]*\d")
# 12(b)(6), 45a(2).
_SECTION = re.compile(r"\b\d{1,5}[a-zA-Z]?(?:\.\d{1,4}){0,4}(?:\([0-9A-Za-z]{1,4}\)){1,6}")
# Letters with points between them, or what is hardly ever written without its point.
_ABBREVIATION = re.compile(r"(?:\b[^\W\d_](?:\.[^\W\d_]){1,5}|\b(?:Inc|Ltd|Corp|Bros|Jr|Sr|Co|No|Nr|etc|approx))$")
# Units that make another thing of a number, and are hardly ever left out.
_RAISED_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER_OF_TEN = re.compile(r"(?<![\d.,])10\Z")
_UNIT = re.compile(r"[%‰°](?:[CF]\b)?|[ \u00a0\u202f]?(?:km/h|m/s|mph|kn|kWh|°[CF])\b")
_SIGN = re.compile(r"[$€£¥₹₩₽₺₴₫₱₪§]{1,3}[ \u00a0\u202f]?$")
_TIME = r"\d[\d.,:]*+(?:(?:st|nd|rd|th)\b)?(?: ?(?:[ap]\.\s?m\.|[ap]m\b|%|°C?|(?:percent|hours|o['’]clock)\b))?"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_LIMIT = (
    rf"(?:(?:the|a|an) )?(?:{_MONTH} \d{{1,2}}(?:, \d{{4}})?|(?:the )?{_TIME}(?: (?:of )?{_MONTH}(?: \d{{4}})?)?"
    r"|[A-ZÀ-Þ][\w’'-]*(?: [A-ZÀ-Þ][\w’'-]*){0,3}|[a-z][\w’'-]*)"
)
_BETWEEN = re.compile(rf"\b[Bb]etween ({_LIMIT}) and {_LIMIT}")
_TIME_LIMIT = rf"(?:noon|midnight|midday|dawn|dusk|sunrise|sunset|{_MONTH}(?: \d{{1,2}})?|{_TIME}(?: {_MONTH})?)"
_FROM = re.compile(rf"\b[Ff]rom ({_TIME_LIMIT}) (?:to|until|till|through) {_TIME_LIMIT}")
_DURATION = re.compile(
    r"(?:about |around |exactly )?(?:an?|\d{1,3}|[a-z]+(?:-[a-z]+)?) "
    r"(?:second|minute|hour|day|week|fortnight|month|year|decade)s?",
    re.IGNORECASE,
)
# A date in numbers: a year alone is no answer to when.
_DATE = re.compile(r"(?<![\d./-])(?:\d{4}-\d{2}-\d{2}|\d{1,2}([./-])\d{1,2}\1\d{4})(?![\d/-])")
_IN = re.compile(r"\b[Ii]n $")
_AGO = re.compile(r" (?:ago|from now|hence)\b")


def whole_span(
    text: str,
    start: int,
    end: int,
    *,
    context: str = "",
    sentences: Sequence[tuple[int, int]] = (),
    dated: bool = False,
) -> tuple[int, int]:
    """`[start, end)` of a passage's text widened to whole words and expressions, and to the `sentences` that it
    touches, within its own paragraph, field or cell; `context` is the passage's.

    With `dated`, the question asks when: a duration takes the word with it that makes it a point in time.
    """
    first, last = part_around(text, context, start, end)
    start, end = whole_words(text, start, end, first, last)
    start, end = _whole_expression(text, (start, end), (first, last), dated)
    for begin, stop in sentences:
        if begin < end and start < stop:
            start, end = max(first, min(start, begin)), min(last, max(end, stop))
    return start, end


def whole_words(text: str, start: int, end: int, first: int = 0, last: int | None = None) -> tuple[int, int]:
    """`[start, end)` widened, within `[first, last)`, where it cuts a word, a number or a dotted name (Gazeta.Ru) in
    two.

    A reader's tokens are pieces of words, and its tokeniser strips combining marks that belong to a letter. Scripts
    without spaces have no words to complete: nothing is widened by more than `MAX_WIDENING` characters.
    """
    last = len(text) if last is None else last
    left, right = start, end
    while left > first and start - left <= MAX_WIDENING and _joined(text, left, first, last):
        left -= 1
    while right < last and right - end <= MAX_WIDENING and _joined(text, right, first, last):
        right += 1
    return (left if start - left <= MAX_WIDENING else start), (right if right - end <= MAX_WIDENING else end)


def _whole_expression(text: str, span: tuple[int, int], part: tuple[int, int], dated: bool) -> tuple[int, int]:
    """A span within a part of the text, widened where it cuts an expression that belongs together."""
    (start, end), (first, last) = span, part
    begin, stop = max(first, start - _NEAR), min(last, end + _NEAR)
    near = text[begin:stop]
    for section in _SECTION.finditer(near):
        left, right = begin + section.start(), begin + section.end()
        if left < end and start < right and not (left <= start and end <= right and text[start:end].isalpha()):
            start, end = min(start, left), max(end, right)
    if end < last and text[end] == "." and _ABBREVIATION.search(text[max(start, end - 12) : end]):
        end += 1
    if text[start : start + 1].isdigit() and (sign := _SIGN.search(text[max(first, start - 3) : start])):
        start -= len(sign.group())
    if (unit := _UNIT.match(text, end, last)) is not None and text[end - 1].isdigit():
        end = unit.end()
    start, end = _whole_brackets(text, (start, end), part)
    for interval in (_BETWEEN, _FROM):
        for match in interval.finditer(near):
            left, right = begin + match.start(), begin + match.end()
            limit = begin + match.start(1)
            cut = left <= start <= limit < end <= right
            # One limit alone answers other questions; with the word before it, or both, it is the interval.
            if cut and (start == left or " and " in text[start:end]):
                start, end = left, right
<<<<<<< HEAD
    return _whole_date(text, (start, end), part) if dated else (start, end)


def _whole_date(text: str, span: tuple[int, int], part: tuple[int, int]) -> tuple[int, int]:
    """A span within a part of the text, widened where it cuts a date, or a duration from "in" or to "ago"."""
    (start, end), (first, last) = span, part
    begin, stop = max(first, start - _NEAR), min(last, end + _NEAR)
    for date in _DATE.finditer(text[begin:stop]):
        left, right = begin + date.start(), begin + date.end()
        if left <= start and end <= right:
            start, end = left, right
=======
    return _point_in_time(text, (start, end), part) if dated else (start, end)


def _whole_brackets(text: str, span: tuple[int, int], part: tuple[int, int]) -> tuple[int, int]:
    """A span with the quotation mark or bracket beside it whose other half it holds."""
    (start, end), (first, last) = span, part
    words = text[start:end]
    for opening, closing in ("“”", "„“", "«»", "()", "[]"):
        if start > first and text[start - 1] == opening and closing in words and opening not in words:
            start -= 1
        elif end < last and text[end] == closing and opening in words and closing not in words:
            end += 1
    return start, end


def _point_in_time(text: str, span: tuple[int, int], part: tuple[int, int]) -> tuple[int, int]:
    """A span that answers when, with what makes a date or a point in time of it."""
    (start, end), (first, last) = span, part
    begin, stop = max(first, start - _NEAR), min(last, end + _NEAR)
    for date in _DATE.finditer(text[begin:stop]):
        if begin + date.start() <= start and end <= begin + date.end():
            start, end = begin + date.start(), begin + date.end()
>>>>>>> texts
    if _DURATION.fullmatch(text[start:end]):
        if (lead := _IN.search(text[max(first, start - 3) : start])) is not None:
            start -= len(lead.group())
        elif (trail := _AGO.match(text, end, last)) is not None:
            end = trail.end()
    return start, end


def _joined(text: str, at: int, first: int, last: int) -> bool:
    """Whether the characters before and at `at` are of one word."""
    before, after = text[at - 1], text[at]
    if unicodedata.category(after).startswith("M"):
        return True
    if _of_word(before) and _of_word(after):
        # A raised digit behind others is the mark of a note, unless it is an exponent.
        return (
            not (after in _RAISED_DIGITS and before.isdecimal())
            or _POWER_OF_TEN.search(text[max(first, at - 3) : at]) is not None
        )
    # A point or comma within a number, or a point within a name, has letters or digits on both sides.
    if after in ".," and at + 1 < last:
        return _inner(text, at, first, last)
    if before in ".," and at - 2 >= first:
        return _inner(text, at - 1, first, last)
    return False


def _of_word(char: str) -> bool:
    return char.isalnum() and unicodedata.east_asian_width(char) not in ("W", "F")


def _inner(text: str, mark: int, first: int, last: int) -> bool:
    """Whether the point or comma at `mark` is within a number or a name."""
    before, after = text[mark - 1], text[mark + 1]
    if before.isdigit() and after.isdigit():
        return text[mark] == "." or _is_in_number(text, mark, first, last)
    return text[mark] == "." and before.isalpha() and after.isalpha()


def _is_in_number(text: str, mark: int, first: int, last: int) -> bool:
    """Whether the digits, points and commas around a comma make one number, and not several with commas between."""
    begin = max(first, mark - _NEAR)
    for run in _RUN_OF_NUMBERS.finditer(text, begin, min(last, mark + _NEAR)):
        if run.start() < mark < run.end():
            return _NUMBER.fullmatch(run.group()) is not None
    return False
