"""What stands beside the text of a page breaks none of its lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corpus.drawing import BODY, BODY_TEXT, draw_lines, drawn, loaded
from reportlab.pdfgen.canvas import Canvas


def numbered(x: float, *, right: bool = False) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        draw_lines(canvas, BODY, x=110, leading=24)
        for number in range(7):
            (canvas.drawRightString if right else canvas.drawString)(x, 700 - 24 * number, str(number + 6))

    return draw


@pytest.mark.parametrize("draw", [numbered(72), numbered(90, right=True), numbered(540)])
def test_numbers_of_lines_are_left_out(draw: Callable[[Canvas], None]) -> None:
    assert loaded(drawn(draw)).text == BODY_TEXT


def test_a_number_at_every_fifth_line_is_left_out() -> None:
    def draw(canvas: Canvas) -> None:
        draw_lines(canvas, BODY * 2, x=110, leading=24)
        for number in (5, 10):
            draw_lines(canvas, [str(number)], x=80, y=700 - 24 * (number - 1))

    assert loaded(drawn(draw)).text == f"{BODY_TEXT}\n{BODY_TEXT}"


def test_numbers_that_stand_close_to_their_lines_are_left_out() -> None:
    lines = [f"{number} {line}" for number, line in enumerate(BODY, start=1)]
    assert loaded(drawn(lambda canvas: draw_lines(canvas, lines, leading=24))).text == BODY_TEXT


def test_the_numbers_of_a_list_and_of_a_table_stay() -> None:
    ships = ["Cygnus", "Boreas", "Argo", "Thetis", "Vega", "Lyra"]

    def draw(canvas: Canvas) -> None:
        for number, name in enumerate(ships, start=1):
            draw_lines(canvas, [str(number)], x=72, y=700 - 16 * number)
            draw_lines(canvas, [f"The ship {name} of Oldhaven"], x=110, y=700 - 16 * number)

    text = loaded(drawn(draw)).text
    assert all(f"{number}\tThe ship {name}" in text for number, name in enumerate(ships, start=1))


@pytest.mark.parametrize("angle", [30, 45, 55, 90, 180, 270, 315])
def test_turned_words_follow_the_text(angle: int) -> None:
    def draw(canvas: Canvas) -> None:
        draw_lines(canvas, BODY)
        canvas.saveState()
        canvas.translate(300, 640)
        canvas.rotate(angle)
        canvas.setFont("Helvetica-Bold", 30)
        canvas.drawString(-100, 0, "Received 4 May")
        canvas.restoreState()

    assert loaded(drawn(draw)).text == f"{BODY_TEXT}\n\nReceived 4 May"


def test_a_large_word_behind_the_text_follows_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 70)
        canvas.drawString(100, 640, "SPECIMEN")
        draw_lines(canvas, BODY)

    assert loaded(drawn(draw)).text == f"{BODY_TEXT}\n\nSPECIMEN"


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_page_that_is_shown_turned_is_read_as_it_is_shown(rotation: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(rotation)
        canvas.translate(300, 400)
        canvas.rotate(rotation)
        draw_lines(canvas, BODY, x=-200, y=100)

    assert loaded(drawn(draw)).text == BODY_TEXT


def test_running_heads_and_feet_are_paragraphs_of_their_own() -> None:
    def page(number: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            middle = [f"{'ABC'[number]}{BODY[0]}", *BODY[1:-1], f"{'abc'[number]}{BODY[-1]}"]
            draw_lines(canvas, ["Minutes of the archive board, 2021", *middle, f"Page {number + 1} of 3"])

        return draw

    document = loaded(drawn(*map(page, range(3))))
    for number, text in enumerate(document.text.split("\f")):
        head, body, foot = text.split("\n\n")
        assert (head, foot) == ("Minutes of the archive board, 2021", f"Page {number + 1} of 3")
        assert body.count("\n") == len(BODY) - 1


def test_the_head_of_a_table_on_every_page_is_no_running_head() -> None:
    def page(number: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            rows = [("Day", "Ship", "Tons"), *((f"{number}{n}", f"Boat {n}{number}", f"{n}50") for n in range(1, 5))]
            for line, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    draw_lines(canvas, [cell], x=72 + 150 * column, y=760 - 16 * line)

        return draw

    document = loaded(drawn(*map(page, (1, 2, 3))))
    assert [row.header for row in document.rows] == [True, False, False, False, False] * 3


def test_a_wide_line_does_not_make_paragraphs_of_the_lines_of_others() -> None:
    def draw(canvas: Canvas) -> None:
        draw_lines(
            canvas, ["A heading that runs across the whole page, from its left edge to its right one, at the top"]
        )
        draw_lines(canvas, BODY, y=660)

    assert loaded(drawn(draw)).text.split("\n\n")[1:] == [BODY_TEXT]
