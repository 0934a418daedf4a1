"""Labels point at the answer's own tokens; batches hold every window once."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.models.embedder import bundled_model
from qa.reading.windows import WindowMaker
from qa.training.data import Row
from qa.training.features import Features, batches, build_features, collate


@cache
def maker(max_length: int = 256, stride: int = 96) -> WindowMaker:
    return WindowMaker.from_folder(bundled_model(), max_length=max_length, stride=stride)


def row(context: str, answer: str | None, question: str = "who wrote it?") -> Row:
    start = context.index(answer) if answer else None
    end = start + len(answer) if answer and start is not None else None
    return Row("1", "t", question, context, start, end, (answer,) if answer else ())


def labelled(made: Row, cut: WindowMaker) -> list[str | None]:
    """The text that each window's labels span, None for the null."""
    features = build_features([made], cut)
    (windows,) = cut.windows(made.question, [made.context])
    assert len(features) == len(windows)
    texts: list[str | None] = []
    for number, window in enumerate(windows):
        start, end = int(features.start[number]), int(features.end[number])
        assert features.passage_start[number] == window.passage_start
        if start == 0:
            assert end == 0
            texts.append(None)
        else:
            assert window.passage_start <= start <= end < len(window) - 1
            first, last = start - window.passage_start, end - window.passage_start
            texts.append(made.context[window.starts[first] : window.ends[last]])
    return texts


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        ("Ada wrote it.", "Ada"),
        ("It was written by Ada", "Ada"),
        ("\ufeffNaïve Ångström wrote, in 1843, the notes.", "Naïve Ångström"),
        ("Costs rose by $3.5 million (2%).", "$3.5 million"),
        ("a\r\nb\u200bc 👨‍👩‍👧 d", "👨‍👩‍👧"),
        ("He said “yes” twice", "“yes”"),
        ("中文维基百科", "维基"),
        ("unbelievably antidisestablishmentarianism", "antidisestablishmentarianism"),
    ],
)
def test_labels_decode_to_the_answer(context: str, answer: str) -> None:
    assert labelled(row(context, answer), maker()) == [answer]


def test_an_answer_inside_a_token_is_labelled_by_the_whole_token() -> None:
    assert labelled(row("built in 1990s style", "1990"), maker()) == ["1990s"]


def test_spaces_at_the_borders_of_an_answer_are_left_out() -> None:
    assert labelled(row("It was Ada who wrote.", " Ada "), maker()) == ["Ada"]


def test_no_answer_is_the_null() -> None:
    assert labelled(row("Ada wrote it.", None), maker()) == [None]


def test_an_answer_without_tokens_is_the_null() -> None:
    assert labelled(row("Ada \u200d\u200d wrote it.", "\u200d\u200d"), maker()) == [None]


def test_an_answer_whose_last_mark_ends_the_window() -> None:
    assert labelled(row("They met at the cafe\u0301", "cafe\u0301"), maker()) == ["cafe"]


def test_windows_without_the_whole_answer_are_null() -> None:
    text = "word " * 60 + "Ada Lovelace" + " word" * 60
    found = labelled(row(text, "Ada Lovelace"), maker(48, 16))
    assert len(found) > 3
    assert set(found) == {None, "Ada Lovelace"}
    assert 1 <= found.count("Ada Lovelace") <= 2


def test_rows_without_tokens_or_no_rows() -> None:
    for features in (build_features([], maker()), build_features([row("", None)], maker())):
        assert len(features) == 0
        assert features.bounds.tolist() == [0]
        assert list(batches(features, 512, 1)) == []


PIECES = ["e\u0301 ", "👨‍👩‍👧 ", "\r\n", "\ufeff", "\u202eשלום ", "naïve ", "Ada ", "1,000 ", "İx", "한국 ", ". "]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=30).map("".join), st.data())
@settings(max_examples=80, deadline=None)
def test_labels_of_any_span(context: str, data: st.DataObject) -> None:
    """A labelled stretch holds the answer's words, and only tokens that touch it."""
    if not context:
        return
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    made = Row("1", "t", "q?", context, start, end, (context[start:end],))
    features = build_features([made], maker(80, 30))
    for number, window in enumerate(maker(80, 30).windows("q?", [context])[0]):
        touching = [n for n in range(len(window.starts)) if window.starts[n] < end and start < window.ends[n]]
        if features.start[number]:
            got = range(features.start[number] - window.passage_start, features.end[number] - window.passage_start + 1)
            assert list(got) == touching
        else:
            whole = window.starts[0] <= start and end <= window.ends[-1]
            assert not (whole and touching)


def many(count: int) -> Features:
    rows = [row("word " * (n % 37 + 1) + "Ada", "Ada", question=f"q{n}") for n in range(count)]
    return build_features(rows, maker())


def test_batches_hold_every_window_once_within_bounds() -> None:
    features = many(300)
    made = list(batches(features, 400, seed=4))
    assert sorted(n for batch in made for n in batch.tolist()) == list(range(len(features)))
    for batch in made:
        assert len(batch) * features.lengths[batch].max() <= 400


def test_a_window_longer_than_a_batch_is_a_batch() -> None:
    features = many(5)
    assert sorted(batch.tolist() for batch in batches(features, 1, seed=1)) == [[n] for n in range(5)]


def test_batches_are_as_their_seed() -> None:
    features = many(120)

    def order(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in batches(features, 400, seed)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    # Longer batches do not all come last.
    longest = [int(features.lengths[batch].max()) for batch in batches(features, 400, 1)]
    assert longest != sorted(longest)


def test_a_padded_batch() -> None:
    rows = [row("Ada wrote it.", "Ada", question="who?"), row("It was built by hand.", None, question="who was that?")]
    features = build_features(rows, maker())
    ids, mask, types, start, end = collate(features, np.array([1, 0]), 99)
    windows = [maker().windows(r.question, [r.context])[0][0] for r in (rows[1], rows[0])]
    longest = max(map(len, windows))
    assert ids.shape == mask.shape == types.shape == (2, longest)
    for place, window in enumerate(windows):
        n = len(window)
        assert ids[place].tolist() == [*window.ids.tolist(), *[99] * (longest - n)]
        assert mask[place].tolist() == [1] * n + [0] * (longest - n)
        head = window.passage_start
        assert types[place].tolist() == [0] * head + [1] * (n - head) + [0] * (longest - n)
    assert start.tolist() == [0, windows[1].passage_start] and end.tolist() == start.tolist()
