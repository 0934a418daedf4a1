"""The title of a document, and its headings.

The title is the one it states, if a person wrote it, else its largest words on the first page; headings are its
bookmarks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from index.documents import Heading, Page
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
MAX_BOOKMARKS = 5_000
# Longer titles are not searched for on their page: one word repeated over and over takes quadratic time.
MAX_SOUGHT_TITLE = 300


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


def bookmarks(pdf: Any, text: str, pages: dict[int, Page]) -> list[Heading]:
    """The bookmarks as headings: at their words on the target page, or at the top of that page if it lacks them."""
    headings: list[Heading] = []
    for number, bookmark in enumerate(pdf.get_toc()):
        if number >= MAX_BOOKMARKS:
            break
        title = one_line(bookmark.get_title())
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        page = pages.get(index + 1) if index is not None else None
        if not title or page is None:
            continue
        if len(title) > MAX_SOUGHT_TITLE:
            headings.append(Heading(level=bookmark.level + 1, title=title, start=page.start))
            continue
        words = re.compile(r"\s+".join(re.escape(word) for word in title.split()), re.IGNORECASE)
        previous = headings[-1].start if headings else 0
        match = words.search(text, max(page.start, previous), page.end) or words.search(text, page.start, page.end)
        headings.append(Heading(level=bookmark.level + 1, title=title, start=match.start() if match else page.start))
    return sorted(headings, key=lambda heading: heading.start)
