"""Seals tell every two rows apart, and tallies every two tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.catalogue.integrity.seals import SEAL_BYTES, Tally, seal, settings_seal

values = st.none() | st.text() | st.binary() | st.integers() | st.floats(allow_nan=True)
rows = st.lists(values, max_size=4).map(tuple)


def form(row: tuple[object, ...]) -> list[tuple[type, str]]:
    """What makes two rows the same: types and values; every NaN is one, and the two zeros are not."""
    return [(type(value), repr(value)) for value in row]


@given(rows, rows)
def test_different_rows_have_different_seals(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert (seal("row", *one) == seal("row", *other)) == (form(one) == form(other))
    assert seal("row", *one) != seal("place", *one)


@given(st.text(min_size=1), st.text())
def test_words_cannot_flow_from_one_field_into_the_next(first: str, second: str) -> None:
    assert seal("row", first + second, "") != seal("row", first, second) or not second
    assert seal("row", first, second) != seal("row", "", first + second)


@pytest.mark.parametrize(
    "alike", [(1, 1.0, "1", b"1"), (None, "", b"", 0, "None"), (0.0, -0.0), (math.nan, "nan"), ("\udcff", "ÿ", b"\xff")]
)
def test_values_that_look_alike(alike: tuple[object, ...]) -> None:
    assert len({seal("row", value) for value in alike}) == len(alike)


def test_what_no_row_holds() -> None:
    with pytest.raises(TypeError):
        seal("row", [1])


def test_what_a_seal_is_does_not_change() -> None:
    # Stores hold them: another value is another format.
    assert seal("row", "é", 1, None, b"\x00", 0.5).hex() == "9d6281639acb2b61afdd70fc1f79b7d4"
    assert (
        settings_seal({"b": "2", "a": "1"}) == settings_seal({"a": "1", "b": "2"}) == "3c77ee646cfa50e9d2ddfa1b072ebf69"
    )


seals = st.lists(st.binary(min_size=SEAL_BYTES, max_size=SEAL_BYTES), max_size=6)


@given(seals, seals)
def test_a_tally_comes_and_goes_in_any_order(there: list[bytes], more: list[bytes]) -> None:
    tally = Tally().plus(there)
    assert tally.plus(more) == Tally().plus([*reversed(more), *there])
    assert tally.plus(more).minus(more) == tally == Tally.parse(str(tally))
    assert (tally.plus(more) == tally) == (not more)
    assert len(tally.digest) == SEAL_BYTES
