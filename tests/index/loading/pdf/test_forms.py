"""What was filled in or typed onto a page is read at its place."""

from __future__ import annotations

from corpus.drawing import draw_lines, drawn, loaded
from reportlab.pdfgen.canvas import Canvas


def form(canvas: Canvas) -> None:
    fields = canvas.acroForm
    draw_lines(canvas, ["Surname:"], y=700)
    fields.textfield(name="a", x=160, y=694, width=200, height=18, value="Petrescu")
    draw_lines(canvas, ["Country:"], y=660)
    fields.choice(name="c", x=160, y=654, width=120, height=18, value="Romania", options=["Austria", "Romania"])
    draw_lines(canvas, ["Newsletter:"], y=620)
    fields.checkbox(name="n", x=160, y=616, size=16, checked=True)
    draw_lines(canvas, ["Member:"], y=580)
    fields.checkbox(name="m", x=160, y=576, size=16, checked=False)
    draw_lines(canvas, ["Password:"], y=540)
    fields.textfield(name="p", x=160, y=534, width=200, height=18, value="hunter2", fieldFlags="password")
    draw_lines(canvas, ["Remarks:"], y=500)
    fields.textfield(name="r", x=72, y=400, width=300, height=90, value="Eats no nuts.\nLate.", fieldFlags="multiline")


def test_values_stand_at_their_labels() -> None:
    text = loaded(drawn(form)).text
    for line in ("Surname:\tPetrescu", "Country:\tRomania", "Newsletter:\t[x]", "Member:\t[ ]"):
        assert line in text
    assert text.index("Remarks:") < text.index("Eats no nuts.") < text.index("Late.")


def test_passwords_and_what_was_not_chosen_are_not_read() -> None:
    text = loaded(drawn(form)).text
    assert "hunter2" not in text and "Austria" not in text


def test_a_form_on_a_page_that_is_shown_turned() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.translate(595.28, 0)
        canvas.rotate(90)
        draw_lines(canvas, ["Surname:", "Town:"], x=100, y=400, leading=40)
        # Fields are placed on the page as it lies, whatever was turned: x up from the lower edge, y from the right.
        for number, value in enumerate(["Petrescu", "Constanta"]):
            left = 595.28 - 412 + 40 * number
            canvas.acroForm.textfield(name=value, x=left, y=200, width=18, height=200, value=value)

    assert loaded(drawn(draw)).text == "Surname:\tPetrescu\nTown:\tConstanta"


def annotated(flags: int) -> bytes:
    plain = drawn(lambda canvas: draw_lines(canvas, ["Name:"]))
    note = b"/Subtype/FreeText/Rect[120 694 300 712]/Contents(Olga Marin)/DA(/Helv 11 Tf)/F %d" % flags
    assert b"/Rotate 0" in plain
    return plain.replace(b"/Rotate 0", b"/Annots[<</Type/Annot%s>>] /Rotate 0" % note)


def test_words_typed_onto_the_page_are_read_and_hidden_ones_not() -> None:
    assert loaded(annotated(4)).text.split() == ["Name:", "Olga", "Marin"]
    assert loaded(annotated(2)).text == "Name:"
