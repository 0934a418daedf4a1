"""The parts of a message that its reader sees, and their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from index.errors import InputError
from index.loading.encodings import decode_declared
from index.loading.formats.html import decode_html, parse_html
from index.loading.formats.markup import bare_text
from index.loading.formats.web.calendars import calendar_text

# Deeper than mail programs nest.
MAX_DEPTH = 20
# A version in another format says more where the first lacks such a share of its words.
_LACKING = 0.25
# Placeholders of pictures, and addresses, are no words.
_NO_WORDS = re.compile(r"\[[^\[\]]{0,100}\]|<?\b(?:https?|mailto|cid):[^\s<>]*>?")
# What stands in place of a text, for programs that show no HTML.
_STUB = re.compile(
    r"(?i)\bhtml\b|\bview (?:this|it|the) (?:e-?mail|message|newsletter)|\b(?:in|with) (?:a|your) browser"
)
_STUB_WORDS = 40
_WORD = re.compile(r"\w+")
_TEXTS = ("text/plain", "text/html", "text/calendar", "text/enriched", "text/richtext")
_MARKUP = re.compile(r"<[^<>]{1,80}>")


def inline_parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts of a message that are shown with it, in order; of alternatives the one that says more, the plain one
    where both say the same. A calendar part is shown beside what the others say."""
    yield from _inline(message, 0)


def attached_parts(message: EmailMessage) -> list[EmailMessage]:
    """The parts that are files of their own, in order, wherever in the message they are."""
    return list(_attached(message, 0))


def part_text(path: Path, part: EmailMessage) -> str:
    """The text of a part, the source of an HTML page as it is. Raises InputError where it cannot be decoded."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload.strip():
        return ""
    charset = part.get_content_charset()
    kind = _kind(part)
    if kind == "text/html":
        return decode_declared(path, payload, charset) if charset else decode_html(path, payload)
    text = decode_declared(path, payload, charset).replace("\r\n", "\n")
    if kind == "text/calendar":
        return calendar_text(text)
    return _MARKUP.sub("", text) if kind in ("text/enriched", "text/richtext") else text


def _inline(part: EmailMessage, depth: int) -> Iterator[EmailMessage]:
    if depth > MAX_DEPTH or _is_attached(part):
        return
    if part.get_content_type() == "multipart/alternative":
        yield from _best(part, depth)
    elif part.is_multipart() and part.get_content_maintype() == "multipart":
        for inner in _inner(part):
            yield from _inline(inner, depth + 1)
    elif _kind(part) in _TEXTS:
        yield part


def _best(part: EmailMessage, depth: int) -> Iterator[EmailMessage]:
    alternatives = [list(_inline(inner, depth + 1)) for inner in _inner(part)]
    calendars = [parts for parts in alternatives if parts and all(_kind(one) == "text/calendar" for one in parts)]
    others = [parts for parts in alternatives if parts and parts not in calendars]
    if others:
        chosen = others[0]
        for parts in others[1:]:
            if _says_more(parts, chosen):
                chosen = parts
        yield from chosen
    for parts in calendars:
        yield from parts


def _says_more(parts: list[EmailMessage], others: list[EmailMessage]) -> bool:
    words, known = _words(parts), _words(others)
    if not words or words <= known:
        return False
    # Both say the same but for addresses and small print; of a table, only one shows what stands under what.
    lacking = len(words - known) / len(words)
    return lacking > _LACKING or _has_table(parts)


def _words(parts: list[EmailMessage]) -> set[str]:
    return {word.casefold() for part in parts for word in _WORD.findall(_NO_WORDS.sub(" ", _plain(part)))}


def _plain(part: EmailMessage) -> str:
    path = Path("message")
    try:
        text = part_text(path, part)
        if _kind(part) == "text/html":
            return "".join(bare_text(parse_html(path, text))) if text.strip() else ""
        return "" if _STUB.search(text[:1_000]) and len(text.split()) <= _STUB_WORDS else text
    except InputError:
        # What cannot be decoded says nothing; where it is chosen all the same, its reader is told.
        return ""


def _has_table(parts: list[EmailMessage]) -> bool:
    return any(_kind(part) == "text/html" and "<th" in _source(part) for part in parts)


def _source(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("latin-1").lower() if isinstance(payload, bytes) else ""


def _attached(part: EmailMessage, depth: int) -> Iterator[EmailMessage]:
    if depth > MAX_DEPTH:
        return
    if depth and _is_attached(part):
        yield part
    elif part.get_content_maintype() == "multipart":
        for inner in _inner(part):
            yield from _attached(inner, depth + 1)


def _is_attached(part: EmailMessage) -> bool:
    """Whether a part is a file of its own: it is called one, or is no text."""
    if part.get_content_maintype() == "multipart":
        return False
    is_text = _kind(part) in _TEXTS
    named = part.get_filename() is not None
    if _kind(part) == "text/calendar" or (is_text and not named):
        # Invitations are attached as well as shown; a text without a name cannot be opened otherwise.
        return False
    return not is_text or part.get_content_disposition() in ("attachment", None)


def _inner(part: EmailMessage) -> list[EmailMessage]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, EmailMessage)] if isinstance(payload, list) else []


def _kind(part: EmailMessage) -> str:
    kind = part.get_content_type()
    return "text/calendar" if kind == "application/ics" else kind
