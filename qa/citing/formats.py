"""Citations as people and programs paste them: plain text, Markdown, W3C Web Annotation, text-fragment link.

The words are those of the document. Only what would take over the place where they are pasted is made harmless: runs of
white space become one space, control and direction characters U+FFFD, and Markdown's own characters are escaped.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote as percent_encoded
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict

from qa.citing.cite import CONTEXT
from qa.types import Citation

ANNOTATION_CONTEXT = "http://www.w3.org/ns/anno.jsonld"
# Longer stretches, and those over several blocks of a page, are named by their first and last words.
MAX_FRAGMENT_TEXT = 200
EDGE_WORDS = 5
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Reserved and unreserved characters of RFC 3986, without parentheses and quotes, which end a link in places.
_URI_CHARACTERS = "%/:?#[]@!$&*+,;=~-._"
_MARKDOWN = re.compile(r"[\\`*_\[\]<>&|~$^#{}@]|(?<=:)//|(?i:\bwww(?=\.))")
_BLOCK_START = re.compile(r"^(?:[-+=]|\d+(?=[.)]))")


class FormattedCitation(BaseModel):
    """One citation in every form. `text_fragment` is null for a source that is no web page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plain: str
    markdown: str
    annotation: dict[str, Any]
    text_fragment: str | None


def formatted(citation: Citation) -> FormattedCitation:
    """A citation in every form."""
    return FormattedCitation(
        plain=plain(citation),
        markdown=markdown(citation),
        annotation=web_annotation(citation),
        text_fragment=text_fragment(citation),
    )


def plain(citation: Citation) -> str:
    """The sentence with its words in brackets, and their place, on one line."""
    before, words, after = (_one_line(part) for part in _around(citation))
    parts = [_one_line(citation.document.title), place(citation), _version(citation)]
    if citation.document.uri != citation.document.title:
        parts.insert(1, _one_line(citation.document.uri))
    return f"“{before}[{words}]{after}” ({', '.join(part for part in parts if part)})"


def markdown(citation: Citation) -> str:
    """A block quote with its words bold and a line for their place; a web source is linked, at the words themselves."""
    title = _markdown_escaped(_one_line(citation.document.title) or _one_line(citation.document.uri))
    link = text_fragment(citation)
    # Any other scheme might run, or lead nowhere: it is named and not linked.
    source = f"[{title}](<{link}>)" if link else title
    sentence = _block_start_escaped(_emphasised(*(_one_line(part) for part in _around(citation))))
    return f"> {sentence}\n>\n> — {source}, {_markdown_escaped(place(citation))}, {_version(citation)}"


def web_annotation(citation: Citation) -> dict[str, Any]:
    """An annotation of the W3C Web Annotation Data Model (2017) as JSON-LD: source, both selectors, and the state.

    The state holds the SHA-256 of the document's text, by the term of schema.org: the model has a state for times and
    for requests, and none for content. Positions count code points in that very text.
    """
    document = citation.document
    source = _usable_uri(document.uri)
    name = f"{source}#sha256={document.sha256};char={citation.start},{citation.end}"
    quote, position = citation.selector
    return {
        "@context": [ANNOTATION_CONTEXT, {"sha256": "https://schema.org/sha256"}],
        "id": uuid5(NAMESPACE_URL, name).urn,
        "type": "Annotation",
        "motivation": "highlighting",
        "generator": {"type": "Software", "name": "spanqa"},
        "target": {
            "type": "SpecificResource",
            "source": {"id": source, "type": "Text", "dcterms:title": document.title},
            "selector": [quote.model_dump(), position.model_dump()],
            "state": {"type": "oa:State", "sha256": document.sha256},
        },
    }


def text_fragment(citation: Citation) -> str | None:
    """The address of a web page with a directive that scrolls to the words; None for a source that is not one.

    See WICG, URL Fragment Text Directives: `#:~:text=[prefix-,]start[,end][,-suffix]`, where each part matches whole
    words within one block of the page.
    """
    uri = citation.document.uri
    if re.match(r"https?://", uri, re.IGNORECASE) is None:
        return None
    quote = citation.selector[0]
    parts = _start_and_end(citation.quote)
    if prefix := _whole_words_before(quote.prefix):
        parts.insert(0, _directive(prefix) + "-")
    if suffix := _whole_words_after(quote.suffix):
        parts.append("-" + _directive(suffix))
    base, _, fragment = _usable_uri(uri).partition("#")
    return f"{base}#{fragment.partition(':~:')[0]}:~:text={','.join(parts)}"


def place(citation: Citation) -> str:
    """Where the words stand in their document, for people."""
    page = f"page {citation.page}, " if citation.page else ""
    return f"{page}line {citation.line}, characters {citation.start}–{citation.end}"


def _version(citation: Citation) -> str:
    return f"sha256:{citation.document.sha256}"


def _around(citation: Citation) -> tuple[str, str, str]:
    text, begin = citation.sentence.text, citation.sentence.start
    return text[: citation.start - begin], citation.quote, text[citation.end - begin :]


def _one_line(text: str) -> str:
    # Not stripped: the space between the words and their sentence belongs to it.
    flat = re.sub(r"\s+", " ", text)
    return "".join("\N{REPLACEMENT CHARACTER}" if _takes_over(char) else char for char in flat)


def _takes_over(char: str) -> bool:
    return char in _BIDI or unicodedata.category(char) in ("Cc", "Cs")


def _markdown_escaped(text: str) -> str:
    """Text that CommonMark, and GitHub's and pandoc's extensions, show as it is."""
    return _MARKDOWN.sub(lambda match: "www\\" if match[0].lower() == "www" else "\\" + match[0], text)


def _emphasised(before: str, words: str, after: str) -> str:
    """The words in bold, or in brackets where CommonMark (section 6.2) would not take asterisks for emphasis."""
    begin = len(words) - len(words.lstrip())
    end = len(words.rstrip())
    before, words, after = before + words[:begin], words[begin:end], words[end:] + after
    opens = _is_word(words[:1]) or not _is_word(before[-1:])
    closes = _is_word(words[-1:]) or not _is_word(after[:1])
    # Four asterisks around nothing would be a rule across the page.
    left, right = ("**", "**") if words and opens and closes else ("\\[", "\\]")
    return f"{_markdown_escaped(before)}{left}{_markdown_escaped(words)}{right}{_markdown_escaped(after)}"


def _is_word(char: str) -> bool:
    return char != "" and not char.isspace() and unicodedata.category(char)[0] not in "PS"


def _block_start_escaped(line: str) -> str:
    line = line.lstrip()
    return _BLOCK_START.sub(lambda match: match[0] + "\\" if match[0].isdigit() else "\\" + match[0], line)


def _usable_uri(uri: str) -> str:
    return percent_encoded(uri, safe=_URI_CHARACTERS, errors="replace")


def _directive(text: str) -> str:
    # A dash ends a prefix and begins a suffix, so it is encoded where it is text; comma and ampersand come with it.
    return percent_encoded(" ".join(text.split()), safe="", errors="replace").replace("-", "%2D")


def _start_and_end(text: str) -> list[str]:
    tokens = text.split()
    if (len(text) <= MAX_FRAGMENT_TEXT and len(text.strip().splitlines()) == 1) or len(tokens) < 2 * EDGE_WORDS:
        return [_directive(text)]
    first = " ".join(text.strip().splitlines()[0].split()[:EDGE_WORDS])
    last = " ".join(text.strip().splitlines()[-1].split()[-EDGE_WORDS:])
    return [_directive(first), _directive(last)]


def _whole_words_before(prefix: str) -> str:
    within = re.split(r"[\r\n]", prefix)[-1]
    # A prefix of full length may begin within a word, which no browser would find.
    if len(within) == CONTEXT:
        within = within.partition(" ")[2]
    return within.strip()


def _whole_words_after(suffix: str) -> str:
    within = re.split(r"[\r\n]", suffix)[0]
    if len(within) == CONTEXT:
        within = within.rpartition(" ")[0]
    return within.strip()
