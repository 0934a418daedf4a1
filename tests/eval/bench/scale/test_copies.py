"""Copies of passages: any part of them is made alone, and each is near to its original without being it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eval.bench.scale.copies import Copies


def test_any_part_of_the_copies_is_made_alone(towns: Any) -> None:
    first = towns.source.catalogue.passage_ids([towns.source.catalogue.records()[3].id]).tolist()
    copies, rows = Copies.of_store(towns.source.catalogue, first)
    assert copies.originals == len(towns.gold) and rows == {first[0]: 0}
    begin, later = copies.chunk(0, towns.rows), copies.chunk(1, 7)
    again = Copies.of_store(towns.source.catalogue, first)[0].chunk(1, 7)
    assert later.texts == again.texts and np.array_equal(later.vectors, again.vectors)
    assert np.array_equal(copies.vectors(0, 30), begin.vectors[:30])
    originals = begin.vectors[: copies.originals]
    stored = next(iter(towns.source.catalogue.changes_since(0).added))
    assert {tuple(row) for row in originals.tolist()} == {tuple(row) for row in stored[1].tolist()}
    assert set(begin.texts[: copies.originals]) == {passage.text for passage in stored[2]}
    # Copies: of unit length, near to their original but not the same, most of its words and some of others.
    for row in range(copies.originals, towns.rows):
        base = row % copies.originals
        assert np.linalg.norm(begin.vectors[row]) == pytest.approx(1, abs=1e-5)
        assert 0.7 < float(begin.vectors[row] @ originals[base]) < 0.98
        kept = [one == other for one, other in zip(begin.texts[row].split(), begin.texts[base].split(), strict=True)]
        assert sum(kept) >= len(kept) - 2
    assert len({*begin.texts}) > 0.9 * towns.rows
