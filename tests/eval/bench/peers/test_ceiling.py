"""What the reader does, counted in operations."""

from __future__ import annotations

from eval.bench.peers.ceiling import flops_a_token
from eval.bench.peers.systems import Models
from index.models import bert_graph


def test_operations_are_counted_by_the_book(models: Models) -> None:
    config = bert_graph.read_config(models.reader)
    # Layers x (4 projections of 32 x 32 and 2 of 32 x 64, twice, and 2 products of attention over 10 tokens, twice).
    assert flops_a_token(config, 10) == 2 * (2 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 2 * 10 * 32)
