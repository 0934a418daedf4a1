"""Where words stand on their pages: under each box is the quote."""

from __future__ import annotations

import re
from pathlib import Path

import pypdfium2
import pytest
from corpus.drawing import BODY, draw_lines, drawn
from corpus.pages import PDFS
from reportlab.pdfgen.canvas import Canvas

from index.loading.formats.pdf.loader import load_with_places
from index.loading.formats.pdf.places import PageFrame, Places


def words_under(pdf: pypdfium2.PdfDocument, places: Places, start: int, end: int) -> str:
    """What PDFium finds on its pages within the regions of a span."""
    read = ""
    for region in places.regions(start, end):
        page = pdf[region.page - 1]
        left, _, _, top = page.get_cropbox()
        box = (left + region.x0 - 0.03, top - region.y1 - 0.03, left + region.x1 + 0.03, top - region.y0 + 0.03)
        read += page.get_textpage().get_text_bounded(*box)
    return "".join(read.split())


@pytest.mark.parametrize(
    "name", ["report.pdf", "columns-by-line.pdf", "catches.pdf", "running-heads.pdf", "bookmarks.pdf"]
)
def test_under_the_boxes_of_a_quote_is_the_quote(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    next(file for file in PDFS if file.name == name).write(path)
    content = path.read_bytes()
    document, places = load_with_places(path, content)
    pdf = pypdfium2.PdfDocument(content)
    # Of some hundred spans, so long that many run over two lines.
    spans = [match.span() for match in re.finditer(r"(?=(?<!\S)\S)\S+(?:\s+\S+){0,6}", document.text)]
    for start, end in spans:
        quote = document.text[start:end].partition("\f")[0]
        assert words_under(pdf, places, start, start + len(quote)) == "".join(quote.split())
    pdf.close()


def test_each_line_of_a_quote_has_one_region() -> None:
    document, places = load_with_places(Path("a.pdf"), drawn(lambda canvas: draw_lines(canvas, BODY)))
    start = document.text.index("maps to the")
    first, second = places.regions(start, document.text.index("It moved"))
    assert first.page == second.page == 1
    assert first.x0 > second.x0 == pytest.approx(72, abs=0.1)
    assert first.y0 < 842 - (700 - 14.4) < first.y1 < second.y1
    assert places.regions(start, start) == []


def test_pages_that_are_turned_or_cropped_have_boxes_as_they_are_shown() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.translate(595.28, 0)
        canvas.rotate(90)
        draw_lines(canvas, BODY, x=72, y=500)

    document, places = load_with_places(Path("a.pdf"), drawn(draw))
    (region,) = places.regions(0, len("The municipal"))
    assert document.text.startswith("The municipal")
    assert region.x0 == pytest.approx(72, abs=0.1)
    # The upper left corner is that of the page as it lies on its side.
    assert region.y0 < 595.28 - 500 < region.y1
    frame = PageFrame(10, 20, 110, 220)
    assert frame.shown((15, 30, 25, 40)) == (5, 180, 15, 190)


def test_the_places_take_little_room() -> None:
    def page(canvas: Canvas) -> None:
        draw_lines(canvas, [line.replace("the", word) for word in ("the", "a", "no", "one", "any") for line in BODY])

    document, places = load_with_places(Path("a.pdf"), drawn(page))
    assert places.size < 1.5 * len(document.text)
