"""Windows over hostile text: offsets that fit, nothing skipped, nothing too long."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from index.errors import ModelError
from index.models.embedder import bundled_model
from qa.reading.windows import MAX_CONTEXT_TOKENS, MAX_QUESTION_TOKENS, Window, WindowMaker, reads_headings

HOSTILE = [
    "e\u0301",
    "\u0301",
    "👨‍👩‍👧",
    "\u200d",
    "\r\n",
    "\r",
    "\ufeff",
    "\u202e",
    "שלום",
    "\u200b",
    "naïve",
    "İ",
    "ﬁ",
    "हिन्दी",
    "한국",
    "\u0000",
    "\u2028",
    "x" * 150,
    "�",
    "ß",
    "1,000.5",
    "don’t",
    "Ångström",
    "中文",
    "𝒜",
    "\t",
]
TEXT = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8), st.just(" ")), max_size=25).map("".join)
FEW = settings(max_examples=60, deadline=None)


@cache
def maker(max_length: int = 256, stride: int = 96) -> WindowMaker:
    return WindowMaker.from_folder(bundled_model(), max_length=max_length, stride=stride)


@cache
def tokenizer() -> Tokenizer:
    own = Tokenizer.from_file(str(bundled_model() / "tokenizer.json"))
    own.no_truncation()
    own.no_padding()
    return own


def passage_ids(window: Window) -> list[int]:
    return window.ids[window.passage_start : -1].tolist()


# Long enough for many windows.
LONG = st.tuples(TEXT, st.integers(1, 40)).map(lambda drawn: f"{drawn[0]} naïve words 1,000 " * drawn[1])


@pytest.mark.slow
@given(question=TEXT, passage=st.one_of(TEXT, LONG), max_length=st.integers(80, 120), stride=st.integers(0, 200))
@FEW
def test_windows_hold_every_token_with_sound_offsets(question: str, passage: str, max_length: int, stride: int) -> None:
    expected = tokenizer().encode(passage, add_special_tokens=False)
    (windows,) = maker(max_length, stride).windows(question, [passage])
    covered: list[tuple[int, int, int]] = []
    for window in windows:
        assert 0 < len(window) <= max_length
        assert len(window.starts) == len(window.ends) == len(window) - window.passage_start - 1 > 0
        assert (window.starts >= 0).all() and (window.ends <= len(passage)).all()
        assert (window.starts <= window.ends).all()
        assert (np.diff(window.starts) >= 0).all() and (np.diff(window.ends) >= 0).all()
        piece = list(zip(passage_ids(window), window.starts.tolist(), window.ends.tolist(), strict=True))
        room = max_length - window.passage_start - 1
        if covered:
            # The next window begins where the overlap says, and the whole of the last one was full.
            overlap = min(stride, room // 2)
            assert piece[:overlap] == covered[len(covered) - overlap :]
            piece = piece[overlap:]
        covered.extend(piece)
        assert len(window.starts) == room or window is windows[-1]
    assert covered == [(i, *o) for i, o in zip(expected.ids, expected.offsets, strict=True)]


@given(passage=TEXT)
@FEW
def test_the_frame_of_a_window(passage: str) -> None:
    cls, sep = (tokenizer().token_to_id(name) for name in ("[CLS]", "[SEP]"))
    question = tokenizer().encode("who was it?", add_special_tokens=False).ids
    for window in maker().windows("who was it?", [passage])[0]:
        assert window.ids[: window.passage_start].tolist() == [cls, *question, sep]
        assert window.ids[-1] == sep


def test_a_window_is_the_tokenizer_s_own_pair() -> None:
    pair = tokenizer().encode("Who wrote it?", "Ada Lovelace wrote it.")
    (window,) = maker().windows("Who wrote it?", ["Ada Lovelace wrote it."])[0]
    assert window.ids.tolist() == pair.ids
    assert [0] * window.passage_start + [1] * (len(window) - window.passage_start) == pair.type_ids


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("naïve café", ["naïve", "café"]),
        ("\ufeffhi", ["hi"]),
        ("a\r\nb", ["a", "b"]),
        ("\u202eabc def", ["abc", "def"]),
        ("a\u200bb c", ["a\u200bb", "c"]),
        ("中文", ["中", "文"]),
    ],
)
def test_offsets_point_at_the_words_as_they_stand(text: str, tokens: list[str]) -> None:
    (window,) = maker().windows("q", [text])[0]
    assert [text[a:b] for a, b in zip(window.starts, window.ends, strict=True)] == tokens


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("a b", [0, 0]),
        ("a\nb", [0, 0]),
        ("a\r\nb", [0, 0]),
        ("a\n\nb c", [0, 1, 1]),
        ("a\r\n \t\r\nb", [0, 1]),
        ("a\r\rb", [0, 1]),
    ],
)
def test_paragraphs_end_at_empty_lines(text: str, paragraphs: list[int]) -> None:
    (window,) = maker().windows("q", [text])[0]
    numbers = window.paragraphs - window.paragraphs[0]
    assert (numbers > 0).astype(int).tolist() == paragraphs


@pytest.mark.parametrize("passage", ["", " \r\n\t", "\u200d\ufeff", "\u0301"])
def test_a_passage_without_tokens_has_no_windows(passage: str) -> None:
    assert maker().windows("who?", ["one", passage, "two"])[1] == []


def test_no_passages() -> None:
    assert maker().windows("who?", []) == []


@given(passages=st.lists(TEXT, min_size=1, max_size=3), context=TEXT)
@FEW
def test_a_context_stands_between_question_and_passage(passages: list[str], context: str) -> None:
    cls, sep = (tokenizer().token_to_id(name) for name in ("[CLS]", "[SEP]"))
    question, shown = (tokenizer().encode(text, add_special_tokens=False).ids for text in ("who?", context))
    plain = maker().windows("who?", passages)
    found = maker().windows("who?", passages, [context] * len(passages))
    for passage, windows, without in zip(passages, found, plain, strict=True):
        covered = {}
        for window in windows:
            head = window.ids[: window.passage_start].tolist()
            begun = [cls, *question, sep]
            assert head[: len(begun)] == begun and head[-1] == window.ids[-1] == sep
            if len(shown) <= MAX_CONTEXT_TOKENS:
                assert head[len(begun) :] == [*shown, sep] * bool(shown)
            assert len(window) <= 256
            covered |= {
                (start, end): token
                for start, end, token in zip(window.starts, window.ends, passage_ids(window), strict=True)
            }
        # Offsets are those of the passage alone, whatever stands before it.
        assert covered == {
            (start, end): token
            for window in without
            for start, end, token in zip(window.starts, window.ends, passage_ids(window), strict=True)
        }
        assert all(0 <= start <= end <= len(passage) for start, end in covered)


def test_a_passage_without_context_is_read_as_before() -> None:
    (bare,), (empty,) = maker().windows("who?", ["Ada"]), maker().windows("who?", ["Ada"], [""])
    (paired,) = maker().paired(["who?"], ["Ada"], [""])
    assert bare[0].ids.tolist() == empty[0].ids.tolist() == paired[0].ids.tolist()


def test_each_passage_has_its_own_context() -> None:
    texts, contexts = ["first", "second", "third"], ["one title", "", "another > heading"]
    together = maker().windows("what?", texts, contexts)
    paired = maker().paired(["what?"] * 3, texts, contexts)
    for text, context, *both in zip(texts, contexts, together, paired, strict=True):
        (alone,) = maker().windows("what?", [text], [context])
        for windows in both:
            assert [window.ids.tolist() for window in windows] == [window.ids.tolist() for window in alone]


def test_a_long_context_keeps_the_title_and_the_nearest_heading() -> None:
    context = f"The title > {'between ' * 100}> the nearest heading"
    (window,) = maker().windows("q", ["short passage"], [context])[0]
    shown = tokenizer().decode(window.ids[3 : window.passage_start - 1].tolist())
    assert window.passage_start == 1 + 1 + 1 + MAX_CONTEXT_TOKENS + 1
    assert shown.startswith("the title > between") and shown.endswith("between > the nearest heading")


def test_a_context_leaves_the_passage_its_room() -> None:
    for window in maker(32, 8).windows("word " * 99, ["more " * 99], ["title " * 99])[0]:
        assert len(window) <= 32 and len(window.starts) >= 5


@pytest.mark.parametrize(
    ("config", "reads"),
    [('{"spanqa_headings": true}', True), ('{"spanqa_headings": false}', False), ("{}", False), ("[]", False)],
)
def test_a_folder_says_whether_it_reads_headings(tmp_path: Path, config: str, reads: bool) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    assert reads_headings(tmp_path) is reads


def test_a_folder_whose_configuration_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        reads_headings(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        reads_headings(tmp_path)


def test_a_long_question_is_cut() -> None:
    (window,) = maker().windows("word " * 500, ["short passage"])[0]
    assert window.passage_start == 1 + MAX_QUESTION_TOKENS + 1
    assert len(window.starts) == 2


def test_a_very_long_line_without_spaces() -> None:
    text = "1.2" * 3000
    windows = maker().windows("q", [text])[0]
    assert windows[0].starts[0] == 0 and windows[-1].ends[-1] == len(text)
    for before, after in itertools.pairwise(windows):
        assert after.starts[0] <= before.ends[-1]


def test_passages_are_independent_of_each_other() -> None:
    texts = ["first passage", "the second " * 200, "", "third"]
    together = maker().windows("what?", texts)
    for text, windows in zip(texts, together, strict=True):
        (alone,) = maker().windows("what?", [text])
        assert [w.ids.tolist() for w in windows] == [w.ids.tolist() for w in alone]


def test_a_stride_larger_than_the_window_still_moves_on() -> None:
    windows = maker(80, 10_000).windows("q", ["word " * 300])[0]
    assert all(after.starts[0] > before.starts[0] for before, after in itertools.pairwise(windows))


def test_the_shortest_window_of_a_recipe_with_a_long_question() -> None:
    windows = maker(32, 8).windows("word " * 100, ["hello world " * 20])[0]
    assert max(len(window) for window in windows) <= 32
    assert all(len(window.starts) for window in windows)


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        WindowMaker.from_folder(tmp_path)


def test_a_tokenizer_without_special_tokens() -> None:
    from tokenizers.models import WordLevel

    with pytest.raises(ModelError, match="no special tokens around"):
        WindowMaker(Tokenizer(WordLevel({"a": 0}, unk_token="a")))


def test_a_vocabulary_that_holds_another_familys_special_tokens() -> None:
    """MPNet's has [CLS] and [SEP] as plain words: the frame must be the tokenizer's own."""
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import RobertaProcessing

    words = {name: number for number, name in enumerate(["<s>", "</s>", "[CLS]", "[SEP]", "who", "me", "?"])}
    own = Tokenizer(WordLevel(words, unk_token="?"))
    own.pre_tokenizer = Whitespace()
    own.post_processor = RobertaProcessing(("</s>", 1), ("<s>", 0))
    window = WindowMaker(own, max_length=32).windows("who ?", ["me me"])[0][0]
    assert window.ids.tolist() == [0, 4, 6, 1, 1, 5, 5, 1]
    assert window.passage_start == 5
