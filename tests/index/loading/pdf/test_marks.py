"""Raised and lowered marks are no digits of what they stand at."""

from __future__ import annotations

import pytest
from corpus.drawing import drawn, loaded, paragraphs
from reportlab.pdfgen.canvas import Canvas


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("held 3 × 10<super>6</super> cells", "held 3 × 10⁶ cells"),
        ("a dose of 10<super>-3</super> mol", "a dose of 10⁻³ mol"),
        ("an area of 45 m<super>2</super> in all", "an area of 45 m² in all"),
        ("that E = mc<super>2</super> holds", "that E = mc² holds"),
        ("Ca<super>2+</super> ions", "Ca²⁺ ions"),
        ("2<super>8</super> bytes", "2⁸ bytes"),
        ("H<sub>2</sub>O and CO<sub>2</sub> rise", "H2O and CO2 rise"),
        ("log<sub>2</sub>8 is three", "log₂8 is three"),
        ("on the 5<super>th</super> of May", "on the 5th of May"),
        ("by <super>14</super>C dating", "by ¹⁴C dating"),
        ("1,250<super>3</super> thousand euros", "1,250 thousand euros ³"),
        ("in 2019<super>4</super>, when", "in 2019, when ⁴"),
        ("said Smith<super>5</super> of it.", "said Smith of it. ⁵"),
        ("the sum of 47<super>12</super> euros", "the sum of 47 euros ¹²"),
        ("so it was.<super>7</super> The rest", "so it was. The rest ⁷"),
        ("<super>3</super>Audited by the board.", "³ Audited by the board."),
    ],
)
def test_a_mark_is_written_so_that_it_is_no_digit_of_its_base(markup: str, text: str) -> None:
    document = loaded(paragraphs(f"The report says {markup}" if not markup.startswith("<super>3") else markup))
    assert document.text.removeprefix("The report says ") == text


def test_notes_at_the_foot_of_the_page_tell_their_marks_from_exponents() -> None:
    notes = '<font size="8">2 Without the annex.</font>'
    document = loaded(paragraphs("The house has 2<super>2</super> floors.", notes))
    assert document.text == "The house has 2 floors. ²\n\n2 Without the annex."


def test_a_mark_that_is_drawn_after_its_line_goes_back_into_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 12)
        canvas.drawString(72, 700, "The dose was 10")
        width = canvas.stringWidth("The dose was 10", "Times-Roman", 12)
        canvas.drawString(72 + width + 4.5, 700, " units a day.")
        canvas.setFont("Times-Roman", 7)
        canvas.drawString(72 + width, 705, "6")

    assert loaded(drawn(draw)).text == "The dose was 10⁶ units a day."


def test_small_words_on_the_line_are_left_alone() -> None:
    text = 'In <font size="8">1250</font> the town had <font size="8">47</font> houses.'
    assert loaded(paragraphs(text)).text == "In 1250 the town had 47 houses."
