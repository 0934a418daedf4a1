"""PDF files drawn for one test each, and what the loader makes of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate

from index.documents import Document
from index.loading.reading import parse

BODY = [
    "The municipal archive of Oldhaven was founded in 1871 by the",
    "printer Casimir Dahl, who gave his own collection of maps to the",
    "town. It moved to the former customs house after the fire of",
    "1902 and holds some forty thousand plans, letters and drawings.",
    "Visitors may consult them on weekdays between nine and four, and",
    "copies can be ordered for a fee of 3.50 euros for each sheet. The",
    "present director, Mrs. Leonie Hartwig, took office in May 2019.",
]
BODY_TEXT = "\n".join(BODY)


def drawn(*pages: Callable[[Canvas], None], title: str = "") -> bytes:
    """A PDF file with a page for each function."""
    held = io.BytesIO()
    canvas = Canvas(held, pagesize=A4, invariant=True)
    canvas.setTitle(title)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return held.getvalue()


def paragraphs(*texts: str) -> bytes:
    """A PDF file with paragraphs in reportlab's markup."""
    held = io.BytesIO()
    style = getSampleStyleSheet()["BodyText"]
    SimpleDocTemplate(held, pagesize=A4).build([Paragraph(text, style) for text in texts])
    return held.getvalue()


def draw_lines(canvas: Canvas, lines: Sequence[str], x: float = 72, y: float = 700, leading: float = 14.4) -> None:
    """Lines in 12 point Times."""
    canvas.setFont("Times-Roman", 12)
    for number, line in enumerate(lines):
        canvas.drawString(x, y - leading * number, line)


def loaded(content: bytes) -> Document:
    document = parse(Path("drawn.pdf"), content).document
    assert document is not None
    return document


def file_of(objects: Sequence[bytes]) -> bytes:
    """A PDF file of these objects, numbered from 1; the first is its catalogue."""
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, at)


def set_in_font(lines: Sequence[bytes], to_unicode: Callable[[int], int] | None) -> bytes:
    """A PDF file whose font claims to show, for each byte of its lines, the character that `to_unicode` gives."""
    content = b"BT /F1 10 Tf 60 780 Td 12 TL "
    for line in lines:
        content += b"<" + line.hex().encode() + b"> ' "
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica"
    more = []
    if to_unicode is not None:
        font += b"/ToUnicode 6 0 R"
        pairs = b"".join(b"<%02X><%04X>\n" % (code, to_unicode(code)) for code in range(32, 127))
        cmap = (
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
            b"1 begincodespacerange <00><FF> endcodespacerange 95 beginbfchar\n" + pairs + b"endbfchar endcmap end end"
        )
        more = [b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap)]
    stream = content + b"ET"
    return file_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[4 0 R]>>",
            font + b">>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F1 3 0 R>>>>>>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
            *more,
        ]
    )
