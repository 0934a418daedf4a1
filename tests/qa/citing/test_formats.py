"""Citations as they are pasted: plain text, Markdown, Web Annotation, text-fragment link."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.documents import Document
from qa.citing.cite import cite
from qa.citing.formats import formatted, markdown, plain, text_fragment, web_annotation
from qa.types import Citation

URI = "https://example.org/a"
HOSTILE = [
    "<script>alert(1)</script>",
    "](https://evil.example) [x",
    "> quote\n\n# heading",
    "**bold** _em_ `code` ~~gone~~",
    "![i](https://evil.example/p.png)",
    "a\nb\r\n- item",
    "&lt;b&gt; &amp; &#x3c;",
    "www.evil.example https://evil.example me@evil.example",
    "1. one",
    "\\*",
    "$x$ ^y^ | a | b |",
    "\u202egpj.exe",
    "\x1b[31mred\x07",
]


def cited(text: str, quote: str, *, uri: str = URI, title: str = "A title") -> Citation:
    start = text.index(quote)
    document = Document(uri=uri, title=title, text=text)
    return cite(document, start, start + len(quote), around=(0, len(text)))


def leaves(tokens: list[Token]) -> list[Token]:
    return [leaf for token in tokens for leaf in (leaves(token.children) if token.children else [token])]


def rendered(source: str) -> tuple[set[str], str]:
    """The tags that Markdown makes of a source, and the text that its readers see."""
    found = leaves(MarkdownIt("gfm-like", {"linkify": False}).parse(source))
    return {token.tag for token in found if token.tag}, "".join(
        {"softbreak": " ", "paragraph_close": "\n"}.get(token.type, token.content) for token in found
    )


def test_plain_has_words_place_and_version() -> None:
    citation = cited("The drills run from August 9 to 13 in Ningxia.", "August 9 to 13")
    assert plain(citation) == (
        "“The drills run from [August 9 to 13] in Ningxia.” (A title, https://example.org/a, line 1, "
        f"characters 20–34, sha256:{citation.document.sha256})"
    )


def test_markdown_is_a_quotation_with_a_link_to_the_words() -> None:
    citation = cited("The drills run from August 9 to 13 in Ningxia.", "August 9 to 13")
    tags, text = rendered(markdown(citation))
    assert tags == {"blockquote", "p", "strong", "a"}
    assert text.startswith("The drills run from August 9 to 13 in Ningxia.\n— A title, line 1, characters 20–34")
    assert f"]({'<'}{text_fragment(citation)}>)" in markdown(citation)


def flat(text: str) -> str:
    """A text as its readers must see it: on one line, what is not printable replaced."""
    return "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_titles_and_addresses_stay_text(hostile: str) -> None:
    for uri in (URI, f"https://example.org/{hostile}", f"javascript:{hostile}", hostile):
        citation = cited("The drills run in August.", "August", uri=uri, title=hostile)
        tags, text = rendered(markdown(citation))
        assert tags <= {"blockquote", "p", "strong", "a"}
        assert ("a" in tags) == uri.startswith("https://example.org")
        assert f"— {flat(hostile)}, line 1" in text
        assert "\n" not in plain(citation) and "\x1b" not in plain(citation) + markdown(citation)
        assert "\u202e" not in plain(citation) + markdown(citation)
        for part in ("(<", "<http"):
            assert markdown(citation).count(part) == (1 if "a" in tags else 0)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_stay_words(hostile: str) -> None:
    for text, quote in ((f"{hostile} is said.", hostile), (f"It is{hostile}said.", hostile), (f"{hostile} x.", "x.")):
        citation = cited(text, quote)
        tags, shown = rendered(markdown(citation))
        assert tags <= {"blockquote", "p", "strong", "a"}
        bare, bracketed = (flat(citation.sentence.text.replace(quote, as_, 1)) for as_ in (quote, f"[{quote}]"))
        assert shown.startswith((f"{bare}\n", f"{bracketed}\n"))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
def test_no_words_make_markdown_of_themselves(before: str, words: str, after: str) -> None:
    document = Document(uri="notes.txt", title="notes", text=before + words + after)
    citation = cite(document, len(before), len(before) + len(words), around=(0, len(document.text)))
    tags, shown = rendered(markdown(citation))
    assert tags <= {"blockquote", "p", "strong"}
    assert "".join(c for c in citation.quote if c.isalnum()) in "".join(c for c in shown if c.isalnum())
    formatted(citation)


def test_the_annotation_is_complete() -> None:
    citation = cited("The drills run from August 9 to 13.", "August 9", uri="https://example.org/a b", title="<A>")
    annotation = web_annotation(citation)
    assert annotation["@context"][0] == "http://www.w3.org/ns/anno.jsonld"
    assert annotation["id"].startswith("urn:uuid:") and annotation["type"] == "Annotation"
    target = annotation["target"]
    assert target["source"] == {"id": "https://example.org/a%20b", "type": "Text", "dcterms:title": "<A>"}
    assert target["selector"] == [selector.model_dump() for selector in citation.selector]
    assert target["state"]["sha256"] == citation.document.sha256
    assert web_annotation(citation) == annotation
    elsewhere = cited("The drills run from August 9 to 13.", "13", uri="https://example.org/a b")
    assert web_annotation(elsewhere)["id"] != annotation["id"]


@pytest.mark.parametrize(
    ("text", "quote", "uri", "expected"),
    [
        ("Run on May 1.", "May 1", URI, f"{URI}#:~:text=Run%20on-,May%201,-."),
        ("A, B & C-D here", "B & C-D", URI, f"{URI}#:~:text=A%2C-,B%20%26%20C%2DD,-here"),
        ("One.\nTwo words.\nThree.", "Two words.", URI, f"{URI}#:~:text=Two%20words."),
        ("Größe: 7 m", "7 m", f"{URI}#part", f"{URI}#part:~:text=Gr%C3%B6%C3%9Fe%3A-,7%20m"),
        ("Run on May 1", "May 1", f"{URI}#x:~:text=old", f"{URI}#x:~:text=Run%20on-,May%201"),
    ],
)
def test_text_fragments(text: str, quote: str, uri: str, expected: str) -> None:
    assert text_fragment(cited(text, quote, uri=uri)) == expected


def test_a_fragment_names_whole_words_around() -> None:
    text = "Some words that are long enough before it, the quote, and as many words that follow after it."
    link = text_fragment(cited(text, "the quote"))
    assert link is not None
    prefix, words, suffix = (unquote(part) for part in link.partition(":~:text=")[2].split(","))
    assert words == "the quote"
    assert f" {prefix.removesuffix('-')} the quote{suffix.removeprefix('-')} " in text


@pytest.mark.parametrize("text", ["word " * 100, "First words of one block here\nand last words of another block"])
def test_long_quotes_are_named_by_their_ends(text: str) -> None:
    link = text_fragment(cited(text.strip(), text.strip()))
    assert link is not None
    first, last = (unquote(part) for part in link.partition(":~:text=")[2].split(","))
    assert text.startswith(first) and text.strip().endswith(last) and len(first.split()) == len(last.split()) == 5


@pytest.mark.parametrize(
    "uri", ["file:///a/b.txt", "upload:b.txt", "javascript:alert(1)//https://x", "httpsx://y", "a"]
)
def test_only_web_pages_have_fragments(uri: str) -> None:
    citation = cited("Run on May 1.", "May 1", uri=uri)
    assert text_fragment(citation) is None
    assert formatted(citation).text_fragment is None and "](" not in markdown(citation)
