"""What is asked beside a question, and what else is read with a passage, change nothing of its answer."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from index.loading.files import load_file
from index.models import hardware, openvino
from index.models.embedder import open_embedder
from index.models.openvino import CompiledModel
from index.store.store import Store
from qa.engine import Engine
from qa.judging.confidence import load_calibration
from qa.reading.reader import WindowReader, open_reader, openvino_reader
from qa.types import Question, Response

pytestmark = pytest.mark.slow

SEEDS = Path(__file__).parents[3] / "seeds"
# About what bf16 logits differ by when the shape of a batch makes another kernel of the product.
NOISE = 0.03


class NoisyRequest:
    """Logits by token, which differ within `noise` with the batch's shape and the row in it."""

    def __init__(self, noise: float) -> None:
        self._noise = noise
        self._outputs: list[NDArray[np.float32]] = []

    def start_async(self, inputs: dict[int, NDArray[Any]]) -> None:
        ids = inputs[0]
        rows, places = np.indices(ids.shape)
        # Few values, so that many spans of a window are equally good but for the noise.
        logits = (ids * 7919 % 11).astype(np.float64) / 2
        odd = np.sin(1.0 + 31 * ids.shape[0] + 17 * ids.shape[1] + 13 * rows + 5 * places)
        self._outputs = [(logits + sign * self._noise * odd).astype(np.float32) for sign in (1, -1)]

    def wait(self) -> None: ...

    def get_output_tensor(self, place: int) -> Any:
        class Tensor:
            data = self._outputs[place]

        return Tensor


class NoisyModel:
    outputs = ("start", "end")

    def __init__(self, noise: float) -> None:
        self._noise = noise

    def create_infer_request(self) -> NoisyRequest:
        return NoisyRequest(self._noise)


@pytest.fixture
def noisy(monkeypatch: pytest.MonkeyPatch) -> WindowReader:
    def load(*_: object, pad: int, limit: int, exact: bool) -> CompiledModel:
        return CompiledModel(NoisyModel(1e-6 if exact else NOISE), 4, pad=pad, limit=limit)  # type: ignore[arg-type]

    monkeypatch.setattr(hardware, "precision", lambda: "bf16")
    monkeypatch.setattr(openvino, "load", load)
    return openvino_reader()


def pieces(count: int, seed: int) -> list[str]:
    words = (SEEDS / "000_a47247f0e3dcde29.txt").read_text(encoding="utf-8").split()
    rng = random.Random(seed)
    begins = [rng.randrange(len(words) - 150) for _ in range(count)]
    return [" ".join(words[begin : begin + rng.randrange(5, 150)]) for begin in begins]


def test_spans_and_margins_do_not_depend_on_the_batch(noisy: WindowReader) -> None:
    # The third is the first to a model that does not see capitals, and asks other passages.
    questions = ["When do the drills run?", "Who built the harbour?", "WHEN DO THE DRILLS RUN?"]
    passages = [pieces(6, 1), pieces(9, 2), pieces(12, 3)]
    together = noisy.read(questions, passages)
    for question, own, found in zip(questions, passages, together, strict=True):
        assert noisy.read([question], [own])[0] == found
        assert [noisy.read([question], [[passage]])[0][0] for passage in own] == found


def without_times(response: Response) -> str:
    return response.model_dump_json(exclude={"elapsed_ms"})


def test_answers_are_the_same_alone_and_in_mixed_company(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", open_embedder())
    store.put(load_file(SEEDS / "000_a47247f0e3dcde29.txt"))
    engine = Engine(store, open_reader(), load_calibration())
    gold = [json.loads(line) for line in (SEEDS / "gold.jsonl").read_text(encoding="utf-8").split("\n") if line]
    questions = [
        Question(question=entry["question"], passages=3 + number % 5, candidates=True)
        for number, entry in enumerate(gold[:24])
    ]
    questions += [question.model_copy(update={"passages": 9}) for question in questions[:6]]
    alone = [without_times(engine.ask(question)) for question in questions]

    def batched(order: Sequence[int], size: int) -> list[str]:
        answers: dict[int, str] = {}
        for begin in range(0, len(order), size):
            batch = order[begin : begin + size]
            responses = engine.ask_many([questions[number] for number in batch])
            answers |= {number: without_times(own) for number, own in zip(batch, responses, strict=True)}
        return [answers[number] for number in range(len(order))]

    order = random.Random(7).sample(range(len(questions)), len(questions))
    assert batched(order, 7) == alone
    assert batched(order[::-1], 30) == alone
    store.close()
