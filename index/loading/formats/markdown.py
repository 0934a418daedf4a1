"""Markdown. Every character is kept, including markup and front matter; headings and table rows are located in it.

The title is that of the front matter, else the first heading, else the file name. Author, date, tags and language come
from the front matter (YAML between `---` lines at the very top), which is no passage of the document: it describes it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from index.documents import Document, Heading, Row
from index.loading.building import file_title, file_uri, one_line, person
from index.loading.dates import iso_date
from index.loading.encodings import decode_text
from index.loading.language import detect_language, language_tag
from index.loading.registry import register
from index.text.markdown import front_matter, literal_lines, markdown_headings

_MOST_TAGS, _LONGEST_TAG = 50, 200
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_DELIMITER_ROW = re.compile(r" {0,3}\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+")


@register(".md", ".markdown")
def load_markdown(path: Path, content: bytes) -> Document:
    """Load Markdown, with its markup kept in the text."""
    text = decode_text(path, content)
    _, said = front_matter(text)
    outline = tuple(
        Heading(level=level, title=title, start=start) for start, (level, title) in markdown_headings(text).items()
    )
    title = one_line(_text(said.get("title"))) or (outline[0].title if outline else "")
    return Document(
        uri=file_uri(path),
        title=title or file_title(path),
        own_title=bool(title),
        text=text,
        media_type="text/markdown",
        source_sha256=hashlib.sha256(content).hexdigest(),
        outline=outline,
        rows=table_rows(text),
        date=iso_date(said.get("date") or said.get("published")),
        author=person(_text(said.get("author") or said.get("authors"))),
        tags=_tags(said.get("tags") or said.get("keywords")),
        language=language_tag(_text(said.get("lang") or said.get("language"))) or detect_language(text),
    )


def table_rows(text: str) -> tuple[Row, ...]:
    """The rows of every pipe table (GitHub Flavored Markdown, section 4.10), numbered from 1 in each.

    The header row is row 1; the delimiter row below it is not counted. Code, HTML and front matter contain no tables.
    """
    if "|" not in text:
        return ()
    literal = literal_lines(text)
    lines = [(match.start(), match.group().rstrip("\r\n")) for match in _LINE.finditer(text)]
    rows: list[Row] = []
    number = 0
    for at, (start, line) in enumerate(lines):
        below = lines[at + 1][1] if at + 1 < len(lines) else ""
        if start in literal:
            number = 0
            continue
        if number == 0:
            # Dashes under a single column are a heading or a rule, not a table.
            if "|" not in line or "|" not in below or not _DELIMITER_ROW.fullmatch(below):
                continue
            if _columns(line) != _columns(below):
                continue
        elif number == 1 and _DELIMITER_ROW.fullmatch(line) and rows[-1].header:
            number = 2
            continue
        elif not line.strip() or "|" not in line:
            number = 0
            continue
        header = number == 0
        number = 1 if header else number
        indent = len(line) - len(line.lstrip())
        rows.append(Row(number=number, start=start + indent, end=start + len(line.rstrip()), header=header))
        number += 0 if header else 1
    return tuple(rows)


def _columns(line: str) -> int:
    return len(re.sub(r"\\\|", "", line).strip().strip("|").split("|"))


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(entry) for entry in value[:20])
    if isinstance(value, dict):
        # An author with an address, say.
        return _text(value.get("name")) if not isinstance(value.get("name"), dict) else ""
    return "" if value is None else str(value)


def _tags(value: object) -> tuple[str, ...]:
    """The tags of a list, or of a line with commas."""
    listed = value if isinstance(value, list) else str(value or "").split(",")
    tags = [one_line(_text(tag)).removeprefix("#") for tag in listed[:_MOST_TAGS]]
    return tuple(tag for tag in tags if 0 < len(tag) <= _LONGEST_TAG)
