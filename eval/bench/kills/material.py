"""What the killed writers write: generated documents that state their revision, and models without weights."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.documents import Document, document_id, text_sha256
from index.text.passages import CutSettings
from qa.reading.spans import Span

DIMENSIONS = 64
# Passages are short, so that a document of a few lines has many of them.
CUT = CutSettings(minimum=20, maximum=40, overlap=10)
NAMES = tuple(
    f"{first}{last}" for first in ("lin", "bor", "san", "vik", "hol") for last in ("dal", "gard", "by", "ness")
)
MOST_SECTIONS = 24
_WORDS = (
    "harbour bridge ferry lamp quay tower cargo rope crane barrel keeper signal anchor channel warehouse railway "
    "customs pilot storm winter timber granite copper herring village market chapel garden letter meadow"
).split()
_CODE = re.compile(r"The code of (\w+) in (\w+) is (r(\d+)x\w+)\.")
_CODE_BYTES = re.compile(rb"r(\d+)x[0-9a-f]{10}")
_MARGIN = 12.0


def make_document(name: str, revision: int, label: int) -> Document:
    """The document of that name: its text depends only on `revision`, its description also on `label`."""
    draw = random.Random(f"{name} {revision}")
    lines = [f"This is revision {revision} of {name}."]
    for section in sections(name, revision):
        filler = " ".join(draw.choices(_WORDS, k=draw.randint(4, 24)))
        lines.append(f"The code of {section} in {name} is {code(name, revision, section)}. It {filler}.")
    return Document(uri=_uri(name), title=name, text="\n\n".join(lines) + "\n", tags=(f"label{label}",))


def made_id(name: str) -> str:
    """The id of the document of that name."""
    return document_id(_uri(name))


def sections(name: str, revision: int) -> list[str]:
    """The sections of a revision, each with its own code."""
    count = random.Random(f"sections of {name} {revision}").randint(1, MOST_SECTIONS)
    return [f"section{number}" for number in range(count)]


def code(name: str, revision: int, section: str) -> str:
    """The code that a revision states for a section, unique to revision, section and document."""
    return f"r{revision}x{text_sha256(f'{name} {revision} {section}')[:10]}"


def codes_in(content: bytes) -> set[tuple[int, str]]:
    """All codes in the bytes of a file, as pairs of revision and code."""
    return {(int(code.group(1)), code.group().decode()) for code in _CODE_BYTES.finditer(content)}


def ask_for(name: str, section: str) -> str:
    """The question for a section's code."""
    return f"What is the code of {section} in {name}?"


def revision_in(text: str) -> int | None:
    """The revision that a code belongs to; None for any other text."""
    match = re.fullmatch(r"r(\d+)x\w+", text)
    return int(match.group(1)) if match else None


def _uri(name: str) -> str:
    return f"made:{name}"


class HashingEmbedder:
    """Embeds texts as hashed word counts, normalised to length one."""

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        self.dimensions = dimensions
        self.name = "hashed words" if dimensions == DIMENSIONS else f"hashed words {dimensions}"
        self.sha256 = text_sha256(f"hashed words {dimensions}")

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for number, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[number, zlib.crc32(word.encode()) % self.dimensions] += 1
        unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


# The embedders that a store is re-embedded with, in turn; dimensions differ, as those of real models do.
EMBEDDERS = (HashingEmbedder(), HashingEmbedder(DIMENSIONS // 2))


class CodeReader:
    """Finds the requested code if a passage states it, and nothing else."""

    name = "codes"
    sha256 = text_sha256("codes")

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [
            [
                [
                    Span(match.start(3), match.end(3), _MARGIN)
                    for match in _CODE.finditer(passage)
                    if ask_for(match.group(2), match.group(1)) == question
                ]
                for passage in texts
            ]
            for question, texts in zip(questions, passages, strict=True)
        ]
