"""A part of an office file or a book that is bad or of another kind costs that part only."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from corpus.markup import BOOKS
from corpus.packages import change, related, replaced, strict
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from index.documents import Document
from index.errors import InputError
from index.loading.files import load_file

SENTENCE = "The registrar is Philippa Vane."


def word(path: Path) -> None:
    made = docx.Document()
    made.add_paragraph(SENTENCE)
    made.save(str(path))


def deck(path: Path) -> None:
    made = pptx.Presentation()
    for words in (SENTENCE, "The second slide."):
        slide = made.slides.add_slide(made.slide_layouts[6])
        slide.shapes.add_textbox(Inches(1), Inches(1), Inches(3), Inches(1)).text_frame.text = words
    made.save(str(path))


def book(path: Path) -> None:
    made = openpyxl.Workbook()
    made.active.append(["Office", "Holder"])
    made.active.append(["Registrar", SENTENCE])
    made.create_sheet("Other").append(["Second", "sheet"])
    made.save(path)


MAKERS = {".docx": word, ".pptx": deck, ".xlsx": book}


def unread(document: Document) -> list[tuple[str, str]]:
    return [(each.part, each.reason) for each in document.unread]


@pytest.mark.parametrize("suffix", MAKERS)
class TestEveryFormat:
    def load(self, path: Path) -> Document:
        document = load_file(path)
        assert SENTENCE in document.text
        return document

    def make(self, folder: Path, suffix: str) -> Path:
        path = folder / f"a{suffix}"
        MAKERS[suffix](path)
        return path

    def test_strict(self, tmp_path: Path, suffix: str) -> None:
        path = self.make(tmp_path, suffix)
        usual = self.load(path)
        strict(path)
        seen = self.load(path)
        assert (seen.text, seen.rows, seen.pages, seen.unread) == (usual.text, usual.rows, usual.pages, ())

    @pytest.mark.parametrize("created", ["", "yesterday", "2024-13-45T00:00:00Z"])
    def test_a_date_that_is_none(self, tmp_path: Path, suffix: str, created: str) -> None:
        path = self.make(tmp_path, suffix)
        core = (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
            f"<dc:creator>Vera Holt</dc:creator><dcterms:created>{created}</dcterms:created></cp:coreProperties>"
        )
        change(path, {"docProps/core.xml": core.encode()})
        document = self.load(path)
        assert (document.author, document.date) == ("Vera Holt", None)

    def test_references_that_lead_nowhere(self, tmp_path: Path, suffix: str) -> None:
        path = self.make(tmp_path, suffix)
        main = {".docx": "word/_rels/document", ".pptx": "ppt/_rels/presentation", ".xlsx": "xl/_rels/workbook"}[suffix]
        change(
            path,
            {
                "_rels/.rels": related("rId90", "metadata/thumbnail", "docProps/none.jpeg"),
                f"{main}.xml.rels": related("rId91", "image", "NULL"),
            },
        )
        assert unread(self.load(path)) == []

    def test_damaged_properties(self, tmp_path: Path, suffix: str) -> None:
        path = self.make(tmp_path, suffix)
        change(path, {"docProps/core.xml": b"<cp:coreProperties"})
        assert unread(self.load(path)) == [("title, author and date of the file", "damaged")]

    def test_no_main_part(self, tmp_path: Path, suffix: str) -> None:
        path = self.make(tmp_path, suffix)
        main = {".docx": "word/document.xml", ".pptx": "ppt/presentation.xml", ".xlsx": "xl/workbook.xml"}[suffix]
        change(path, {main: None})
        with pytest.raises(InputError, match=r"damaged, or no .* main part"):
            load_file(path)
        change(path, {main: b"<w:document"})
        with pytest.raises(InputError, match=f"damaged, {main} is not XML"):
            load_file(path)

    def test_a_file_of_another_kind(self, tmp_path: Path, suffix: str) -> None:
        other = next(one for one in MAKERS if one != suffix)
        path = tmp_path / f"a{suffix}"
        MAKERS[other](path)
        with pytest.raises(InputError, match="a file of another kind"):
            load_file(path)


@pytest.mark.parametrize(
    ("make", "suffix", "content_type"),
    [
        (word, ".docm", "application/vnd.ms-word.document.macroEnabled.main+xml"),
        (word, ".dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml"),
        (word, ".dotm", "application/vnd.ms-word.template.macroEnabledTemplate.main+xml"),
        (book, ".xlsm", "application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
        (book, ".xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml"),
        (book, ".xltm", "application/vnd.ms-excel.template.macroEnabled.main+xml"),
        (deck, ".pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml"),
        (deck, ".ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml"),
        (deck, ".ppsm", "application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml"),
        (deck, ".potx", "application/vnd.openxmlformats-officedocument.presentationml.template.main+xml"),
        (deck, ".potm", "application/vnd.ms-powerpoint.template.macroEnabled.main+xml"),
    ],
)
def test_macros_and_templates(tmp_path: Path, make: Callable[[Path], None], suffix: str, content_type: str) -> None:
    path = tmp_path / f"a{suffix}"
    make(path)
    kind = {"d": "wordprocessingml.document", "x": "spreadsheetml.sheet", "p": "presentationml.presentation"}[suffix[1]]
    usual = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"
    change(path, {"[Content_Types].xml": replaced((usual, content_type))})
    assert SENTENCE in load_file(path).text


@pytest.mark.parametrize("suffix", MAKERS)
def test_folders_parted_as_on_windows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    MAKERS[suffix](path)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name.replace("/", "\\"), content)
    document = load_file(path)
    assert SENTENCE in document.text and unread(document) == []


def test_a_slide_and_a_sheet_that_are_gone_or_damaged(tmp_path: Path) -> None:
    deck(tmp_path / "a.pptx")
    change(tmp_path / "a.pptx", {"ppt/slides/slide2.xml": b"<p:sld"})
    document = load_file(tmp_path / "a.pptx")
    assert (SENTENCE in document.text, unread(document)) == (True, [("slide 2", "damaged")])
    book(tmp_path / "a.xlsx")
    change(tmp_path / "a.xlsx", {"xl/worksheets/sheet2.xml": None})
    document = load_file(tmp_path / "a.xlsx")
    assert (SENTENCE in document.text, unread(document)) == (True, [("sheet Other", "missing in the file")])


def test_a_sheet_that_is_cut_off_keeps_its_first_rows(tmp_path: Path) -> None:
    book(tmp_path / "a.xlsx")
    cut = lambda content: content[: content.index(b"</sheetData>")] + b"<row r="  # noqa: E731 - a word of a table
    change(tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": cut})
    document = load_file(tmp_path / "a.xlsx")
    assert SENTENCE in document.text
    assert unread(document) == [("sheet Sheet from row 3 on", "damaged")]


@pytest.mark.parametrize(
    "kind",
    [XL_CHART_TYPE.THREE_D_COLUMN, XL_CHART_TYPE.PIE, XL_CHART_TYPE.LINE, XL_CHART_TYPE.RADAR],
    ids=lambda kind: kind.name,
)
def test_charts_of_any_kind(tmp_path: Path, kind: XL_CHART_TYPE) -> None:
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    data = CategoryChartData()
    data.categories = ["Spring", "Autumn"]
    data.add_series("Tonnes", (3.5, 4.25))
    is_flat = kind is not XL_CHART_TYPE.THREE_D_COLUMN
    drawn = kind if is_flat else XL_CHART_TYPE.COLUMN_CLUSTERED
    slide.shapes.add_chart(drawn, Inches(1), Inches(1), Inches(5), Inches(3), data)
    path = tmp_path / "a.pptx"
    made.save(str(path))
    if not is_flat:
        with zipfile.ZipFile(path) as archive:
            name = next(one for one in archive.namelist() if one.startswith("ppt/charts/chart"))
        change(path, {name: replaced(("c:barChart>", "c:bar3DChart>"))})
    assert load_file(path).text.endswith("\tTonnes\nSpring\t3.5\nAutumn\t4.25")


def test_values_of_charts_are_shown_as_their_cells_are(tmp_path: Path) -> None:
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    data = CategoryChartData(number_format="0.0%")
    data.categories = [datetime.date(2024, 3, 5), datetime.date(2024, 3, 6)]
    data.add_series("Share", (0.1, 0.4400000000000001))
    slide.shapes.add_chart(XL_CHART_TYPE.LINE, Inches(1), Inches(1), Inches(5), Inches(3), data)
    made.save(str(tmp_path / "a.pptx"))
    assert load_file(tmp_path / "a.pptx").text == "\tShare\n2024-03-05\t10.0%\n2024-03-06\t44.0%"


def test_a_chart_that_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "visitors.pptx"
    from corpus.office import PRESENTATIONS

    next(one for one in PRESENTATIONS if one.name == "visitors.pptx").write(path)
    with zipfile.ZipFile(path) as archive:
        name = next(one for one in archive.namelist() if one.startswith("ppt/charts/chart"))
    change(path, {name: b"<c:chartSpace"})
    assert unread(load_file(path)) == [("chart on slide 1", "damaged")]


def test_a_chapter_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / BOOKS[0].name
    BOOKS[0].write(path)
    whole = load_file(path)
    with zipfile.ZipFile(path) as archive:
        chapters = [name for name in archive.namelist() if name.endswith("html")]
    change(path, {chapters[-1]: None})
    document = load_file(path)
    assert 0 < len(document.text) < len(whole.text)
    assert unread(document) == [(f"chapter {chapters[-1]}", "missing in the file")]
    change(path, dict.fromkeys(chapters))
    with pytest.raises(InputError, match="has no text that can be read"):
        load_file(path)
