"""Word documents, presentations and workbooks."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
from docx.oxml import parse_xml
from pptx.util import Inches

from corpus.gold import Fact, File

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def _word(fill: Callable[[Any], None], **about: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        document = docx.Document()
        for name, value in about.items():
            setattr(document.core_properties, name, value)
        fill(document)
        document.save(str(path))

    return write


def _rows(table: Any, rows: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            table.cell(number, place).text = cell


def _bylaws(document: Any) -> None:
    document.add_heading("Bylaws", 0)
    document.add_heading("Members", 1)
    document.add_paragraph("The yearly fee is 350 kroner. It is due by 1 February.")
    document.add_heading("Leaving", 2)
    document.add_paragraph("Notice is given in writing, three months ahead.")
    document.add_paragraph("by letter", style="List Bullet")
    document.add_paragraph("by e-mail to the treasurer", style="List Bullet 2")
    document.add_heading("Board", 1)
    document.add_paragraph("The board has seven seats.\nThe chair is Tone Hauge.")


def _inventory(document: Any) -> None:
    document.add_heading("Inventory", 1)
    _rows(
        document.add_table(4, 3),
        [("Object", "Place", "Count"), ("Ladder", "Shed", "2"), ("Rope", "", "14"), ("Axe", "Cellar", "5")],
    )
    document.add_paragraph("Counted by Jens Rud.")
    document.add_heading("Boats", 2)
    _rows(document.add_table(2, 2), [("Boat", "Length"), ("Måken", "7 m")])
    nested = document.add_table(1, 2)
    nested.cell(0, 0).text = "Keys"
    nested.cell(0, 1).add_table(1, 1).cell(0, 0).text = "hang in locker 12"


def _changed(document: Any) -> None:
    paragraph = document.add_paragraph("The rent is ")
    paragraph._p.append(parse_xml(f'<w:del {_W} w:author="x"><w:r><w:delText>4,000</w:delText></w:r></w:del>'))
    paragraph._p.append(parse_xml(f'<w:ins {_W} w:author="x"><w:r><w:t>5,250</w:t></w:r></w:ins>'))
    paragraph.add_run(" kroner a month.")
    document.element.body.insert(
        1,
        parse_xml(
            f"<w:sdt {_W}><w:sdtContent><w:p><w:r><w:t>The tenant is Ida Foss.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        ),
    )
    boxed = document.add_paragraph()
    boxed.add_run()._r.append(
        parse_xml(
            f"<w:pict {_W}><w:txbxContent><w:p><w:r><w:t>Box: the key code is 7731.</w:t></w:r></w:p></w:txbxContent></w:pict>"
        )
    )


def _noted(path: Path) -> None:
    """A footnote, which python-docx does not write."""
    plain = path.with_name("plain.tmp")
    document = docx.Document()
    run = document.add_paragraph("The chapel was consecrated in 1702").add_run()
    run._r.append(parse_xml(f'<w:footnoteReference {_W} w:id="2"/>'))
    document.save(str(plain))
    notes = f'<w:footnotes {_W}><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>By bishop Claus Holm.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "[Content_Types].xml":
                content = content.replace(
                    b"</Types>",
                    b'<Override PartName="/word/footnotes.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"/></Types>',
                )
            if name == "word/_rels/document.xml.rels":
                content = content.replace(
                    b"</Relationships>",
                    b'<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes" Target="footnotes.xml"/></Relationships>',
                )
            new.writestr(name, content)
        new.writestr("word/footnotes.xml", notes)
    plain.unlink()


def _contract(document: Any) -> None:
    document.sections[0].header.paragraphs[0].text = "Contract No. KX-4471"
    document.add_paragraph("The supplier delivers the pumps to Vik.")
    table = document.add_table(5, 3)
    for top in (1, 3):
        table.cell(top, 0).merge(table.cell(top + 1, 0))
    shifts = [("", "Morning", "Aldous Penn"), ("", "Evening", "Brita Lund")]
    _rows(table, [("Ward", "Shift", "Nurse")])
    for top, ward, (early, late) in (
        (1, "Cardiology", shifts),
        (3, "Oncology", [("", "Day", "Cyril Vance"), ("", "Night", "Dora Quist")]),
    ):
        table.cell(top, 0).text = ward
        for number, row in ((top, early), (top + 1, late)):
            for place in (1, 2):
                table.cell(number, place).text = row[place]


DOCUMENTS = [
    File(
        "bylaws.docx",
        _word(
            _bylaws,
            title="Bylaws of the choir",
            author="Tone Hauge",
            language="en-US",
            created=datetime.datetime(2017, 4, 3, 10, 0),
        ),
        (
            Fact("What is the yearly fee?", "350 kroner", headings=("Bylaws", "Members")[1:]),
            Fact("How is notice given?", "in writing", headings=("Members", "Leaving")),
            Fact("Who is the chair?", "Tone Hauge", headings=("Board",)),
        ),
        ("Bylaws", "Members", "by letter", "by e-mail to the treasurer", "seven seats."),
        title="Bylaws of the choir",
        author="Tone Hauge",
        date="2017-04-03T10:00:00+00:00",
        language="en-US",
    ),
    File(
        "inventory.docx",
        _word(_inventory),
        (
            Fact("How many ropes are there?", "14", headings=("Inventory",), row=3),
            Fact("Where are the axes?", "Cellar", headings=("Inventory",), row=4),
            Fact("How long is Måken?", "7 m", headings=("Inventory", "Boats"), row=2),
            Fact("Where do the keys hang?", "locker 12", headings=("Inventory", "Boats"), row=1),
            Fact("Who counted the inventory?", "Jens Rud", headings=("Inventory",)),
        ),
    ),
    File(
        "lease.docx",
        _word(_changed),
        (
            Fact("What is the rent?", "5,250"),
            Fact("Who is the tenant?", "Ida Foss"),
            Fact("What is the key code?", "7731"),
        ),
        absent=("4,000",),
    ),
    File(
        "contract.docx",
        _word(_contract),
        (
            Fact("What is the contract number?", "KX-4471"),
            Fact("Who is the evening nurse in Cardiology?", "Brita Lund", row=3),
            Fact("Who is the night nurse in Oncology?", "Dora Quist", row=5),
        ),
        ("Contract No.", "The supplier", "Cardiology\tEvening\tBrita Lund", "Oncology\tNight\tDora Quist"),
    ),
    File(
        "chapel.docx",
        _noted,
        (Fact("When was the chapel consecrated?", "1702"), Fact("Who consecrated the chapel?", "Claus Holm")),
    ),
]


def _slides(path: Path) -> None:
    deck = pptx.Presentation()
    deck.core_properties.title, deck.core_properties.author = "Harbour plan", "Rolf Dale"
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Goals"
    first.placeholders[1].text = "Two new quays\nA depth of 11 metres"
    first.notes_slide.notes_text_frame.text = "Mention the grant of 9 million."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Costs"
    table = second.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(6), Inches(2)).table
    _rows(table, [("Work", "Million"), ("Dredging", "3.4"), ("Quays", "")])
    lower = second.shapes.add_textbox(Inches(1), Inches(6), Inches(4), Inches(1))
    lower.text_frame.text = "Paid by the county."
    upper = second.shapes.add_textbox(Inches(1), Inches(1.5), Inches(4), Inches(0.3))
    upper.text_frame.text = "All prices of 2015."
    deck.slides.add_slide(deck.slide_layouts[6])
    fourth = deck.slides.add_slide(deck.slide_layouts[6])
    group = fourth.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(1), Inches(3), Inches(1)).text_frame.text = "Opening: May 2019"
    deck.save(str(path))


def _chart(path: Path) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Visitors"
    data = CategoryChartData()
    data.categories = ["Summer", "Winter"]
    data.add_series("Guests", (5120, 640))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(2), Inches(5), Inches(3), data)
    deck.save(str(path))


PRESENTATIONS = [
    File(
        "harbour.pptx",
        _slides,
        (
            Fact("How deep will the harbour be?", "11 metres", page=1, headings=("Goals",)),
            Fact("How large is the grant?", "9 million", page=1, headings=("Goals",)),
            Fact("What does dredging cost?", "3.4", page=2, headings=("Costs",), row=2),
            Fact("Who pays?", "the county", page=2, headings=("Costs",)),
            Fact("When is the opening?", "May 2019", page=4, headings=("Costs",)),
        ),
        ("Goals", "Two new quays", "Costs", "All prices of 2015.", "Work\tMillion", "Paid by the county."),
        title="Harbour plan",
        author="Rolf Dale",
    ),
    File(
        "visitors.pptx",
        _chart,
        (Fact("How many guests came in winter?", "640", page=1, headings=("Visitors",), row=3),),
    ),
]


def _book(path: Path) -> None:
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Wells"
    for row in (
        ["Well", "Depth (m)", "Drilled", "Driller"],
        ["Nord", 41.5, datetime.date(2004, 9, 17), "Brødrene Vik"],
        ["Sør", 38, None, None],
    ):
        first.append(row)
    second = book.create_sheet("Samples")
    for row in (["Samples of 2023"], [], ["Sample", "pH", "Clear"], ["A-1", 6.8, True], ["A-2", 7.25, False]):
        second.append(row)
    hidden = book.create_sheet("Secret")
    hidden.append(["hidden value"])
    hidden.sheet_state = "hidden"
    book.properties.title, book.properties.creator = "Well survey", "Gro Lund"
    book.save(path)


def _terms(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Terms"
    cells = [
        ("Interest", 0.085, "0.0%"),
        ("Deposit", 1250000, '"$"#,##0.00'),
        ("Depot", 501, "00000"),
        ("Shift", 1.5625, "[h]:mm"),
    ]
    sheet.append(["Term", "Value"])
    for number, (term, value, code) in enumerate(cells, start=2):
        sheet.append([term, value])
        sheet.cell(number, 2).number_format = code
    sales = book.create_sheet("Sales")
    for row in (
        ["Region", 2023, None, 2024, None],
        [None, "Fish", "Ice", "Fish", "Ice"],
        ["North", 410, 7, 455, 9],
        ["South", 380, 6, 362, 8],
    ):
        sales.append(row)
    for area in ("A1:A2", "B1:C1", "D1:E1"):
        sales.merge_cells(area)
    book.save(path)


WORKBOOKS = [
    File(
        "terms.xlsx",
        _terms,
        (
            Fact("What is the interest?", "8.5%", headings=("Terms",), row=2),
            Fact("How much is the deposit?", "$1,250,000.00", headings=("Terms",), row=3),
            Fact("What is the number of the depot?", "00501", headings=("Terms",), row=4),
            Fact("How long is a shift?", "37:30", headings=("Terms",), row=5),
            Fact("How much fish was sold in the North in 2024?", "455", headings=("Sales",), row=3),
        ),
        ("Region\t2023\t2023\t2024\t2024", "Region\tFish\tIce\tFish\tIce", "North\t410"),
    ),
    File(
        "wells.xlsx",
        _book,
        (
            Fact("When was well Nord drilled?", "2004-09-17", headings=("Wells",), row=2),
            Fact("Who drilled the well Nord?", "Brødrene Vik", headings=("Wells",), row=2),
            Fact("How deep is Sør?", "38", headings=("Wells",), row=3),
            Fact("What is the pH of sample A-2?", "7.25", headings=("Samples",), row=5),
        ),
        ("Well\tDepth (m)", "41.5", "Samples of 2023", "A-1\t6.8\tTRUE"),
        ("hidden value",),
        title="Well survey",
        author="Gro Lund",
    ),
]
