"""Exact match and token F1 as the SQuAD 2.0 evaluation script defines them.

Source of every rule: Rajpurkar, Jia, Liang, "Know What You Don't Know: Unanswerable Questions for SQuAD", ACL 2018,
and the `evaluate-v2.0.py` published with it. The script prints percentages; here every score lies in 0..1.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def normalize_answer(text: str) -> str:
    """The form in which answers are compared: lower case, without punctuation and articles, single spaces.

    Only the 32 ASCII characters of `string.punctuation` count as punctuation, so typographic quotes and dashes stay.
    """
    # The order is part of the definition: punctuation goes first, so "the-end" is one word and keeps its "the".
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def usable_golds(golds: Sequence[str]) -> list[str]:
    """The gold texts that are compared: those with a non-empty normal form; `[""]` (no answer) when none is left."""
    return [gold for gold in golds if normalize_answer(gold)] or [""]


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """1.0 when the prediction equals some gold text in normal form, else 0.0.

    `prediction` "" means that no answer was given; `golds` empty means that there is none.
    """
    given = normalize_answer(prediction)
    return float(any(given == normalize_answer(gold) for gold in usable_golds(golds)))


def f1(prediction: str, golds: Sequence[str]) -> float:
    """The best token F1, 0..1, of the prediction against any gold text: bags of normalised words.

    Where either side has no words the score is 1.0 if both have none, else 0.0: the rule for unanswerable questions.
    """
    given = normalize_answer(prediction).split()
    return max(_token_f1(given, normalize_answer(gold).split()) for gold in usable_golds(golds))


def _token_f1(given: list[str], gold: list[str]) -> float:
    if not given or not gold:
        return float(given == gold)
    shared = sum((Counter(given) & Counter(gold)).values())
    if shared == 0:
        return 0.0
    # Through precision and recall, as the script does it, so that even the last bit agrees.
    precision, recall = shared / len(given), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


class BestThreshold(NamedTuple):
    """`score`: the highest mean score, 0..1; `threshold`: answer where the null score is at most this."""

    score: float
    threshold: float


def best_threshold(
    scores: Sequence[float], null_scores: Sequence[float], answerable: Sequence[bool], predicted: Sequence[bool]
) -> BestThreshold:
    """The null-score threshold that gives the best mean score, as `find_best_thresh` of the script finds it.

    All four have one entry per question, (n,): `scores` 0..1, exact match or F1 of the span given whatever the null
    score; `null_scores`, any scale, higher meaning rather no answer; `answerable` by the gold; `predicted`, whether the
    span has any text. Raises ValueError for no question, unequal lengths or a null score that is not a number.

    Two properties of the script are kept: when answering nothing is best the threshold is 0.0 on whatever scale, and
    questions with the same null score are let in one at a time, in the order given, so that `score` may stand for a
    cut inside a tie. Chosen on the very questions that it scores, the result is an upper bound, not an estimate.
    """
    count = len(scores)
    if count == 0:
        raise ValueError("no question to choose a threshold on")
    if not len(null_scores) == len(answerable) == len(predicted) == count:
        raise ValueError("scores, null_scores, answerable and predicted differ in length")
    if any(math.isnan(value) for value in null_scores):
        raise ValueError("a null score is not a number")
    # Answer nothing at first: every unanswerable question is right and no other.
    total: float = sum(1 for has_answer in answerable if not has_answer)
    best, threshold = total, 0.0
    for index in sorted(range(count), key=null_scores.__getitem__):
        if answerable[index]:
            total += scores[index]
        elif predicted[index]:
            total -= 1
        if total > best:
            best, threshold = total, null_scores[index]
    return BestThreshold(best / count, threshold)
