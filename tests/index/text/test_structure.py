"""Headings, rows and the passages that are cut along them."""

from __future__ import annotations

from collections.abc import Callable

from index.documents import Document, Heading, Row
from index.text.passages import cut_passages
from index.text.structure import column_names, heading_path, row_at

TEXT = "Cities\n\nIntro words.\n\nCity\tPeople\nOslo\t7\nBergen\t3\n\nRivers\n\nRiver\tKm\nGlomma\t621\n\nThe end."


def words(texts: object) -> list[int]:
    return [len(text.split()) for text in texts]  # type: ignore[attr-defined]


def rows_of(text: str) -> list[Row]:
    numbers = {"City": 1, "Oslo": 2, "Bergen": 4, "River\t": 1, "Glomma": 2}
    return [
        Row(
            number=number,
            start=text.index(name),
            end=text.index("\n", text.index(name)),
            header=name in ("City", "River\t"),
        )
        for name, number in numbers.items()
    ]


def report(make_document: Callable[..., Document], text: str = TEXT) -> Document:
    outline = [Heading(level=1, title="Cities", start=0), Heading(level=2, title="Rivers", start=text.index("Rivers"))]
    rows = rows_of(text.replace("Cities", "CITIES"))
    return make_document("r.docx", text, media_type="application/x", outline=tuple(outline), rows=tuple(rows))


def test_the_path_of_headings(make_document: Callable[..., Document]) -> None:
    document = report(make_document)
    assert heading_path(document, 0) == ("Cities",)
    assert heading_path(document, TEXT.index("Oslo")) == ("Cities",)
    assert heading_path(document, TEXT.index("Glomma")) == ("Cities", "Rivers")
    assert heading_path(make_document("a.txt", TEXT), 5) == ()
    assert heading_path(make_document("a.md", "# A\n\n## B\n\nx", media_type="text/markdown"), 11) == ("A", "B")


def test_rows_are_found_at_their_characters_only(make_document: Callable[..., Document]) -> None:
    document = report(make_document)
    assert [row_at(document, offset) and row_at(document, offset).number for offset in (0, TEXT.index("Oslo"))] == [
        None,
        2,
    ]  # type: ignore[union-attr]
    oslo = document.rows[1]
    assert row_at(document, oslo.end) is None and row_at(document, oslo.end - 1) == oslo


def test_columns_are_named_within_their_table_only(make_document: Callable[..., Document]) -> None:
    named = column_names(report(make_document))
    assert named == {
        TEXT.index("City\t"): " | ",
        TEXT.index("Oslo"): "City | People",
        TEXT.index("Bergen"): "City | People",
        TEXT.index("River\t"): " | ",
        TEXT.index("Glomma"): "River | Km",
    }


def test_each_row_is_a_passage_under_its_headings_and_columns(make_document: Callable[..., Document]) -> None:
    passages = cut_passages(report(make_document), words)
    found = [(TEXT[p.start : p.end], p.context) for p in passages]
    assert found == [
        ("Cities\n\nIntro words.", "Cities"),
        ("City\tPeople", "Cities >  | "),
        ("Oslo\t7", "Cities > City | People"),
        ("Bergen\t3", "Cities > City | People"),
        ("Rivers", "Cities > Rivers"),
        ("River\tKm", "Cities > Rivers >  | "),
        ("Glomma\t621", "Cities > Rivers > River | Km"),
        ("The end.", "Cities > Rivers"),
    ]


def test_line_breaks_by_format(make_document: Callable[..., Document]) -> None:
    text = "A narrow line that\nMary wrote in Rome.\n\nNext."
    lines = {
        media_type: [
            text[p.start : p.end]
            for p in cut_passages(make_document("x", text, media_type=media_type), lambda t: [200 for _ in t])
        ]
        for media_type in ("application/pdf", "text/html")
    }
    assert lines["application/pdf"] == ["A narrow line that\nMary wrote in Rome.", "Next."]
    assert lines["text/html"] == ["A narrow line that", "Mary wrote in Rome.", "Next."]


def test_two_rows_of_heads_are_said_together(make_document: Callable[..., Document]) -> None:
    lines = ["Region\t2023\t2023\t2024", "Region\tSales\tStaff\tSales", "North\t410\t7\t455"]
    text = "\n".join(lines)
    rows = [
        Row(number=number, start=text.index(line), end=text.index(line) + len(line), header=number < 3)
        for number, line in enumerate(lines, start=1)
    ]
    named = column_names(make_document("r.docx", text, media_type="application/x", rows=tuple(rows)))
    # The heads themselves have columns without names.
    assert named.pop(text.index("North")) == "Region | 2023 Sales | 2023 Staff | 2024 Sales"
    assert set(named.values()) == {" |  |  | "}
