"""The cells of a workbook's sheets, as they are shown (SpreadsheetML, ECMA-376-1, 18.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from index.errors import InputError
from index.loading.formats.office.formulas import Formulas, Place, column_of
from index.loading.formats.office.number_formats import BUILT_IN, plain, shown
from index.loading.formats.office.package import Package, children, every, inner, name_of, whole_number
from index.loading.formats.office.tables import Merge

# In a workbook of today's format.
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
# An error, or a formula whose words are not known: what refers to it is not known either.
_UNKNOWN = "?"
_AREA = re.compile(rf"{_CELL.pattern}:{_CELL.pattern}")
_NAMED = ("row", "mergeCell", "oddHeader", "oddFooter", "firstHeader", "firstFooter", "evenHeader", "evenFooter")
# Codes of page headers and footers, 18.3.1.46: sections, fonts, sizes, colours and fields.
_MARGIN_CODE = re.compile(r'&(?:"[^"]*"|\d{1,3} ?|K[0-9A-Fa-f]{6}|K\d\d[+-]\d{3}|.)')


_PAGE, _PAGE_WORDS = "\x00", 2
_MARGIN_WORDS = {"&L": "\n", "&C": "\n", "&R": "\n", "&&": "&", "&P": _PAGE, "&N": _PAGE}


@dataclass(slots=True)
class Styles:
    """How cells show their values, by the number of their style."""

    codes: list[str] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, root: Any | None) -> Styles:
        """From a workbook's part of styles."""
        if root is None:
            return cls()
        written = {whole_number(one.get("numFmtId"), -1): one.get("formatCode") or "" for one in every(root, "numFmt")}
        fonts = [_is_bold(font) for font in children(root, "fonts")]
        styles = cls()
        for one in children(root, "cellXfs"):
            number, font = whole_number(one.get("numFmtId"), 0), whole_number(one.get("fontId"), -1)
            styles.codes.append(written.get(number, BUILT_IN.get(number, "")))
            styles.bold.append(0 <= font < len(fonts) and fonts[font])
        return styles


def _is_bold(font: Any) -> bool:
    mark = inner(font, "b")
    return mark is not None and mark.get("val") not in ("0", "false")


@dataclass(slots=True)
class Sheet:
    """The cells of one sheet: rows by their number, from 1, with their cells from the first column on."""

    rows: dict[int, list[str]] = field(default_factory=dict)
    bold: set[int] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)
    margins: list[str] = field(default_factory=list)
    # Cells with formulas whose values are not in the file, by row and column, with the codes of their formats.
    without_value: dict[Place, str] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def read_strings(package: Package, name: str) -> list[str]:
    """The texts that cells of all sheets share."""
    strings: list[str] = []
    try:
        for element in _elements(package, name, ("si",)):
            strings.append(_text(element))
    except InputError:
        package.leave_out("cells with text", "the file's table of texts is damaged")
    return strings


def read_sheet(
    package: Package, name: str, called: str, strings: list[str], styles: Styles, *, from_1904: bool
) -> Sheet:
    """All cells of a sheet that are there, whatever size it states."""
    sheet = Sheet()
    last = 0
    try:
        for element in _elements(package, name, _NAMED):
            kind = name_of(element)
            if kind == "row":
                last = whole_number(element.get("r"), last + 1)
                if 0 < last <= LAST_ROW:
                    _row(sheet, last, element, strings, styles, from_1904=from_1904)
            elif kind == "mergeCell":
                sheet.merges += _merge(element.get("ref") or "")
            elif element.text:
                sheet.margins += _margin(element.text)
    except InputError:
        package.leave_out(f"sheet {called}" + (f" from row {last + 1:,} on" if sheet.rows else ""), "damaged")
    if sheet.without_value:
        _compute(sheet, package, name, from_1904=from_1904)
    return sheet


def _compute(sheet: Sheet, package: Package, name: str, *, from_1904: bool) -> None:
    """Fill in formulas without values, as far as they are plain arithmetic."""
    numbers: dict[Place, float] = {}
    formulas: dict[Place, str] = {}
    texts: set[Place] = set()
    try:
        for row, column, cell in _cells(package, name):
            stated, formula = inner(cell, "v"), inner(cell, "f")
            if (row, column) in sheet.without_value:
                # Of formulas that are written once for many cells, only the first has its own words.
                written = formula.text if formula is not None and formula.get("t") in (None, "normal") else None
                formulas[row, column] = written or _UNKNOWN
            elif cell.get("t") == "e":
                formulas[row, column] = _UNKNOWN
            elif stated is not None and stated.text and (cell.get("t") or "n") == "n":
                numbers[row, column] = float(stated.text)
            elif len(cell):
                texts.add((row, column))
    except (InputError, ValueError):
        formulas.clear()
    sums = Formulas(numbers, formulas, texts)
    for (row, column), code in sheet.without_value.items():
        value = sums.value((row, column)) if formulas else None
        (sheet.unknown if value is None else sheet.computed).append(f"{_letters(column)}{row}")
        if value is not None:
            cells = sheet.rows.setdefault(row, [])
            cells += [""] * (column - len(cells))
            cells[column - 1] = shown(value, code, from_1904=from_1904) if code else plain(value)


def _cells(package: Package, name: str) -> Iterator[tuple[int, int, Any]]:
    """Every cell of a sheet with its row and column."""
    number = 0
    for row in _elements(package, name, ("row",)):
        number = whole_number(row.get("r"), number + 1)
        column = 0
        for cell in row:
            if name_of(cell) == "c":
                place = _CELL.fullmatch(cell.get("r") or "")
                column = column_of(place[1]) if place else column + 1
                yield number, column, cell


def _letters(column: int) -> str:
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _row(sheet: Sheet, number: int, row: Any, strings: list[str], styles: Styles, *, from_1904: bool) -> None:
    cells: list[str] = []
    column = 0
    bold = True
    for cell in row:
        if name_of(cell) != "c":
            continue
        place = _CELL.fullmatch(cell.get("r") or "")
        column = column_of(place[1]) if place else column + 1
        style = whole_number(cell.get("s"), 0)
        code = styles.codes[style] if 0 <= style < len(styles.codes) else ""
        value = _value(cell, strings, code, from_1904=from_1904)
        if value is None:
            sheet.without_value[number, column] = code
            value = ""
        if not value or column > LAST_COLUMN:
            continue
        bold &= 0 <= style < len(styles.bold) and styles.bold[style]
        cells += [""] * (column - len(cells))
        cells[column - 1] = value
    if cells:
        sheet.rows[number] = cells
        if bold:
            sheet.bold.add(number)


# Values of other kinds than numbers and shared texts; errors, and what formulas come to, stand there as they are shown.
_WRITTEN: dict[str, Callable[[str], str]] = {
    "b": lambda text: "TRUE" if text.strip() in ("1", "true") else "FALSE",
    "d": lambda text: text.removesuffix("T00:00:00").replace("T", " ").removesuffix("Z"),
}


def _value(cell: Any, strings: list[str], code: str, *, from_1904: bool) -> str | None:
    """What a cell shows; None for a formula whose value is not in the file."""
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        inline = inner(cell, "is")
        return _text(inline) if inline is not None else ""
    stated = inner(cell, "v")
    text: str = (stated.text or "") if stated is not None else ""
    if not text:
        # A formula may come to no words at all, which is stated as a text of no length.
        is_formula = inner(cell, "f") is not None
        return None if is_formula and not (kind == "str" and stated is not None) else ""
    if kind == "n":
        try:
            return shown(float(text), code, from_1904=from_1904) if code else plain(float(text))
        except (ValueError, OverflowError):
            return text
    if kind == "s":
        number = whole_number(text, -1)
        return strings[number] if 0 <= number < len(strings) else ""
    return _WRITTEN.get(kind, str)(text)


def _text(element: Any) -> str:
    """The words of a text, without those that say how it is pronounced."""
    return "".join(
        one.text or ""
        for one in every(element, "t")
        if not any(name_of(above) == "rPh" for above in one.iterancestors())
    )


def _merge(area: str) -> Iterator[Merge]:
    if match := _AREA.fullmatch(area):
        left, right = sorted((column_of(match[1]), column_of(match[3])))
        top, bottom = sorted((int(match[2]), int(match[4])))
        yield Merge(top - 1, left - 1, bottom - 1, right - 1)


def _margin(text: str) -> Iterator[str]:
    """The left, middle and right part of a page header or footer, without its codes."""
    parts = _MARGIN_CODE.sub(lambda match: _MARGIN_WORDS.get(match.group().upper(), ""), text).split("\n")
    for part in parts:
        words = sum(any(char.isalpha() for char in word) for word in part.split())
        # "Page 3 of 12" says nothing of the sheet.
        if words > (_PAGE_WORDS if _PAGE in part else 0):
            yield part.replace(_PAGE, "").strip()


def _elements(package: Package, name: str, names: tuple[str, ...]) -> Iterator[Any]:
    """Elements of a part, one after the other; each is forgotten once the next is asked for."""
    from lxml import etree

    content = package.transitional(name)
    tags = [f"{{*}}{one}" for one in names]
    try:
        for _, element in etree.iterparse(BytesIO(content), tag=tags, resolve_entities=False, no_network=True):
            yield element
            element.clear()
            above = element.getparent()
            while above is not None and above[0] is not element:
                del above[0]
    except etree.XMLSyntaxError as error:
        raise InputError(f"{package.path}: damaged, {name} is not XML ({error})") from error
