"""Choosing the weights of retrieval by what they come to."""

from __future__ import annotations

from harbours import gold_set

from eval.calibration.tuning import tune_fusion
from index.store.store import Store


def test_hit_rates_of_both_lists_and_every_fusion_are_given(harbour_store: Store) -> None:
    weights, rates = tune_fusion(harbour_store, gold_set(), k=5)
    assert {name for name in rates if name.startswith(("dense", "lexical"))} == {
        f"{name} @{k}" for name in ("dense", "lexical") for k in (1, 5)
    }
    assert all(0 <= rate <= 1 for rate in rates.values())
    assert rates[f"fused {weights.dense:g}:{weights.lexical:g} @5"] == max(
        rate for name, rate in rates.items() if name.startswith("fused") and name.endswith("@5")
    )
