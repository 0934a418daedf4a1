"""SQuAD 2.0 scores against hand-computed examples and a second implementation that shares no code with the first."""

from __future__ import annotations

import collections
import itertools
import re
import string
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.measures.squad import best_threshold, exact_match, f1, normalize_answer


def other_normal_form(text: str) -> list[str]:
    """Words by a walk over characters instead of regular expressions."""
    kept = [character for character in text.lower() if character not in string.punctuation]
    pieces = ["".join(run) for _, run in itertools.groupby(kept, key=lambda c: c.isalnum() or c == "_")]
    return "".join(" " if piece in {"a", "an", "the"} else piece for piece in pieces).split()


def other_f1(prediction: str, golds: list[str]) -> float:
    given_words = other_normal_form(prediction)
    candidates = [words for words in map(other_normal_form, golds) if words] or [[]]
    best = 0.0
    for gold_words in candidates:
        if not given_words or not gold_words:
            best = max(best, 1.0 if given_words == gold_words else 0.0)
            continue
        rest = list(gold_words)
        shared = 0
        for word in given_words:
            if word in rest:
                rest.remove(word)
                shared += 1
        best = max(best, 2 * shared / (len(given_words) + len(gold_words)))
    return best


def other_exact(prediction: str, golds: list[str]) -> float:
    candidates = [words for words in map(other_normal_form, golds) if words] or [[]]
    return 1.0 if other_normal_form(prediction) in candidates else 0.0


POOL = [
    "the",
    "a",
    "an",
    "The",
    "AN",
    "them",
    "a-b",
    "U.S.",
    "$5",
    "5",
    "ß",
    "İ",
    "“quoted”",
    "a\u0301",
    "_",
    "the_end",
    "x",
    "y",
    "x",
    "\u00a0",
    "\u3000",
    "—",
    "...",
    "10%",
    "東京",
    "Ⅷ",
    "a\u200bb",
    "\n",
    "e\u0301",
    "'s",
    "٣",
]
WORDS = st.sampled_from(POOL)
TEXTS = st.one_of(
    st.lists(WORDS, max_size=6).map(" ".join), st.lists(WORDS, max_size=6).map("".join), st.text(max_size=20)
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_agrees_with_a_second_implementation(prediction: str, golds: list[str]) -> None:
    assert normalize_answer(prediction).split() == other_normal_form(prediction)
    assert exact_match(prediction, golds) == other_exact(prediction, golds)
    assert f1(prediction, golds) == pytest.approx(other_f1(prediction, golds), abs=1e-12)


def by_the_script(prediction: str, golds: list[str]) -> tuple[float, float]:
    """Exact match and F1 in the steps of the published script, null cases included."""

    def normal(text: str) -> str:
        bare = "".join(character for character in text.lower() if character not in string.punctuation)
        return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", bare).split())

    def one_f1(gold: str) -> float:
        gold_tokens, given_tokens = normal(gold).split(), normal(prediction).split()
        same = sum((collections.Counter(gold_tokens) & collections.Counter(given_tokens)).values())
        if len(gold_tokens) == 0 or len(given_tokens) == 0:
            return float(gold_tokens == given_tokens)
        if same == 0:
            return 0.0
        precision, recall = 1.0 * same / len(given_tokens), 1.0 * same / len(gold_tokens)
        return (2 * precision * recall) / (precision + recall)

    compared = [gold for gold in golds if normal(gold)] or [""]
    return max(float(normal(gold) == normal(prediction)) for gold in compared), max(map(one_f1, compared))


def test_equals_the_script_on_ten_thousand_random_pairs() -> None:
    random = Random(2)
    vocabulary = [*POOL, *"abcxyzß東éİ .,'“”—\u0301\u200b\u00a0\n"]

    def text() -> str:
        words = random.choices(vocabulary, k=random.choice([0, 1, 1, 2, 3, 5, 8]))
        return random.choice(["", " "]).join(words)

    seen: collections.Counter[tuple[bool, bool]] = collections.Counter()
    for _ in range(10_000):
        golds = [text() for _ in range(random.choice([0, 0, 1, 1, 2, 3]))]
        # Half of the answers are made from a gold one, or hardly any would match.
        prediction = text() if not golds or random.random() < 0.5 else f"{random.choice(golds)} {text()}".strip()
        em, score = by_the_script(prediction, golds)
        assert (exact_match(prediction, golds), f1(prediction, golds)) == (em, score), (prediction, golds)
        seen[em == 1, 0 < score < 1] += 1
    # Right, partly right and wrong all occurred often.
    assert min(seen[True, False], seen[False, True], seen[False, False]) > 500


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_properties(prediction: str, golds: list[str]) -> None:
    score = f1(prediction, golds)
    assert 0 <= exact_match(prediction, golds) <= score <= 1
    assert f1(prediction, [*golds, prediction]) == 1 or not normalize_answer(prediction)
    assert normalize_answer(normalize_answer(prediction)) == normalize_answer(prediction)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Quick, Brown\tFox!", "quick brown fox"),
        ("a", ""),
        ("An apple a day", "apple day"),
        ("U.S.A.", "usa"),
        # Punctuation goes before articles: the article has become part of a word.
        ("the-end", "theend"),
        ("another theme", "another theme"),
        # Typographic marks are no ASCII punctuation and stay, but are word boundaries.
        ("“The End”", "“ end”"),
        ("10—the 20", "10— 20"),
        ("don't", "dont"),
        ("Straße", "straße"),
        ("\u3000東京\u00a0", "東京"),
        ("...", ""),
        ("", ""),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    ("prediction", "golds", "em", "score"),
    [
        ("August 9-14", ["August 9-14"], 1, 1),
        # august, 914 against from, august, 914: precision 1, recall 2/3.
        ("August 9-14", ["From August 9-14"], 0, 0.8),
        # One of three words, one of two: 2 * (1/3 * 1/2) / (5/6).
        ("red green blue", ["red black"], 0, 0.4),
        ("the Normans", ["Normans", "Vikings"], 1, 1),
        ("wrong", ["right", "also right"], 0, 0),
        # Repeated words count as often as both sides have them: 1 shared, 3 given, 2 gold.
        ("x x x", ["x y"], 0, 0.4),
        ("", [], 1, 1),
        ("anything", [], 0, 0),
        ("", ["something"], 0, 0),
        # A gold without words is dropped as long as another is left ...
        ("", ["the", "x"], 0, 0),
        # ... and else means no answer.
        ("", ["the"], 1, 1),
        ("the", [], 1, 1),
        ("the", [""], 1, 1),
    ],
)
def test_scores_computed_by_hand(prediction: str, golds: list[str], em: float, score: float) -> None:
    assert exact_match(prediction, golds) == em
    assert f1(prediction, golds) == pytest.approx(score)


def test_threshold_lets_in_the_sure_answers() -> None:
    # Nothing answered: 2 of 4. The two sure ones in: +1 +0.5; then an unanswerable one costs 1, the last brings 0.9.
    best = best_threshold([1.0, 0.5, 0.0, 0.9], [-3.0, -1.0, 0.5, 2.0], [True, True, False, False], [True] * 4)
    assert best == (3.5 / 4, -1.0)


def test_threshold_is_zero_when_answering_never_pays() -> None:
    assert best_threshold([0.0, 0.0], [-5.0, 3.0], [True, False], [True, True]) == (0.5, 0.0)


def test_threshold_an_empty_prediction_costs_nothing_on_an_unanswerable_question() -> None:
    assert best_threshold([1.0, 1.0], [0.2, 0.4], [False, True], [False, True]) == (1.0, 0.4)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_threshold_is_the_best_of_all_cuts(rows: list[tuple[float, bool, bool]], random: object) -> None:
    nulls = [float(number) for number in range(len(rows))]
    random.shuffle(nulls)  # type: ignore[attr-defined]
    scores, answerable, predicted = (list(column) for column in zip(*rows, strict=True))
    # A span without text on an unanswerable question is right.
    scores = [
        score if has_answer else float(not text)
        for score, has_answer, text in zip(scores, answerable, predicted, strict=True)
    ]

    def mean_at(cut: float) -> float:
        right = [
            score if null <= cut else float(not has_answer)
            for score, null, has_answer in zip(scores, nulls, answerable, strict=True)
        ]
        return sum(right) / len(right)

    best = best_threshold(scores, nulls, answerable, predicted)
    assert best.score == pytest.approx(max(map(mean_at, [-1.0, *nulls])))
    nothing = mean_at(-1.0)
    assert best.score == pytest.approx(mean_at(best.threshold)) or best == (nothing, 0.0)


@pytest.mark.parametrize(
    ("scores", "nulls"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [float("nan")])], ids=["none", "lengths", "nan"]
)
def test_threshold_refuses(scores: list[float], nulls: list[float]) -> None:
    with pytest.raises(ValueError):
        best_threshold(scores, nulls, [True] * len(scores), [True] * len(scores))
