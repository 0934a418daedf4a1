"""HTML. Kept: the text of the page's content in order, headings, lists, tables by row; title, author, date and
language as the page states them.

An element is left out as navigation, advertising or notice only if its tag, role or name says so and trafilatura does
not take it for content: both must agree, so that no content is lost. Not kept: scripts, hidden elements, pictures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.documents import Document
from index.errors import InputError
from index.loading.building import TextBuilder
from index.loading.dates import iso_date
from index.loading.encodings import decode_declared
from index.loading.formats.markup import add_elements, bare_text, tag_of
from index.loading.formats.web.controls import FIELDS, is_filled
from index.loading.registry import register

# In bytes; a page declares its encoding at its beginning (HTML Living Standard, 4.2.5.4).
_DECLARATION = 1024
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
# Elements that may surround the content, by tag, role and name.
_AROUND = {"aside", "footer", "form", "header", "menu", "nav"}
_AROUND_ROLES = {"banner", "complementary", "contentinfo", "navigation", "search"}
_AROUND_NAMES = re.compile(
    r"(?i)(?:^|[\s_-])(?:ads?|advert\w*|banner|breadcrumbs?|comments?|consent|cookies?|footer|masthead|menu|nav\w*|"
    r"newsletter|paywall|popup|promo\w*|related|share|sharing|sidebar|social|sponsor\w*|subscribe|tags|toolbar|widget)"
    r"(?:$|[\s_-])"
)
# The share of the words of such an element that trafilatura must keep for it to count as content.
_ENOUGH = 0.5
_META = {
    "author": ("author", "article:author", "citation_author", "dc.creator", "dcterms.creator", "parsely-author"),
    "date": tuple(
        """
            article:published_time citation_publication_date date datepublished dc.date dc.date.issued dcterms.created
            dcterms.date dcterms.issued og:published_time parsely-pub-date pubdate publish-date sailthru.date
        """.split()
    ),
}
_WORD = re.compile(r"\w+")


@register(".html", ".htm", ".xhtml")
def load_html(path: Path, content: bytes) -> Document:
    """Load the content of a web page."""
    source = decode_html(path, content)
    root = parse_html(path, source)
    said = _stated(root)
    builder = _content(source, root)
    return builder.document(
        path,
        content,
        "text/html",
        title=_title(source, root),
        author=said.get("author"),
        date=said.get("date"),
        language=root.get("lang") or root.get("xml:lang"),
        nothing="has no text that a reader of the page would see",
    )


def decode_html(path: Path, content: bytes) -> str:
    """The source of a page, by its byte-order mark, else as UTF-8 if valid, else as declared, else as guessed."""
    declared = _CHARSET.search(content[:_DECLARATION]) or _XML_ENCODING.match(content[:_DECLARATION])
    return decode_declared(path, content, declared.group(1).decode("ascii") if declared else None)


def parse_html(path: Path, source: str) -> Any:
    """The root element of a page. Raises InputError if there is none."""
    from lxml import etree

    # The text is already decoded, which an XML declaration must not contradict.
    source = re.sub(r"^\s*<\?xml[^>]*\?>", "", source)
    parser = etree.HTMLParser(huge_tree=True, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(source, parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as HTML ({error})") from error
    if root is None:
        raise InputError(f"{path}: has no text that a reader of the page would see")
    return root


def _content(source: str, root: Any) -> TextBuilder:
    """The text of a page without what surrounds its content."""
    extracted = _Shingles(_extracted(source))
    builder = TextBuilder()
    add_elements(builder, root, lambda element: _is_around(element) and not extracted.hold(element))
    if builder.length == 0:
        # On a page of nothing but navigation, that is the content.
        add_elements(builder, root)
    return builder


def _is_around(element: Any) -> bool:
    """Whether an element may be navigation, advertising and the like, judging by its tag, role and name."""
    if tag_of(element) == "form" and sum(map(is_filled, element.iter(*FIELDS))) > 0:
        return False
    if tag_of(element) in _AROUND or (element.get("role") or "").lower() in _AROUND_ROLES:
        return True
    named = f"{element.get('class') or ''} {element.get('id') or ''}"
    return tag_of(element) not in ("html", "body") and _AROUND_NAMES.search(named) is not None


class _Shingles:
    """The four-word sequences of a text, to tell which elements it covers."""

    def __init__(self, text: str) -> None:
        self._known = set(self._of(text))

    def hold(self, element: Any) -> bool:
        shingles = self._of("".join(bare_text(element)))
        return bool(shingles) and sum(shingle in self._known for shingle in shingles) >= _ENOUGH * len(shingles)

    @staticmethod
    def _of(text: str) -> list[tuple[str, ...]]:
        words = _WORD.findall(text)
        return list(zip(*(words[begin:] for begin in range(4)), strict=False))


def _extracted(source: str) -> str:
    """What trafilatura considers the content of a page."""
    from trafilatura import bare_extraction

    # Its extensive date search makes up days that a page does not state, so it is switched off.
    dates = {"extensive_search": False}
    extraction = bare_extraction(source, include_comments=False, favor_recall=True, date_extraction_params=dates)
    return str(getattr(extraction, "text", None) or "")


def _title(source: str, root: Any) -> str | None:
    from trafilatura.metadata import extract_metadata

    metadata = extract_metadata(source, date_config={"extensive_search": False}, extensive=False)
    return metadata.title or _first(root, "//head/title")


def _stated(root: Any) -> dict[str, str]:
    """Author and date from the page's `meta` elements, its JSON-LD and its `time` elements, in this order."""
    said: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").strip().lower()
        value = (meta.get("content") or "").strip()
        for kind, names in _META.items():
            # Some pages give the address of a profile page as the author.
            if value and name in names and not value.startswith(("http:", "https:")):
                said.setdefault(kind, value)
    for script in root.iter("script"):
        if (script.get("type") or "").lower() == "application/ld+json":
            for kind, value in _linked_data(script.text or ""):
                said.setdefault(kind, value)
    for element in root.iter("time"):
        if element.get("datetime") and (
            element.get("pubdate") is not None or element.get("itemprop") == "datePublished"
        ):
            said.setdefault("date", element.get("datetime"))
    if "date" in said and iso_date(said["date"]) is None:
        del said["date"]
    return said


def _linked_data(text: str) -> Iterator[tuple[str, str]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    entries = value if isinstance(value, list) else [value]
    for entry in entries[:20]:
        graph = entry.get("@graph") if isinstance(entry, dict) else None
        for item in graph[:50] if isinstance(graph, list) else [entry]:
            if not isinstance(item, dict):
                continue
            if isinstance(item.get("datePublished"), str):
                yield "date", item["datePublished"]
            author = item.get("author")
            authors = author if isinstance(author, list) else [author]
            names = [one.get("name") if isinstance(one, dict) else one for one in authors[:20]]
            if joined := ", ".join(name for name in names if isinstance(name, str) and name):
                yield "author", joined


def _first(root: Any, path: str) -> str | None:
    elements = root.xpath(path)
    return "".join(elements[0].itertext()) if elements else None
