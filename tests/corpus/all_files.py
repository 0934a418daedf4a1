"""All files of the corpus."""

from __future__ import annotations

from pathlib import Path

from corpus.gold import File
from corpus.markup import ARCHIVES, BOOKS, MAILS, PAGES
from corpus.office import DOCUMENTS, PRESENTATIONS, WORKBOOKS
from corpus.pages import PDFS
from corpus.texts import MARKDOWN, TABLES, TEXTS

FILES: list[File] = [
    *TEXTS,
    *MARKDOWN,
    *TABLES,
    *PDFS,
    *PAGES,
    *BOOKS,
    *MAILS,
    *ARCHIVES,
    *DOCUMENTS,
    *PRESENTATIONS,
    *WORKBOOKS,
]


def write_all(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        file.write(folder / file.name)
