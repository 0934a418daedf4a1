"""Every file of the corpus: its text is kept in reading order, and every answer is cited where it stands."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from corpus.all_files import FILES, write_all
from corpus.gold import Fact, File

from index.documents import Document
from index.loading.files import NotRead, load_cited, read_documents
from index.text.legible import legible
from qa.citing.cite import cite
from qa.citing.verify import verify_against

FACTS = [(file, fact) for file in FILES for fact in file.facts]
FOLDER_FILES = {file.name for file in FILES}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Document]]:
    """The documents of every file: by the file's name, and by the path within it."""
    folder = tmp_path_factory.mktemp("corpus")
    write_all(folder)
    found: dict[str, dict[str, Document]] = {}
    for file in FILES:
        documents = {}
        for document in read_documents(folder / file.name):
            assert not isinstance(document, NotRead), document
            start = (folder / file.name).as_uri()
            assert document.uri.startswith(start)
            documents[document.uri.removeprefix(start).removeprefix("!/")] = document
        found[file.name] = documents
    return found


def one_line(text: str) -> str:
    return " ".join(legible(text).text.split())


def place_of(document: Document, words: str) -> tuple[int, int]:
    """Where words stand in a text, as it is read: lines and divided words aside. They must stand there once."""
    seen = legible(document.text)
    flat = "".join(" " if char.isspace() else char for char in seen.text)
    assert flat.count(words) == 1, f"{words!r} stands {flat.count(words)} times in {document.text!r}"
    start = flat.index(words)
    place = seen.span_in_source(start, start + len(words))
    assert place is not None
    return place


def test_there_are_enough() -> None:
    assert len(FILES) >= 60
    assert len(FOLDER_FILES) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_text_is_kept_in_order(corpus: dict[str, dict[str, Document]], file: File) -> None:
    document = next(iter(corpus[file.name].values()))
    text = one_line(document.text)
    at = 0
    for stretch in file.kept:
        wanted = " ".join(stretch.split())
        found = text.find(wanted, at)
        assert found >= 0, f"{wanted!r} is not in {text[at:]!r}"
        at = found + len(wanted)
    for words in file.absent:
        assert words not in text
    for name in ("title", "author", "date", "language"):
        if (stated := getattr(file, name)) is not None:
            assert getattr(document, name) == stated


@pytest.mark.parametrize(
    ("file", "fact"), FACTS, ids=lambda value: value.name if isinstance(value, File) else value.quote
)
def test_every_answer_is_cited_where_it_stands(corpus: dict[str, dict[str, Document]], file: File, fact: Fact) -> None:
    document = corpus[file.name]["!/".join(quote(part) for part in fact.member.split("!/"))]
    start, end = place_of(document, fact.quote)
    made = cite(document, start, end, around=(0, len(document.text)))
    assert document.text[made.start : made.end] == made.quote
    assert one_line(made.quote) == fact.quote
    assert (made.page, made.row) == (fact.page, fact.row)
    assert made.headings == fact.headings or (fact.headings is None and made.headings is None)
    if fact.line is not None:
        assert made.line == fact.line
    assert verify_against(made, document).valid


def test_citations_are_checked_against_the_files_themselves(tmp_path: Path) -> None:
    write_all(tmp_path)
    for name in ("report.pdf", "folder.zip", "files.eml", "harbour.pptx", "herring.html"):
        for document in read_documents(tmp_path / name):
            assert isinstance(document, Document)
            made = cite(document, 0, 10, around=(0, 40))
            assert verify_against(made, load_cited(tmp_path / name, made.document.uri)).valid
