"""Measures of retrieval, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from judged import read, result, value

from eval.measures.names import parse_measure

approx: Any = pytest.approx


def test_retrieval_by_hand() -> None:
    results = [
        result(**read(1)),
        result(**read(3)),
        result(**read()),
        # Both of two relevant passages, second and third.
        result(**read(2, 3, relevant=2)),
        result(status="failed", retrieval_judged=True),
        result(answerable=False),
    ]
    assert value("HitRate@1", *results) == approx(1 / 5)
    assert value("HitRate@2", *results) == approx(2 / 5)
    assert value("HitRate@10", *results) == approx(3 / 5)
    assert value("MRR@10", *results) == approx((1 + 1 / 3 + 1 / 2) / 5)
    assert value("MRR@2", *results) == approx((1 + 1 / 2) / 5)
    # Gain 1 a relevant passage, discounted by log2(rank + 1), by the best that could be.
    ideal = 1 + 1 / math.log2(3)
    ndcg = (1 + 1 / math.log2(4) + (1 / math.log2(3) + 1 / math.log2(4)) / ideal) / 5
    assert value("nDCG@10", *results) == approx(ndcg)
    assert parse_measure("HitRate@2").contributions(results) == [1, 0, 0, 1, 0, None]
    assert parse_measure("HitRate@2").over(results) == 5


def test_a_gold_document_that_is_not_stored_is_a_miss() -> None:
    nowhere = result(**(read(1) | {"place": None}))
    assert value("HitRate@10", nowhere) == 0 and value("nDCG@10", nowhere) == 0
