"""Pages whose words cannot be read are named, and nothing is read that is not there."""

from __future__ import annotations

import io
import string
from collections.abc import Callable

import pytest
from corpus.drawing import BODY, draw_lines, drawn, loaded, set_in_font
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from index.errors import InputError


def scan(canvas: Canvas) -> None:
    held = io.BytesIO()
    Image.new("L", (60, 80), 200).save(held, "PNG")
    canvas.drawImage(ImageReader(held), 0, 0, 595, 842)


def stamped(canvas: Canvas) -> None:
    scan(canvas)
    draw_lines(canvas, ["Exhibit 12"])


def text(canvas: Canvas) -> None:
    draw_lines(canvas, BODY)


def blank(canvas: Canvas) -> None:
    pass


def test_pages_without_a_text_layer_are_named() -> None:
    document = loaded(drawn(text, scan, scan, text, blank, scan))
    assert [part.part for part in document.unread] == ["pages 2-3", "page 6"]
    assert all("OCR" in part.reason for part in document.unread)
    assert [page.number for page in document.pages] == [1, 4]


def test_a_scan_with_a_few_typed_words_is_named_and_its_words_are_read() -> None:
    document = loaded(drawn(text, stamped))
    (part,) = document.unread
    assert part.part == "page 2" and "few words" in part.reason
    assert document.text.endswith("\fExhibit 12")


def test_ordinary_documents_have_no_unread_part() -> None:
    assert loaded(drawn(text, blank, text)).unread == ()


PROSE = [
    line.encode()
    for line in (
        "The freedom to run the program as you wish, for any purpose, is the first",
        "of those that a licence of this kind gives to everyone who has a copy. The",
        "second is the freedom to study how the program works, and to change it so",
        "that it does what you want; having its source is a condition of this. The",
        "third is to give copies to others, and the fourth to give copies of your",
        "own changed versions, so that the whole community may benefit from them.",
    )
]


def moved(code: int) -> int:
    """The letter three after this one."""
    letters = string.ascii_lowercase if chr(code).islower() else string.ascii_uppercase
    return ord(letters[(letters.index(chr(code)) + 3) % 26]) if chr(code) in letters else code


@pytest.mark.parametrize("to_unicode", [moved, lambda code: 0xF000 + code, lambda code: 0xFFFD])
def test_a_text_layer_that_decodes_to_nonsense_is_refused(to_unicode: Callable[[int], int]) -> None:
    with pytest.raises(InputError, match="does not say which letters it shows"):
        loaded(set_in_font(PROSE, to_unicode))


def test_numbers_of_glyphs_taken_for_characters_are_refused() -> None:
    lines = [bytes(code - 29 if code > 32 else 3 for code in line) for line in PROSE]
    with pytest.raises(InputError, match="does not say which letters it shows"):
        loaded(set_in_font(lines, None))


def test_the_same_text_is_read_where_the_font_maps_it_right() -> None:
    assert loaded(set_in_font(PROSE, None)).text == b"\n".join(PROSE).decode()


@pytest.mark.parametrize(
    "words",
    [
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
        "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau.",
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van.",
        "Part XK-4471 QZ-118 WJ-9 replaces KQ-22, ZX-5 and VW-71 of list JQ-3.",
        "4d49 4d45 2d4d 6167 6963 000a 5b35 303a ffd8 ffe0 0010 4a46 4946 0001",
        "MKVLAAGIVQRTFLPWSDEGHHKKCNYV MSTNPKPQRKTKRNTNRRPQDVKFPGG",
    ],
)
def test_other_languages_codes_and_figures_are_read(words: str) -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Vera", 9)
        for number in range(12):
            canvas.drawString(60, 700 - 12 * number, words)

    assert loaded(drawn(draw)).unread == ()
