"""Logits by OpenVINO, without torch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from index.errors import ModelError
from index.models import bert_graph as bert
from index.models import hardware, openvino
from qa.reading.folder import ReaderFolder
from qa.reading.logits import Logits
from qa.reading.windows import Window


class OpenVinoModel:
    """A folder of BertForQuestionAnswering run by OpenVINO: in bf16 where the CPU multiplies it in hardware, the span
    head in fp32."""

    runtime: Literal["openvino"] = "openvino"

    def __init__(self, folder: ReaderFolder, *, exact: bool = False) -> None:
        """`exact` computes in fp32 on any CPU. Raises ModelError for a folder that OpenVINO cannot run."""
        self._folder = folder
        self._exact = exact
        obstacle = bert.obstacle(folder.path)
        if obstacle:
            raise ModelError(f"the reader {folder.name!r} cannot be run by OpenVINO: {obstacle}")
        self._loading = threading.Lock()

    @cached_property
    def is_exact(self) -> bool:
        return self._exact or hardware.precision() != "bf16"

    @property
    def positions(self) -> int:
        """How many tokens a window may have."""
        return self._config.max_position_embeddings

    def load(self) -> None:
        with self._loading:
            self._model  # noqa: B018 - kept from here on

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        if not windows:
            return []
        self.load()
        typed = self._config.type_vocab_size > 1
        starts = [window.passage_start if typed else len(window) for window in windows]
        logits_by_number: dict[int, Logits] = {}
        for numbers, (start, end) in self._model.run([window.ids for window in windows], starts, alone=True):
            for row, number in enumerate(numbers):
                n = len(windows[number])
                logits_by_number[number] = start[row, :n], end[row, :n]
        return [logits_by_number[number] for number in range(len(windows))]

    @cached_property
    def _model(self) -> openvino.CompiledModel:
        return openvino.load(
            "span",
            self._folder.sha256,
            lambda: bert.span_graph(self._folder.path),
            pad=self._config.pad_token_id or 0,
            limit=self._config.max_position_embeddings,
            exact=self._exact,
        )

    @cached_property
    def _config(self) -> bert.BertConfig:
        return bert.read_config(self._folder.path)
