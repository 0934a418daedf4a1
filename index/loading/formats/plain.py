"""Plain text. Every character is kept as decoded. The title is the file name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from index.documents import Document
from index.loading.building import file_title, file_uri
from index.loading.encodings import decode_text
from index.loading.language import detect_language
from index.loading.registry import register


@register(".txt", ".text")
def load_text(path: Path, content: bytes) -> Document:
    """Load plain text."""
    text = decode_text(path, content)
    return Document(
        uri=file_uri(path),
        title=file_title(path),
        text=text,
        media_type="text/plain",
        source_sha256=hashlib.sha256(content).hexdigest(),
        language=detect_language(text),
    )
