"""What every reader must do, with a tiny model on both runtimes; and the bundled one, which they must read alike."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from index.errors import ModelError
from index.models import hardware, openvino
from qa.reading.reader import Reader, open_reader, openvino_reader, torch_reader
from qa.reading.spans import Span

MakeBert = Callable[..., Path]
QUESTIONS = ["When do the drills run?", "Who built the engine?", "Où est-il?"]
PASSAGES = [
    ["The drills run from August 9 to 13 in Ningxia.", "", "Ünïcödé 🛰 first.\r\nCharles built it in 1843."],
    ["The engine was built by Charles Babbage. " * 12],
    ["Il est à Genève, près du lac\u0301.", "\u200b", "x" * 900],
]


@pytest.fixture(scope="module")
def folder(tiny_bert: MakeBert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("reader"), head=True)


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """In fp32 both runtimes must agree to the last digits that matter."""
    monkeypatch.setattr(hardware, "precision", lambda: "f32")
    monkeypatch.setattr(hardware, "fast_matrix_products", lambda: False)


@pytest.fixture(params=[openvino_reader, torch_reader])
def reader(request: pytest.FixtureRequest, folder: Path) -> Reader:
    made: Reader = request.param(str(folder), max_length=64, stride=16)
    return made


def places(found: list[list[list[Span]]]) -> list[list[list[tuple[int, int]]]]:
    return [[[(span.start, span.end) for span in spans] for spans in own] for own in found]


def margins(found: list[list[list[Span]]]) -> list[float]:
    return [span.margin for own in found for spans in own for span in spans]


class TestEveryBackend:
    def test_spans_of_every_passage_best_first(self, reader: Reader) -> None:
        found = reader.read(QUESTIONS, PASSAGES)
        assert [[bool(spans) for spans in own] for own in found] == [[True, False, True], [True], [True, False, True]]
        for texts, own in zip(PASSAGES, found, strict=True):
            for text, spans in zip(texts, own, strict=True):
                assert all(0 <= span.start < span.end <= len(text) for span in spans)
                assert [span.margin for span in spans] == sorted((span.margin for span in spans), reverse=True)

    def test_company_and_order_do_not_matter(self, reader: Reader) -> None:
        together = reader.read(QUESTIONS, PASSAGES)
        alone = [reader.read([question], [own])[0] for question, own in zip(QUESTIONS, PASSAGES, strict=True)]
        assert places(alone) == places(together)
        assert margins(alone) == pytest.approx(margins(together), abs=1e-3)

    def test_nothing_to_read(self, reader: Reader) -> None:
        assert reader.read([], []) == []
        assert reader.read(["q?"], [["", "\u200d"]]) == [[[], []]]

    def test_identity(self, reader: Reader, folder: Path) -> None:
        assert reader.name == str(folder)
        assert len(reader.sha256) == 64


def test_both_runtimes_find_the_same_spans(folder: Path) -> None:
    one, other = (
        kind(str(folder), max_length=64, stride=16).read(QUESTIONS, PASSAGES)
        for kind in (openvino_reader, torch_reader)
    )
    assert places(one) == places(other)
    assert margins(one) == pytest.approx(margins(other), abs=1e-3)


def test_both_runtimes_read_the_bundled_model_alike() -> None:
    text = (Path(__file__).parents[3] / "seeds" / "000_a47247f0e3dcde29.txt").read_text(encoding="utf-8")
    passages = [[text[begin : begin + 900] for begin in range(0, 5400, 900)]]
    one, other = (kind().read(["When do the drills run?"], passages) for kind in (openvino_reader, torch_reader))
    assert [spans[0] for spans in places(one)[0]] == [spans[0] for spans in places(other)[0]]
    assert [spans[0].margin for spans in one[0]] == pytest.approx([spans[0].margin for spans in other[0]], abs=1e-2)


def test_the_precision_of_the_machine_is_close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    shipped = openvino_reader().read(["When do the drills run?"], [["The drills run from August 9 to 13."]])
    exact = torch_reader()
    monkeypatch.setattr(hardware, "fast_matrix_products", lambda: False)
    expected = exact.read(["When do the drills run?"], [["The drills run from August 9 to 13."]])
    assert places(shipped)[0][0][0] == places(expected)[0][0][0]
    assert shipped[0][0][0].margin == pytest.approx(expected[0][0][0].margin, abs=0.3)


def test_the_runtime_is_chosen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_reader().runtime == "openvino"
    assert open_reader(str(folder), "torch").runtime == "torch"
    monkeypatch.setenv("QA_RUNTIME", "torch")
    assert open_reader().runtime == "torch"


def test_another_architecture_is_left_to_torch(tiny_bert: MakeBert, tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path, head=True)
    stated = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(stated | {"model_type": "roberta"}))
    assert open_reader(str(folder)).runtime == "torch"
    with pytest.raises(ModelError, match="of type 'roberta'"):
        open_reader(str(folder), "openvino")
    with pytest.raises(ModelError, match="cannot be run by OpenVINO"):
        openvino_reader(str(folder))


def test_torch_takes_over_where_openvino_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = openvino_reader(str(folder)).read(QUESTIONS, PASSAGES)

    def fails(*_arguments: object, **_more: object) -> None:
        raise ModelError("no such instruction")

    monkeypatch.setattr(openvino, "load", fails)
    with caplog.at_level(logging.WARNING):
        shipped = open_reader(str(folder))
        found = shipped.read(QUESTIONS, PASSAGES)
    assert shipped.runtime == "torch"
    assert places(found) == places(expected)
    assert "no such instruction" in caplog.text
    with pytest.raises(ModelError, match="no such instruction"):
        open_reader(str(folder), "openvino").read(QUESTIONS, PASSAGES)
