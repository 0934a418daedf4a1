"""A part of a gold set, drawn so that everybody who names the seed gets the same questions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from eval.gold.questions import GoldQuestion


def draw(gold: Sequence[GoldQuestion], limit: int | None, seed: int = 13) -> list[GoldQuestion]:
    """At most `limit` questions, by a seeded draw, in their own order."""
    if limit is None or limit >= len(gold):
        return list(gold)
    chosen = sorted(random.Random(seed).sample(range(len(gold)), limit))
    return [gold[number] for number in chosen]
