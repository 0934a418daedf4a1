"""The title of a PDF file, and words that are set letter by letter."""

from __future__ import annotations

import pytest
from corpus.drawing import BODY, draw_lines, drawn, loaded
from reportlab.pdfgen.canvas import Canvas


def headed(canvas: Canvas) -> None:
    canvas.setFont("Helvetica-Bold", 22)
    canvas.drawString(72, 780, "The harbour of Oldhaven")
    canvas.drawString(72, 754, "and its archive")
    canvas.setFont("Helvetica", 15)
    canvas.drawString(72, 730, "A report")
    draw_lines(canvas, BODY)


@pytest.mark.parametrize(
    "stated",
    ["", "Microsoft Word - x.doc", "untitled", "report.tex", "PowerPoint Presentation", "Document1", "scan0001"],
)
def test_the_largest_words_are_the_title_where_none_is_stated(stated: str) -> None:
    document = loaded(drawn(headed, title=stated))
    assert (document.title, document.own_title) == ("The harbour of Oldhaven and its archive", True)


def test_a_title_that_a_person_wrote_is_kept() -> None:
    assert loaded(drawn(headed, title="Harbours of the north")).title == "Harbours of the north"


def test_a_page_in_one_size_has_no_title() -> None:
    document = loaded(drawn(lambda canvas: draw_lines(canvas, BODY)))
    assert (document.title, document.own_title) == ("drawn.pdf", False)


def spaced(line: str, spacing: float) -> bytes:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(40, 700)
        text.setFont("Times-Roman", 12)
        text.setCharSpace(spacing)
        text.textOut(line)
        canvas.drawText(text)

    return drawn(draw)


@pytest.mark.parametrize("spacing", [2, 4, 6, 9, 14, 18])
def test_letter_spaced_words_are_words(spacing: float) -> None:
    text = loaded(spaced("SECRET REPORT BY OTTO KREBS", spacing)).text
    assert text.split() == ["SECRET", "REPORT", "BY", "OTTO", "KREBS"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("A N N U A L   R E P O R T   2 0 1 9", "ANNUAL REPORT 2019"),
        ("Das ist s e h r wichtig, sagte er.", "Das ist sehr wichtig, sagte er."),
        ("Grades A B C D E F are given.", "Grades A B C D E F are given."),
        ("The numbers 1 2 3 4 5 6 are called.", "The numbers 1 2 3 4 5 6 are called."),
        ("Y N Y Y N Y", "Y N Y Y N Y"),
        ("J. R. R. Tolkien wrote a letter to E. V. Gordon.", "J. R. R. Tolkien wrote a letter to E. V. Gordon."),
    ],
)
def test_spaces_between_letters_are_judged_by_the_gaps(line: str, text: str) -> None:
    assert loaded(spaced(line, 0)).text == text
