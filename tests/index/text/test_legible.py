"""How texts are seen by models and search: words whole, cells named, and every place found again in the source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.legible import cells, legible, searchable

SCRAPS = st.sampled_from(
    ["inter-\nnational", "-\r\n", "Anglo-\n  Saxon", "soft\u00adly", "ﬁne", "ﬄ", "𝔇an", "ＡＢ", "1990-\n95", " ", "a"]
)
TEXTS = st.lists(SCRAPS | st.text(max_size=6), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("inter-\nnational", "international"),
        ("inter-\r\n  national", "international"),
        ("inter\u2010\nnational", "international"),
        ("Anglo-\nSaxon", "Anglo-Saxon"),
        ("1990-\n1995", "1990-1995"),
        ("soft\u00adly", "softly"),
        ("the ﬁrst eﬀort", "the first effort"),
        ("𝗕𝗿𝗲𝗮𝗸𝗶𝗻𝗴: the 𝔇anube, ２０２４", "Breaking: the Danube, 2024"),
        ("a - b\nc", "a - b\nc"),
        ("well-known", "well-known"),
        ("- item\n- item", "- item\n- item"),
    ],
)
def test_words_are_seen_whole(text: str, seen: str) -> None:
    assert legible(text).text == seen


@given(TEXTS, st.data())
def test_every_span_leads_back_to_its_source(text: str, data: st.DataObject) -> None:
    seen = legible(text)
    if not seen.text:
        return
    start = data.draw(st.integers(0, len(seen.text) - 1))
    end = data.draw(st.integers(start + 1, len(seen.text)))
    place = seen.span_in_source(start, end)
    assert place is not None
    first, last = place
    assert 0 <= first < last <= len(text)
    # What stands there is seen as what was pointed at, give or take the other letters of a ligature; a division is
    # known by the letters around it.
    around = legible(text[max(0, first - 1) : last + 1]).text
    assert seen.text[start:end] in around or seen.text[start:end] in text[first:last]


def test_a_word_is_found_whole_and_in_parts() -> None:
    assert searchable("a well-\nknown inter-\nnational law").split() == [
        "a",
        "well-",
        "known",
        "inter-",
        "national",
        "law",
        "wellknown",
        "international",
    ]
    assert searchable("the 𝔇anube ﬁle").split() == ["the", "𝔇anube", "ﬁle", "Danube", "file"]
    assert searchable("nothing here") == "nothing here"


@pytest.mark.parametrize(
    ("row", "context", "seen"),
    [
        ("Oslo,717710,Norway", "City | Inhabitants | Country", "City: Oslo;\tInhabitants: 717710;\tCountry: Norway"),
        ("Oslo;;Norway", "Cities > City | Inhabitants | Country", "City: Oslo;\tCountry: Norway"),
        ('"Oslo, Akershus",7', "T > City | Inhabitants", "City: Oslo, Akershus;\tInhabitants: 7"),
        ('"say ""hi""\r\nthere",7', "Words | Count", 'Words: say ""hi""\r\nthere;\tCount: 7'),
        ("Oslo\t7\t", "City | Inhabitants | Note", "City: Oslo;\tInhabitants: 7"),
        ("| Oslo | 7 |", "City | Inhabitants", "Oslo;\t7"),
        ("No table, at all.", "Report > Introduction", "No table, at all."),
        ("one,two,three", "A | B", "one;\ttwo;\tthree"),
    ],
)
def test_cells_are_named(row: str, context: str, seen: str) -> None:
    found = legible(row, context)
    assert found.text == seen
    for word in ("Oslo", "717710", "there"):
        if word in row and found.origin is not None:
            at = found.text.index(word)
            assert found.span_in_source(at, at + len(word)) == (row.index(word), row.index(word) + len(word))


def test_a_name_that_was_put_in_is_in_no_source() -> None:
    found = legible("Oslo,7", "City | Inhabitants")
    assert found.span_in_source(0, 4) is None
    at = found.text.index("Inhabitants")
    assert found.span_in_source(at - 3, len(found.text)) == (3, 6)


@given(st.text(alphabet='ab",;\t|\n', max_size=30))
def test_cells_of_any_row_are_in_it_in_order(row: str) -> None:
    end = 0
    for first, last in cells(row):
        assert end <= first <= last <= len(row)
        end = last


@given(TEXTS, st.data())
def test_a_span_of_the_source_is_found_in_what_is_seen(text: str, data: st.DataObject) -> None:
    seen = legible(text)
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    place = seen.span_of_source(start, end)
    if place is None:
        # All of it is a soft hyphen or a division.
        assert all(not start <= offset < end for offset in seen.origin or ())
        return
    back = seen.span_in_source(*place)
    assert back is not None and start <= back[0] < back[1] <= end


def test_a_cell_of_the_source_is_found_behind_its_name() -> None:
    seen = legible("Oslo,717710", "Cities > City | Population")
    assert seen.text == "City: Oslo;\tPopulation: 717710"
    place = seen.span_of_source(5, 11)
    assert place is not None and seen.text[slice(*place)] == "717710"
