"""A store of a few towns and models that need no weights, for the benchmark of growth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import eval.bench.scale.building
import eval.bench.scale.copies
import eval.bench.scale.curve
from eval.bench.scale.curve import Curve, measure_curve
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.run import GoldRef
from index.documents import Document
from index.models.embedder import open_embedder
from index.store.store import Store

TOWNS = [
    f"{first}{last}" for first in ("Lin", "Bor", "San", "Vik", "Hol") for last in ("dal", "gard", "by", "ness", "um")
]
# As many as whole documents have.
ROWS = 120


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (eval.bench.scale.copies, eval.bench.scale.building, eval.bench.scale.curve):
        monkeypatch.setattr(module, "CHUNK_ROWS", ROWS)


@dataclass
class Bench:
    """A store of a town each, a question about each, and tiny models; `run` measures, in chunks of so many `rows`."""

    folder: Path
    embedder: Path
    reader: Path
    source: Store
    gold: list[GoldQuestion]
    rows: int = ROWS

    def run(self, *sizes: int, stop_at: str | None = None, **changes: Any) -> Curve:
        steps: list[str] = []

        @contextmanager
        def watch(name: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
            steps.append(name)

            def advance(done: int, of: int) -> None:
                if name == stop_at and done >= ROWS:
                    raise KeyboardInterrupt

            yield advance

        self.steps = steps
        usual: dict[str, Any] = {
            "sizes": sizes,
            "work": self.folder / "work",
            "reader": str(self.reader),
            "embedder": str(self.embedder),
            "watch": watch,
            "say": lambda text: None,
        }
        gold = changes.pop("gold", self.gold)
        ref = GoldRef(name="gold.jsonl", sha256=changes.pop("sha256", "0" * 64), questions=len(gold))
        return measure_curve(self.source, gold, self.folder / "gold.jsonl", ref, **(usual | changes))


@pytest.fixture(scope="module")
def towns(tiny_bert: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("scale")
    embedder, reader = tiny_bert(folder / "embedder"), tiny_bert(folder / "reader", head=True)
    source = Store(folder / "source", open_embedder(str(embedder)))
    gold = []
    for number, town in enumerate(TOWNS):
        text = f"The harbour of {town} opened in {1800 + number} after nine years of work. It froze every winter."
        uri = (folder / f"{town}.txt").as_uri()
        source.put(Document(uri=uri, title=town, text=text))
        start = text.index("18")
        answer = GoldAnswer(text=text[start : start + 4], start=start, end=start + 4)
        gold.append(GoldQuestion(id=town, question=f"When did {town} open?", document=f"{town}.txt", answers=(answer,)))
    return Bench(folder, embedder, reader, source, gold)
