"""PDF files, drawn line by line so that every trap is where it should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from corpus.gold import Fact, File

WIDTH, HEIGHT = A4
LEADING = 14.0
LEFT_COLUMN = [
    "The dam at Ulvsund was built between",
    "1908 and 1912 by a crew of some two",
    "hundred men who lived in barracks on",
    "the eastern shore. Its first engineer,",
    "Sigurd Bakken, left after the flood of",
    "1910, and the works stood still until",
    "the following spring, when the bank of",
    "the valley granted another loan to it.",
]
RIGHT_COLUMN = [
    "Power reached the town in November",
    "1912 over a line of forty kilometres.",
    "The two turbines came from Zurich by",
    "rail and were drawn over the pass by",
    "nineteen horses. One of them was still",
    "running when the museum took over the",
    "power station in 1987, with its switch",
    "boards and all the papers of the works.",
]


def _pdf(draw: Callable[[Canvas], None], **about: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        canvas = Canvas(str(path), pagesize=A4, invariant=True)
        canvas.setTitle(about.get("title", ""))
        canvas.setAuthor(about.get("author", ""))
        draw(canvas)
        canvas.save()

    return write


def _lines(canvas: Canvas, x: float, y: float, lines: list[str], font: str = "Times-Roman", size: float = 11) -> None:
    canvas.setFont(font, size)
    for number, line in enumerate(lines):
        canvas.drawString(x, y - number * LEADING, line)


def _simple(canvas: Canvas) -> None:
    _lines(canvas, 72, 760, ["Annual report"], "Helvetica-Bold", 20)
    _lines(
        canvas,
        72,
        720,
        [
            "The society had 418 members at the end of the year, of whom ninety were under",
            "thirty. Fees brought in 61,200 kroner.",
        ],
    )
    canvas.showPage()
    _lines(
        canvas,
        72,
        760,
        [
            "The library was moved to Storgata 14 in August. It lends 2,350 volumes, most of",
            "them given by the late Dr. Hedvig Lind, who died on 2 May.",
        ],
    )
    canvas.showPage()


def _columns(canvas: Canvas) -> None:
    _lines(canvas, 72, 720, LEFT_COLUMN)
    _lines(canvas, 320, 720, RIGHT_COLUMN)
    canvas.showPage()


def _interleaved(canvas: Canvas) -> None:
    """As some programs write: each line across the page, left and right by turns."""
    canvas.setFont("Times-Roman", 11)
    for number, (left, right) in enumerate(zip(LEFT_COLUMN, RIGHT_COLUMN, strict=True)):
        canvas.drawString(72, 720 - number * LEADING, left)
        canvas.drawString(320, 720 - number * LEADING, right)
    canvas.showPage()


def _titled(canvas: Canvas) -> None:
    """A title and a closing note across both columns."""
    _lines(
        canvas, 72, 770, ["The power of the valley: a history of the works at Ulvsund in two parts"], "Times-Bold", 14
    )
    canvas.setFont("Times-Roman", 11)
    for number, (left, right) in enumerate(zip(LEFT_COLUMN, RIGHT_COLUMN, strict=True)):
        canvas.drawString(72, 720 - number * LEADING, left)
        canvas.drawString(320, 720 - number * LEADING, right)
    _lines(
        canvas,
        72,
        560,
        ["This text was first printed in the yearbook of the Ulvsund museum for the year 1991, page 34."],
    )
    canvas.showPage()


def _three(canvas: Canvas) -> None:
    for number in range(3):
        _lines(
            canvas,
            50 + number * 175,
            720,
            [f"Column {'ABC'[number]} line {line} of the text here" for line in range(1, 9)],
            size=9,
        )
    canvas.showPage()


def _hyphenated(canvas: Canvas) -> None:
    _lines(
        canvas,
        72,
        720,
        [
            "The convention was signed by the dele-",
            "gates of nine countries in the Concert-",
            "gebouw. It made the Anglo-",
            "Norwegian commission the arbi-",
            "trator of all fishing quarrels.",
        ],
    )
    canvas.showPage()


def _ligatures(canvas: Canvas) -> None:
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    _lines(canvas, 72, 720, ["The ﬁrst ﬂoor of the mill held ﬁve ofﬁces."], "Vera")
    canvas.showPage()


def _running(canvas: Canvas) -> None:
    facts = [
        "The ice on the fjord was 41 cm thick.",
        "The thaw began on 3 April that year.",
        "No ship was lost in the ice.",
    ]
    for number, fact in enumerate(facts, start=1):
        _lines(canvas, 72, 800, ["Journal of the Harbour Office"], size=8)
        _lines(canvas, 72, 720, [fact])
        _lines(canvas, 280, 40, [f"- {number} -"], size=8)
        canvas.showPage()


def _table(canvas: Canvas) -> None:
    _lines(canvas, 72, 740, ["Catches by species"], "Helvetica-Bold", 14)
    for number, cells in enumerate(
        [("Species", "Tons", "Port"), ("Herring", "1,420", "Molde"), ("Cod", "988", "Vardø"), ("Saithe", "77", "Bud")]
    ):
        for place, cell in enumerate(cells):
            _lines(canvas, 72 + 150 * place, 700 - 18 * number, [cell])
    canvas.showPage()


def _footnote(canvas: Canvas) -> None:
    canvas.setFont("Times-Roman", 11)
    canvas.drawString(72, 720, "The bell was cast in 1663")
    canvas.setFont("Times-Roman", 7)
    canvas.drawString(72 + 122, 725, "1")
    canvas.setFont("Times-Roman", 11)
    canvas.drawString(72 + 130, 720, "by Hans Meyer of Bergen.")
    _lines(canvas, 72, 80, ["1 So the church book says; the bell itself bears 1665."], size=8)
    canvas.showPage()


def _bookmarked(canvas: Canvas) -> None:
    for level, title, text in [
        (0, "Geology", "The hills are of gabbro."),
        (1, "Mines", "Nickel was mined until 1937."),
        (0, "Climate", "It rains on 204 days a year."),
    ]:
        canvas.bookmarkPage(title)
        canvas.addOutlineEntry(title, title, level)
        _lines(canvas, 72, 760, [title], "Helvetica-Bold", 16)
        _lines(canvas, 72, 720, [text])
        canvas.showPage()


def _with_picture(canvas: Canvas) -> None:
    _lines(canvas, 72, 720, ["The map on the next page was drawn in 1790."])
    canvas.showPage()
    canvas.rect(100, 100, 300, 300, fill=1)
    canvas.showPage()
    _lines(canvas, 72, 720, ["Its maker was the surveyor Peder Vik."])
    canvas.showPage()


def _turned(canvas: Canvas) -> None:
    canvas.saveState()
    canvas.translate(300, 100)
    canvas.rotate(90)
    _lines(canvas, 0, 0, ["The turned table was printed by Olaf Huseby."])
    canvas.restoreState()
    canvas.showPage()


def _page(text: str) -> tuple[str, ...]:
    return (text,)


def _facts(*facts: Any) -> tuple[Fact, ...]:
    return tuple(Fact(*fact) for fact in facts)


_DAM = _facts(
    ("Who was the first engineer of the dam at Ulvsund?", "Sigurd Bakken", 1),
    ("How many horses drew the turbines over the pass?", "nineteen", 1),
    ("Where did the turbines come from?", "Zurich", 1),
)
_DAM_ORDER = ("The dam at Ulvsund", "another loan to it", "Power reached the town", "all the papers of the works.")
PDFS = [
    File(
        "report.pdf",
        _pdf(_simple, title="Annual report 2019", author="Kari Nesse"),
        _facts(
            ("How many members did the society have?", "418", 1),
            ("Where was the library moved to?", "Storgata 14", 2),
            ("Who gave most of the volumes?", "Dr. Hedvig Lind", 2),
        ),
        ("Annual report", "thirty. Fees brought in", "2,350 volumes", "2 May."),
        title="Annual report 2019",
        author="Kari Nesse",
        date="2000-01-01T00:00:00+00:00",
        language="en",
    ),
    File("columns.pdf", _pdf(_columns), _DAM, _DAM_ORDER),
    File("columns-by-line.pdf", _pdf(_interleaved), _DAM, _DAM_ORDER),
    File(
        "columns-titled.pdf",
        _pdf(_titled),
        _DAM,
        ("The power of the valley", *_DAM_ORDER, "This text was first printed"),
    ),
    File(
        "three-columns.pdf",
        _pdf(_three),
        _facts(("Which line comes last?", "Column C line 8", 1)),
        tuple(f"Column {name} line {line}" for name in "ABC" for line in range(1, 9)),
    ),
    File(
        "hyphenated.pdf",
        _pdf(_hyphenated),
        _facts(
            ("Who signed the convention?", "the delegates of nine countries", 1),
            ("Which commission arbitrates?", "Anglo-Norwegian commission", 1),
            ("What is the commission of all fishing quarrels?", "arbitrator", 1),
        ),
        ("delegates", "arbitrator of all fishing quarrels."),
    ),
    File(
        "ligatures.pdf",
        _pdf(_ligatures),
        _facts(("How many offices were there?", "five offices", 1)),
        ("The first floor",),
    ),
    File(
        "running-heads.pdf",
        _pdf(_running),
        _facts(
            ("How thick was the ice?", "41 cm", 1),
            ("When did the thaw begin?", "3 April", 2),
            ("What was lost in the ice?", "No ship", 3),
        ),
    ),
    File(
        "catches.pdf",
        _pdf(_table),
        _facts(
            ("How many tons of cod were caught?", "988", 1, None, 3),
            ("Where was herring landed?", "Molde", 1, None, 2),
        ),
        ("Species", "Tons", "Port", "Herring", "1,420", "Molde", "Cod", "988", "Vardø", "Saithe"),
    ),
    File(
        "footnote.pdf",
        _pdf(_footnote),
        _facts(
            ("Who cast the bell?", "Hans Meyer of Bergen", 1),
            ("Which year does the bell bear?", "1665", 1),
        ),
    ),
    File(
        "bookmarks.pdf",
        _pdf(_bookmarked),
        _facts(
            ("Until when was nickel mined?", "1937", 2, ("Geology", "Mines")),
            ("On how many days does it rain?", "204", 3, ("Climate",)),
            ("What are the hills made of?", "gabbro", 1, ("Geology",)),
        ),
    ),
    File(
        "picture-between.pdf",
        _pdf(_with_picture),
        _facts(
            ("When was the map drawn?", "1790", 1),
            ("Who made the map?", "Peder Vik", 3),
        ),
    ),
    File("turned.pdf", _pdf(_turned), _facts(("Who printed the turned table?", "Olaf Huseby", 1))),
]
