"""The benchmark of growth, with models that need no weights: what stores are made of, what is measured, going on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import eval.bench.scale.bench
import eval.bench.scale.building
import eval.bench.scale.copies
from eval.bench.scale.bench import Curve, Point, bars, bench
from eval.bench.scale.building import build
from eval.bench.scale.copies import Copies
from eval.bench.scale.report import PLOT, plot, print_curve, require_plotting
from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.run import GoldRef
from index.documents import Document
from index.errors import InputError
from index.models.embedder import open_embedder
from index.store.store import Store

TOWNS = [
    f"{first}{last}" for first in ("Lin", "Bor", "San", "Vik", "Hol") for last in ("dal", "gard", "by", "ness", "um")
]
# As many as whole documents have.
ROWS = 120


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (eval.scale.copies, eval.scale.building, eval.scale.bench):
        monkeypatch.setattr(module, "CHUNK_ROWS", ROWS)


@dataclass
class Bench:
    """A store of a town each, a question about each, and tiny models; `run` measures."""

    folder: Path
    embedder: Path
    reader: Path
    source: Store
    gold: list[GoldQuestion]

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
            "sizes": sizes, "work": self.folder / "work", "reader": str(self.reader), "embedder": str(self.embedder),
            "watch": watch, "say": lambda text: None,
        }  # fmt: skip
        gold = changes.pop("gold", self.gold)
        ref = GoldRef(name="gold.jsonl", sha256=changes.pop("sha256", "0" * 64), questions=len(gold))
        return bench(self.source, gold, self.folder / "gold.jsonl", ref, **(usual | changes))


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


@pytest.mark.slow
def test_any_part_of_the_copies_is_made_alone(towns: Bench) -> None:
    first = towns.source.catalogue.passage_ids([towns.source.catalogue.records()[3].id]).tolist()
    copies, rows = Copies.of_store(towns.source.catalogue, first)
    assert copies.originals == len(TOWNS) and rows == {first[0]: 0}
    begin, later = copies.chunk(0, ROWS), copies.chunk(1, 7)
    again = Copies.of_store(towns.source.catalogue, first)[0].chunk(1, 7)
    assert later.texts == again.texts and np.array_equal(later.vectors, again.vectors)
    assert np.array_equal(copies.vectors(0, 30), begin.vectors[:30])
    originals = begin.vectors[: copies.originals]
    stored = next(iter(towns.source.catalogue.changes_since(0).added))
    assert {tuple(row) for row in originals.tolist()} == {tuple(row) for row in stored[1].tolist()}
    assert set(begin.texts[: copies.originals]) == {passage.text for passage in stored[2]}
    # Copies: of unit length, near to their original but not the same, most of its words and some of others.
    for row in range(copies.originals, ROWS):
        base = row % copies.originals
        assert np.linalg.norm(begin.vectors[row]) == pytest.approx(1, abs=1e-5)
        assert 0.7 < float(begin.vectors[row] @ originals[base]) < 0.98
        kept = [one == other for one, other in zip(begin.texts[row].split(), begin.texts[base].split(), strict=True)]
        assert sum(kept) >= len(kept) - 2
    assert len({*begin.texts}) > 0.9 * ROWS


def test_a_flat_store_finds_what_exact_search_finds(towns: Bench) -> None:
    curve = towns.run(200, 400, work=towns.folder / "whole")
    assert [point.size for point in curve.points] == [200, 400]
    for point in curve.points:
        assert point.nearest_found > 0.99
        assert point.hit_rate == pytest.approx(point.exact_hit_rate, abs=0.05)
        assert point.dense_hit_rate == pytest.approx(point.exact_dense_hit_rate, abs=0.05)
        assert 0 < point.p50_ms <= point.p95_ms and point.rate > 0 and point.resident_bytes > 10**7
    # Every question's own passage is in the smallest store, and words find it.
    assert curve.points[0].hit_rate > 0.8
    assert {bar.name for bar in curve.bars} == {"hit rate lost to exact search", "resident bytes", "seconds to open"}
    assert {path.name for path in (towns.folder / "whole").iterdir()} == {"scale.json", "CACHEDIR.TAG"}


def test_an_interrupted_benchmark_goes_on(towns: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    work = towns.folder / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        towns.run(200, 450, work=work, stop_at="building 450")
    assert [point["size"] for point in json.loads((work / "scale.json").read_text())["points"]] == [200]
    written: list[int] = []
    write = eval.scale.building._write
    monkeypatch.setattr(
        eval.scale.building, "_write", lambda store, chunk: (written.append(chunk.begin), write(store, chunk))
    )
    curve = towns.run(200, 450, work=work)
    # What was written is not written again, what was measured is not measured again.
    assert written and written[0] >= ROWS and written[-1] == 360
    assert towns.steps[1:] == ["building 450", "searching 450", "comparing 450"]
    assert [point.size for point in curve.points] == [200, 450]
    assert curve.points[1].nearest_found > 0.99
    again = towns.run(450, work=work)
    assert towns.steps[1:] == [] and again.points == curve.points[1:]
    with pytest.raises(InputError, match="of another benchmark"):
        towns.run(450, work=work, sha256="1" * 64)
    (work / "scale.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        towns.run(450, work=work)


def test_what_cannot_be_measured_is_refused(towns: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="0 of 25 questions have an answer with a known place"):
        towns.run(200, gold=[question.model_copy(update={"document": "none.txt"}) for question in towns.gold])
    with pytest.raises(InputError, match="a size must be at least 200"):
        towns.run(100)
    usage = shutil.disk_usage(towns.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"--work.*--sizes"):
        towns.run(200, work=towns.folder / "full")


def test_a_built_store_is_a_store_like_any_other(towns: Bench, tmp_path: Path) -> None:
    copies, _ = Copies.of_store(towns.source.catalogue, [])
    built = build(tmp_path / "store", towns.source.embedder, copies, 250, lambda done, of: None)
    assert built.written == 250 and built.disk_bytes > 250 * 4 * copies.dimensions
    store = Store(tmp_path / "store", towns.source.embedder, create=False)
    assert store.catalogue.counts() == (7, 250)
    texts = [text for number in range(3) for text in copies.chunk(number, ROWS).texts][:250]
    ids = store.catalogue.passage_ids([record.id for record in store.catalogue.records()]).tolist()
    assert ids == list(range(1, 251))
    assert [store.catalogue.snapshot([number]).passages[number].text for number in ids[::60]] == texts[::60]
    # Built already: nothing is done again.
    assert build(tmp_path / "store", towns.source.embedder, copies, 250, lambda done, of: None) == built


def point(size: int, **changes: Any) -> Point:
    usual: dict[str, Any] = {
        "p50_ms": 5.0, "p95_ms": 9.0, "first_ms": 12.0, "hit_rate": 0.9, "exact_hit_rate": 0.905, "dense_hit_rate": 0.8,
        "exact_dense_hit_rate": 0.8, "nearest_found": 0.99, "resident_bytes": 4 * 10**8, "opened_s": 0.1,
        "rate": 3000.0, "write_s": 1.0, "index_s": 2.0, "disk_bytes": 10**8,
    }  # fmt: skip
    return Point(size=size, **(usual | changes))


def test_what_is_asked_of_the_curve() -> None:
    held = bars([point(1_000), point(10_000), point(1_000_000, p50_ms=14.9)])
    assert [bar.holds for bar in held] == [True] * 4 and held[0].value == pytest.approx(2.98)
    broken = bars([
        point(10_000), point(10**6, p50_ms=15.1, hit_rate=0.89, resident_bytes=1_600_000_000, opened_s=2.1),
    ])  # fmt: skip
    assert [bar.holds for bar in broken] == [False] * 4
    assert len(bars([point(10_000)])) == 3


def test_the_curve_is_printed_and_drawn(towns: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve = towns.run(200, work=towns.folder / "whole")
    print_curve(curve, Console(width=80))
    out = capsys.readouterr().out
    assert "200" in out and "holds: seconds to open" in out and "…" not in out
    for name in ("curve.png", "curve.svg"):
        drawn = plot(curve, Path(name).suffix)
        assert len(drawn) > 1000 and PLOT.former(drawn)
    with pytest.raises(InputError, match=r"ends in \.png"):
        require_plotting(tmp_path / "curve.txt")
