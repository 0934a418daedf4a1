"""The title of a document: the one it states, if a person wrote it, else its largest words on the first page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from index.loading.building import one_line
from index.loading.formats.pdf.glyphs import NEWLINE, Glyph

# Titles written by a program, not a person: "Microsoft Word - report.doc", "untitled".
_NO_TITLE = re.compile(
    r"(?i)microsoft (word|powerpoint|excel) ?- |untitled|(new )?(document|presentation|book|slide|page|doc) ?\d*$"
    r"|.*\.(docx?|docm|rtf|odt|odp|tex|dvi|ps|indd|qxd|pptx?|xlsx?|pdf|html?|txt|wpd|pub|cdr|ai|eps)$"
    r"|\(?anonymous\)?$|\(?unspecified\)?$|no title|title$|powerpoint presentation|print(ing)? |layout \d|pii:|doi:"
    r"|[\W\d_]*$|scan(ned)?([ _-]?\d|$)|about:blank|https?://|file://"
)
# The largest words are a title if they are larger than the text by this factor.
_LARGER = 1.15
_LEAST_LETTERS, _MOST_LENGTH = 4, 200
_MOST_LINES = 4


def stated_title(stated: str) -> str:
    """The title in a file's properties; "" if it is a program's."""
    return "" if _NO_TITLE.match(stated) else stated


def usual_size(glyphs: Sequence[Glyph]) -> float:
    counts = Counter(round(glyph.size or glyph.top - glyph.bottom, 1) for glyph in glyphs if glyph.right > glyph.left)
    return counts.most_common(1)[0][0] if counts else 0.0


def largest_words(glyphs: Sequence[Glyph], usual: float) -> str:
    """The lines of a page in the largest letters, if these are larger than `usual`; else ""."""
    lines: list[list[Glyph]] = [[]]
    for glyph in glyphs:
        if glyph is NEWLINE:
            lines.append([])
        else:
            lines[-1].append(glyph)
    sized = [(usual_size(line), "".join(glyph.char for glyph in line)) for line in lines if line]
    worded = [size for size, text in sized if sum(char.isalpha() for char in text) >= _LEAST_LETTERS]
    largest = max(worded, default=0.0)
    if largest < _LARGER * usual:
        return ""
    first = next(
        number
        for number, (size, text) in enumerate(sized)
        if size == largest and sum(char.isalpha() for char in text) >= _LEAST_LETTERS
    )
    taken: list[str] = []
    for size, text in sized[first : first + _MOST_LINES]:
        if abs(size - largest) > 0.05 * largest:
            break
        taken.append(text)
    title = one_line(" ".join(taken))
    return title if len(title) <= _MOST_LENGTH else ""
