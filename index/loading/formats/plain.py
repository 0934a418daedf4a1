"""Plain text. Every character is kept as decoded. The title is a first line that stands alone, else the file name."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from index.documents import Document
from index.loading.building import file_title, file_uri
from index.loading.encodings import decode_text
from index.loading.language import detect_language
from index.loading.registry import register

# The longest line that is taken for a title.
MAX_TITLE = 120
_QUOTES = ('"', "'", "\u201c", "\u2018", "\u00ab", "(")
# A break is taken whole: half of a CR LF is no empty line.
_FIRST_LINE = re.compile(r"\s*(\S[^\r\n]*)(?>\r\n|\r|\n)[ \t]*(?>\r\n|\r|\n)\s*\S")


def stated_title(text: str) -> str | None:
    """The first line of a text, where an empty one sets it apart from what follows and it neither ends as sentences and
    salutations do nor begins as list items do."""
    found = _FIRST_LINE.match(text.lstrip("\ufeff")[: 4 * MAX_TITLE])
    line = found.group(1).strip() if found else ""
    begins = line[:1].isalnum() or line.startswith(_QUOTES)
    ends = not line.endswith((".", ",", ";", ":"))
    return line if begins and ends and len(line) <= MAX_TITLE and any(map(str.isalpha, line)) else None


@register(".txt", ".text")
def load_text(path: Path, content: bytes) -> Document:
    """Load plain text; its title is a first line that stands by itself, else its file name."""
    text = decode_text(path, content)
    stated = stated_title(text)
    return Document(
        uri=file_uri(path),
        title=stated or file_title(path),
        own_title=stated is not None,
        text=text,
        media_type="text/plain",
        source_sha256=hashlib.sha256(content).hexdigest(),
        language=detect_language(text),
    )
