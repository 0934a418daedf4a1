"""Web pages as a reader sees them: tables, fields, parts to open, struck-out text, notes and code."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.documents import Document
from index.loading.reading import parse


def page(body: str, head: str = "<title>T</title>") -> Document:
    document = parse(Path("page.html"), f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode())
    assert document.document is not None
    return document.document


def text(body: str) -> str:
    return page(body).text


def test_rows_and_columns_that_cells_span() -> None:
    document = page(
        "<table><tr><th>Ward<th>Shift<th>Nurse<tr><td rowspan=2>Cardiology<td>Morning<td>Aldous<tr><td>Evening"
        "<td>Brita<tr><td>Oncology<td colspan=2>closed</table>"
    )
    assert document.text.splitlines() == [
        "Ward\tShift\tNurse",
        "Cardiology\tMorning\tAldous",
        "Cardiology\tEvening\tBrita",
        "Oncology\tclosed\tclosed",
    ]
    assert [row.header for row in document.rows] == [True, False, False, False]


def test_heads_of_two_rows() -> None:
    document = page(
        "<table><thead><tr><th rowspan=2>Region<th colspan=2>Sales<tr><th>2023<th>2024</thead>"
        "<tbody><tr><td>North<td>400<td>455</table>"
    )
    assert document.text.splitlines()[:2] == ["Region\tSales\tSales", "Region\t2023\t2024"]
    assert [row.header for row in document.rows] == [True, True, False]


def test_a_table_of_labels_names_no_columns() -> None:
    document = page("<table><tr><td><b>Skipper</b><td>Olaf<tr><td><b>Boat</b><td>Petrel</table>")
    assert not any(row.header for row in document.rows)


@pytest.mark.parametrize(
    ("body", "kept", "lost"),
    [
        ("<p>Price: <del>90 euros</del> <ins>75 euros</ins></p>", "Price: 75 euros", "90"),
        ("<p>Speed <s>110</s> 130 km/h</p>", "Speed 130 km/h", "110"),
        ("<p>It costs <span style='text-decoration: line-through'>9</span> 7 euros.</p>", "It costs 7 euros.", "9"),
        ("<p>Applicant <input value='Rita Cole'></p>", "Applicant Rita Cole", "input"),
        ("<p>Key <input type=password value=sesame> <input type=hidden value=x1> kept</p>", "Key kept", "sesame"),
        ("<p>Status <select><option>open<option selected>granted</select></p>", "Status granted", "open"),
        ("<p>Status <select><option>open<option>granted</select></p>", "Status open", "granted"),
        ("<p>Note <textarea>By boat</textarea></p>", "Note By boat", "textarea"),
        ("<p>Paid <input type=checkbox checked></p>", "Paid ☑", "☐"),
        ("<details><summary>Why?</summary><p>Because.</p></details>", "Because.", "summary"),
        ("<h2><button>How long is it?</button></h2><p>Ten metres.</p>", "How long is it?", "button"),
        ("<p>Words.</p><button>Buy now</button>", "Words.", "Buy"),
        (
            "<button class=accordion aria-controls=a>How wide is it?</button><div id=a hidden>Two metres.</div>",
            "Two metres.",
            "hidden",
        ),
        (
            "<p>Words.</p><div aria-expanded=false>When?</div><div style='display:none'>At nine.</div>",
            "At nine.",
            "expanded",
        ),
        (
            "<div><label>Name</label><input value='Otto'><label>Land</label><input value='Peru'></div>",
            "Name: Otto\nLand: Peru",
            "label",
        ),
        ("<p>Words.</p><div style='display:none'>Never seen.</div>", "Words.", "Never"),
        ("<p>The anti<wbr>dote of Gwen&#x200b;dolyn</p>", "antidote of Gwendolyn", "\u200b"),
        ("<p>It costs &#128; 5&#133;</p>", "It costs € 5…", "\x80"),
    ],
)
def test_what_a_reader_sees(body: str, kept: str, lost: str) -> None:
    seen = text(body)
    assert kept in seen and lost not in seen


def test_a_form_that_is_filled_in_is_no_search_box() -> None:
    seen = text("<p>Filed in Dover.</p><form><table><tr><td>Applicant<td><input value='Rita Cole'></table></form>")
    assert "Applicant\tRita Cole" in seen


def test_code_keeps_its_indentation() -> None:
    code = "def connect(host,\n            port=5433):\n    pass"
    assert f"\n\n{code}" in text(f"<p>As in:</p><pre><code>{code}</code></pre>")


def test_marks_of_notes_stand_behind_their_paragraph() -> None:
    seen = text(
        "<p>Sales were 1,250<sup>3</sup> thousand on 450 m<sup>2</sup>, 12 t of CO<sub>2</sub>.</p><p>Next.</p>"
    )
    assert seen == "Sales were 1,250 thousand on 450 m², 12 t of CO2. [3]\n\nNext."


@pytest.mark.parametrize("nested", ["<sup>", "<b>", "<div>", "<table><tr><td>", "<button>", "<select><option>"])
def test_elements_nested_deeper_than_any_stack(nested: str) -> None:
    assert "core" in text(f"<p>core</p>{nested * 3_000}deep")


@pytest.mark.parametrize(
    ("declared", "encoding", "words"),
    [
        ("iso-8859-1", "cp1252", "Die „Möwe“ kostet € 4,500 – it’s sold…"),
        ("latin1", "cp1252", "“quoted” €"),
        ("us-ascii", "cp1252", "café – €"),
        ("iso-8859-9", "cp1254", "İstanbul’da ığdır"),
        ("gb2312", "gb18030", "北京市的镕基"),
        ("shift_jis", "cp932", "価格は①円です"),
        ("iso-8859-1", "utf-8", "Müller’s"),
    ],
)
def test_declared_encodings_are_those_of_browsers(declared: str, encoding: str, words: str) -> None:
    source = f'<html><head><meta charset="{declared}"><title>T</title></head><body><p>{words}</p></body></html>'
    document = parse(Path("page.html"), source.encode(encoding)).document
    assert document is not None and document.text == words


def test_no_byte_of_a_declared_page_is_dropped() -> None:
    source = b'<html><head><meta charset="iso-8859-1"></head><body><p>caf\xe9 \x80 5 \x81 done</p></body></html>'
    document = parse(Path("page.html"), source).document
    assert document is not None
    assert document.text.startswith("café € 5") and document.text.endswith("done")
