"""The reader's bookkeeping, with logits made from token ids instead of a model."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from index.errors import ModelError
from index.models.embedder import bundled_model
from qa.reading import reader as readers
from qa.reading import torch as torch_models
from qa.reading.folder import ReaderFolder
from qa.reading.reader import WindowReader, torch_reader
from qa.reading.spans import SPANS_PER_WINDOW, Span
from qa.reading.torch import TorchModel
from qa.reading.windows import Window


class MarkModel(TorchModel):
    """Scores every token by its id, wherever and in whatever batch it stands."""

    def __init__(self, folder: ReaderFolder) -> None:
        super().__init__(folder)
        self.batches: list[list[int]] = []

    def _logits(self, windows: list[Window]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.batches.append([len(window) for window in windows])
        longest = max(len(window) for window in windows)
        # What lies beyond a window's own tokens must never be looked at.
        logits = np.full((len(windows), longest), 1e6, dtype=np.float32)
        for row, window in enumerate(windows):
            logits[row, : len(window)] = window.ids / 1000.0
        return logits, logits


class MarkReader(WindowReader):
    """Reads with a `MarkModel`."""

    def __init__(
        self, path: Path, kind: type[MarkModel] = MarkModel, *, max_length: int = 64, stride: int = 16
    ) -> None:
        folder = ReaderFolder(str(path), path)
        model = kind(folder)
        super().__init__(folder, model, max_length=max_length, stride=stride)
        self.batches = model.batches


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("reader")
    shutil.copyfile(bundled_model() / "tokenizer.json", made / "tokenizer.json")
    return made


@pytest.fixture
def reader(folder: Path) -> MarkReader:
    return MarkReader(folder)


def words(text: str, spans: list[Span]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def test_every_passage_gets_its_own_spans(reader: MarkReader) -> None:
    questions = ["one?", "two?"]
    passages = [["tower", "bridge of steel"], ["river", "", "lake"]]
    found = reader.read(questions, passages)
    best = [
        [words(text, spans)[:1] for text, spans in zip(*pair, strict=True)]
        for pair in zip(passages, found, strict=True)
    ]
    assert best == [[["tower"], ["steel"]], [["river"], [], ["lake"]]]


def test_best_first_and_each_span_once_over_overlapping_windows(reader: MarkReader) -> None:
    text = " ".join(f"w{n}" for n in range(150))
    cut = reader._windows.windows("q", [text])[0]
    assert len(cut) > 3
    ((spans,),) = reader.read(["q"], [[text]])
    assert len({(span.start, span.end) for span in spans}) == len(spans) == 2 * SPANS_PER_WINDOW
    assert [span.margin for span in spans] == sorted((span.margin for span in spans), reverse=True)
    # The best word of all stands in the passage's third window.
    number = max(range(150), key=lambda n: max(reader._windows.windows("q", [f"w{n}"])[0][0].ids[3:-1]))
    assert f"w{number}".endswith(words(text, spans)[0])


class PlaceModel(MarkModel):
    """Scores `answer` alone, and better in windows that begin later: the same span has another margin in each."""

    def _logits(self, windows: list[Window]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        longest = max(len(window) for window in windows)
        logits = np.full((len(windows), longest), -np.inf, dtype=np.float32)
        logits[:, 0] = 0.0
        for row, window in enumerate(windows):
            tokenizer = Tokenizer.from_file(str(self._folder.path / "tokenizer.json"))
            logits[row, np.flatnonzero(window.ids == tokenizer.token_to_id("answer"))] = 1 + window.starts[0] / 1000
        return logits, logits


def test_a_span_of_two_windows_keeps_its_best_margin(folder: Path) -> None:
    reader = MarkReader(folder, PlaceModel, max_length=32, stride=12)
    text = "word " * 17 + "answer" + " word" * 30
    cut = reader._windows.windows("q", [text])[0]
    at = text.index("answer")
    holding = [int(window.starts[0]) for window in cut if window.starts[0] <= at < window.ends[-1]]
    assert len(holding) == 2
    ((spans,),) = reader.read(["q"], [[text]])
    assert [(span.start, span.end) for span in spans] == [(at, at + 6)]
    assert spans[0].margin == pytest.approx(2 * (1 + max(holding) / 1000), abs=1e-4)


def test_batching_and_order_do_not_matter(reader: MarkReader) -> None:
    rng = random.Random(3)
    vocabulary = "tower river 1843 stone bridge of the old king and queen café naïve 12 .".split()
    jobs = [
        (
            f"question {n}?",
            [" ".join(rng.choices(vocabulary, k=rng.randrange(0, 120))) for _ in range(rng.randrange(5))],
        )
        for n in range(12)
    ]
    together = reader.read([question for question, _ in jobs], [texts for _, texts in jobs])
    alone = [reader.read([question], [texts])[0] for question, texts in jobs]
    assert together == alone
    backwards = reader.read([question for question, _ in jobs[::-1]], [texts for _, texts in jobs[::-1]])
    assert backwards[::-1] == together


def test_the_same_words_are_read_once(reader: MarkReader) -> None:
    found = reader.read(["q?", "q?", "other?"], [["tower", "steel", "tower"], ["tower"], ["tower"]])
    assert sum(map(len, reader.batches)) == 3
    assert found[0][0] == found[0][2] == found[1][0]
    assert words("tower", found[2][0]) == ["tower"]


def test_on_a_cpu_each_window_is_a_batch(reader: MarkReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    reader.read(["q"], [["tower of steel", "river", "lake and bridge"]])
    assert [len(batch) for batch in reader.batches] == [1, 1, 1]


def test_on_a_graphics_card_batches_are_bounded_and_hold_every_window(
    reader: MarkReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch_models, "BATCH_TOKENS", 200)
    texts = [" ".join(f"w{m}" for m in range(n, 2 * n)) for n in range(0, 100, 7)]
    reader.read(["q"], [texts])
    windows = [len(w) for cut in reader._windows.windows("q", texts) for w in cut]
    assert sorted(n for batch in reader.batches for n in batch) == sorted(windows)
    assert all(len(batch) * max(batch) <= 200 for batch in reader.batches)
    assert len(reader.batches) > 1


@pytest.mark.parametrize("passages", [[], [[]], [[""]], [["", " \n", "\u200d"], []]])
def test_nothing_to_read_asks_no_model(reader: MarkReader, passages: list[list[str]]) -> None:
    found = reader.read(["q?"] * len(passages), passages)
    assert found == [[[] for _ in own] for own in passages]
    assert reader.batches == []


def test_questions_and_passages_must_pair(reader: MarkReader) -> None:
    with pytest.raises(ValueError, match="zip"):
        reader.read(["a", "b"], [["text"]])


def test_hostile_text_gives_spans_within_it(reader: MarkReader) -> None:
    for text in ["\ufeffhi", "cafe\u0301", "a\r\nb", "\u202eשלום", "👨‍👩‍👧 and 𝒜", "x" * 5000, "ﬁ\u0000İ"]:
        ((spans,),) = reader.read(["q?"], [[text]])
        assert spans
        assert all(0 <= span.start < span.end <= len(text) for span in spans)


def test_a_question_without_tokens_still_reads(reader: MarkReader) -> None:
    assert reader.read(["\u200b"], [["tower"]])[0][0]


def test_the_bundled_reader_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BUNDLED_READER", tmp_path / "reader")
    with pytest.raises(ModelError, match=r"the bundled reader is missing at .*reinstall spanqa, or name a --reader"):
        torch_reader()


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    reader = torch_reader(str(tmp_path))
    with pytest.raises(ModelError, match="no model weights"):
        reader.sha256  # noqa: B018
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        reader.read(["q"], [["text"]])


def test_a_folder_without_a_configuration(folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        torch_reader(str(folder)).read(["q"], [["text"]])


def test_the_hash_is_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    reader = torch_reader(str(tmp_path))
    assert reader.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert reader.name == str(tmp_path)


@pytest.mark.parametrize("reads", [True, False])
def test_headings_are_read_by_a_reader_that_learnt_to(folder: Path, tmp_path: Path, reads: bool) -> None:
    shutil.copyfile(folder / "tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "config.json").write_text(json.dumps({"spanqa_headings": reads}), encoding="utf-8")
    reader = MarkReader(tmp_path)
    question, text, heading = "one?", "bridge of steel", "the zyzzyva handbook"
    ((spans,),) = reader.read([question], [[text]], [[heading]])
    under = [heading] if reads else None
    assert reader.batches == [[len(reader._windows.windows(question, [text], under)[0][0])]]
    # The rarest word scores best; spans are in the passage all the same.
    assert words(text, spans)[0] == words(text, MarkReader(tmp_path).read([question], [[text]])[0][0])[0]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


def test_the_same_words_under_two_headings_are_read_twice(folder: Path, tmp_path: Path) -> None:
    shutil.copyfile(folder / "tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "config.json").write_text('{"spanqa_headings": true}', encoding="utf-8")
    reader = MarkReader(tmp_path)
    reader.read(["one?"], [["tower", "tower", "tower"]], [["Rules", "Notes", "Rules"]])
    assert sum(map(len, reader.batches)) == 2
