"""Engines over a store whose reader needs no weights."""

from __future__ import annotations

from fakes.readers import CodeReader
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import FEATURES, Calibration


def margin_calibration(reader_sha256: str = "f" * 64, embedder_sha256: str = "e" * 64) -> Calibration:
    """Confidence that is the logistic function of the margin alone, answered from one half."""
    return Calibration(
        features=FEATURES,
        mean=(0.0,) * len(FEATURES),
        scale=(1.0,) * len(FEATURES),
        weights=(1.0, *(0.0,) * (len(FEATURES) - 1)),
        bias=0.0,
        threshold=0.5,
        reader_sha256=reader_sha256,
        embedder_sha256=embedder_sha256,
        fitted_on="nothing",
    )


def engine_of(store: Store) -> Engine:
    """An engine that believes whatever the reader of codes finds."""
    return Engine(store, CodeReader(), margin_calibration(CodeReader.sha256, store.embedder.sha256))
