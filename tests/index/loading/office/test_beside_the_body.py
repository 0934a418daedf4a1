"""What stands beside the body of office files: page headers, notes, diagrams, texts put in as a whole, comments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import docx
import openpyxl
import pptx
from corpus.packages import Change, change, related, replaced
from docx.oxml import parse_xml
from openpyxl.comments import Comment
from pptx.util import Inches

from index.documents import Document, Unread
from index.loading.files import load_file

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
_WORD_RELATIONS = "word/_rels/document.xml.rels"


def word(folder: Path, *paragraphs: str, parts: Mapping[str, Change]) -> Document:
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    made.save(str(folder / "a.docx"))
    change(folder / "a.docx", parts)
    return load_file(folder / "a.docx")


def diagram(*points: tuple[str, str, str]) -> bytes:
    """The data of a diagram: points by id, with the id of the one above and their words."""
    made = "".join(
        f'<dgm:pt modelId="{one}"><dgm:t><a:p><a:r><a:t>{words}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for one, _, words in points
    )
    links = "".join(
        f'<dgm:cxn modelId="{one}{above}" srcId="{above}" destId="{one}" srcOrd="{number}"/>'
        for number, (one, above, _) in enumerate(points)
    )
    return (
        f'<dgm:dataModel xmlns:dgm="{_DIAGRAM}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        f'<dgm:ptLst><dgm:pt modelId="0" type="doc"/>{made}</dgm:ptLst><dgm:cxnLst>{links}</dgm:cxnLst></dgm:dataModel>'
    ).encode()


BOARD = diagram(("2", "1", "Treasurer: Lena Voss"), ("1", "0", "Chair: Osman Yildiz"), ("3", "0", "Auditor: Hana Ito"))


def test_page_headers_and_footers_come_once_before_the_body(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("The supplier delivers the pumps.")
    first = made.sections[0]
    first.header.paragraphs[0].text = "Contract No. KX-4471"
    first.footer.paragraphs[0].text = "Sund & Co., Vik"
    second = made.add_section()
    second.header.is_linked_to_previous = False
    second.header.paragraphs[0].text = "Contract No. KX-4471"
    second.footer.is_linked_to_previous = False
    number = second.footer.paragraphs[0]
    number._p.append(parse_xml(f'<w:r {_W}><w:t xml:space="preserve">Page </w:t></w:r>'))
    number._p.append(parse_xml(f'<w:fldSimple {_W} w:instr=" PAGE "><w:r><w:t>2</w:t></w:r></w:fldSimple>'))
    made.save(str(tmp_path / "a.docx"))
    document = load_file(tmp_path / "a.docx")
    assert document.text == "Contract No. KX-4471\n\nSund & Co., Vik\n\nThe supplier delivers the pumps."
    assert document.unread == ()


def test_texts_that_are_put_in_as_a_whole(tmp_path: Path) -> None:
    inner = docx.Document()
    inner.add_paragraph("The lease ends in May.")
    inner.save(str(tmp_path / "inner.docx"))
    chunks = {
        "c1.html": b"<html><body><h2>Audit</h2><p>Led by Ingrid Solheim.</p></body></html>",
        "c2.docx": (tmp_path / "inner.docx").read_bytes(),
        "c3.txt": b"Plain words.",
        "c4.rtf": b"{\\rtf1 Hidden}",
        "c5.docx": b"no archive",
    }
    parts: dict[str, Change] = {f"word/{name}": content for name, content in chunks.items()}
    marks = "".join(f'<w:altChunk {_R} r:id="rId8{number}"/>' for number in range(1, 7))
    parts["word/document.xml"] = replaced(("<w:sectPr", f"{marks}<w:sectPr"))

    def relate(content: bytes) -> bytes:
        for number, name in enumerate(chunks, start=1):
            content = related(f"rId8{number}", "aFChunk", name)(content)
        return content

    document = word(tmp_path, "Cover note.", parts={**parts, _WORD_RELATIONS: relate})
    assert document.text.split("\n\n") == [
        "Cover note.",
        "Audit",
        "Led by Ingrid Solheim.",
        "The lease ends in May.",
        "Plain words.",
    ]
    assert document.unread == (
        Unread(part="the text c4.rtf that is put in as a whole", reason=".rtf format is not read here"),
        Unread(part="the document c5.docx within it", reason="damaged"),
        Unread(part="a text that is put in as a whole", reason="missing in the file"),
    )


def test_a_text_that_holds_itself_comes_to_an_end(tmp_path: Path) -> None:
    chunk = replaced(("<w:sectPr", f'<w:altChunk {_R} r:id="rId81"/><w:sectPr'))
    relate = related("rId81", "aFChunk", "c.docx")
    word(tmp_path, "Again.", parts={"word/document.xml": chunk, _WORD_RELATIONS: relate})
    for _ in range(5):
        change(tmp_path / "a.docx", {"word/c.docx": (tmp_path / "a.docx").read_bytes()})
    assert 1 < load_file(tmp_path / "a.docx").text.count("Again.") < 6


def test_diagrams_in_a_text(tmp_path: Path) -> None:
    drawn = f'<w:p><w:r><w:drawing><dgm:relIds xmlns:dgm="{_DIAGRAM}" {_R} r:dm="rId81"/></w:drawing></w:r></w:p>'
    document = word(
        tmp_path,
        "The board.",
        parts={
            "word/document.xml": replaced(("<w:sectPr", f"{drawn}<w:sectPr")),
            _WORD_RELATIONS: related("rId81", "diagramData", "diagrams/data1.xml"),
            "word/diagrams/data1.xml": BOARD,
        },
    )
    assert document.text.endswith("- Chair: Osman Yildiz\n  - Treasurer: Lena Voss\n- Auditor: Hana Ito")
    change(tmp_path / "a.docx", {"word/diagrams/data1.xml": None})
    document = load_file(tmp_path / "a.docx")
    assert (document.text, document.unread) == (
        "The board.",
        (Unread(part="diagram 1", reason="missing in the file"),),
    )


def test_comments_and_objects_are_named(tmp_path: Path) -> None:
    comments = (
        f'<w:comments {_W}><w:comment w:id="1"><w:p/></w:comment><w:comment w:id="2"><w:p/></w:comment></w:comments>'
    )
    thing = (
        '<w:p><w:r><w:object><o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office" ProgID="Excel.Sheet.12"/>'
        "</w:object></w:r></w:p>"
    )
    document = word(
        tmp_path,
        "The text.",
        parts={
            "word/document.xml": replaced(("<w:sectPr", f"{thing}<w:sectPr")),
            _WORD_RELATIONS: related("rId81", "comments", "comments.xml"),
            "word/comments.xml": comments.encode(),
        },
    )
    assert document.unread == (
        Unread(part="embedded object 1 (Excel)", reason="objects are not read"),
        Unread(part="2 comments", reason="comments are not read"),
    )


def test_text_boxes_in_cells_stand_behind_the_table(tmp_path: Path) -> None:
    made = docx.Document()
    table = made.add_table(2, 2)
    for number, words in enumerate(("Boat", "Berth", "Måken", "A")):
        table.cell(number // 2, number % 2).text = words
    box = f"<w:pict {_W}><w:txbxContent><w:p><w:r><w:t>Key 7731</w:t></w:r></w:p></w:txbxContent></w:pict>"
    table.cell(1, 1).paragraphs[0].add_run()._r.append(parse_xml(box))
    made.save(str(tmp_path / "a.docx"))
    assert load_file(tmp_path / "a.docx").text == "Boat\tBerth\nMåken\tA\n\nKey 7731"


def test_diagrams_feet_and_comments_of_slides(tmp_path: Path) -> None:
    made = pptx.Presentation()
    for words in ("First", "Second"):
        slide = made.slides.add_slide(made.slide_layouts[6])
        slide.shapes.add_textbox(Inches(1), Inches(1), Inches(3), Inches(1)).text_frame.text = words
        foot = slide.shapes.add_textbox(Inches(1), Inches(7), Inches(3), Inches(0.3))
        foot.text_frame.text = "Sund & Co."
        foot._element.nvSpPr.nvPr.append(
            parse_xml(
                '<p:ph xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" type="ftr" idx="11"/>'
            )
        )
    made.save(str(tmp_path / "a.pptx"))
    frame = (
        f'<p:graphicFrame><a:graphic><a:graphicData><dgm:relIds xmlns:dgm="{_DIAGRAM}" r:dm="rId81"/></a:graphicData>'
        "</a:graphic></p:graphicFrame></p:spTree>"
    )
    change(
        tmp_path / "a.pptx",
        {
            "ppt/slides/slide2.xml": replaced(("</p:spTree>", frame)),
            "ppt/slides/_rels/slide2.xml.rels": lambda content: related(
                "rId82", "comments", "../comments/comment1.xml"
            )(related("rId81", "diagramData", "../diagrams/data1.xml")(content)),
            "ppt/diagrams/data1.xml": BOARD,
        },
    )
    document = load_file(tmp_path / "a.pptx")
    assert document.text.count("Sund & Co.") == 1
    assert "Chair: Osman Yildiz\n  - Treasurer: Lena Voss" in document.text[document.pages[1].start :]
    assert document.unread == (Unread(part="comments on slide 2", reason="comments are not read"),)


def test_page_headers_text_boxes_and_comments_of_sheets(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.active.title = "Pumps"
    made.active.append(["Pump", "Price"])
    made.active.append(["P-1", 300])
    made.active["A2"].comment = Comment("ask again", "x")
    made.active.oddHeader.left.text = "Contract No. KX-4471"
    made.active.oddHeader.center.text = "Sund && Co."
    made.active.oddFooter.right.text = "Page &P of &N"
    made.save(tmp_path / "a.xlsx")
    drawing = (
        '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><xdr:sp><xdr:txBody><a:p><a:r>'
        "<a:t>Delivered in May.</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>"
    )
    change(
        tmp_path / "a.xlsx",
        {
            "xl/worksheets/_rels/sheet1.xml.rels": related("rId81", "drawing", "../drawings/drawing9.xml"),
            "xl/drawings/drawing9.xml": drawing.encode(),
        },
    )
    document = load_file(tmp_path / "a.xlsx")
    assert document.text.split("\n\n") == [
        "Pumps",
        "Contract No. KX-4471",
        "Sund & Co.",
        "Pump\tPrice\nP-1\t300",
        "Delivered in May.",
    ]
    assert document.unread == (Unread(part="comments in sheet Pumps", reason="comments are not read"),)


def test_page_headers_that_are_switched_off_are_not_there(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("The body.")
    section = made.sections[0]
    section.first_page_header.paragraphs[0].text = "On the first page"
    section.even_page_header.paragraphs[0].text = "On even pages"
    made.save(str(tmp_path / "a.docx"))
    assert load_file(tmp_path / "a.docx").text == "The body."
    section.different_first_page_header_footer = True
    made.settings.odd_and_even_pages_header_footer = True
    made.save(str(tmp_path / "a.docx"))
    assert sorted(load_file(tmp_path / "a.docx").text.split("\n\n")) == [
        "On even pages",
        "On the first page",
        "The body.",
    ]
