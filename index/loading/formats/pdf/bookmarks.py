"""The bookmarks of a document as its headings."""

from __future__ import annotations

import re
from typing import Any

from index.documents import Heading, Page
from index.loading.building import one_line

MAX_BOOKMARKS = 5_000
# Longer titles are not searched for on their page: one word repeated over and over takes quadratic time.
MAX_SOUGHT_TITLE = 300


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
