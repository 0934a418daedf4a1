"""A store that was built from copies is a store like any other, and is not built twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eval.bench.scale.building import build
from eval.bench.scale.copies import Copies
from index.store.store import Store


def test_a_built_store_is_a_store_like_any_other(towns: Any, tmp_path: Path) -> None:
    copies, _ = Copies.of_store(towns.source.catalogue, [])
    built = build(tmp_path / "store", towns.source.embedder, copies, 250, lambda done, of: None)
    assert built.written == 250 and built.disk_bytes > 250 * 4 * copies.dimensions
    store = Store(tmp_path / "store", towns.source.embedder, create=False)
    assert store.catalogue.counts() == (7, 250)
    texts = [text for number in range(3) for text in copies.chunk(number, towns.rows).texts][:250]
    ids = store.catalogue.passage_ids([record.id for record in store.catalogue.records()]).tolist()
    assert ids == list(range(1, 251))
    assert [store.catalogue.snapshot([number]).passages[number].text for number in ids[::60]] == texts[::60]
    # Built already: nothing is done again.
    assert build(tmp_path / "store", towns.source.embedder, copies, 250, lambda done, of: None) == built
