"""Embedding with OpenVINO, without torch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError
from index.models import bert_graph as bert
from index.models import openvino
from index.models.sentence_folder import FolderEmbedder, max_tokens, obstacle, unit_vectors


class OpenVinoEmbedder(FolderEmbedder):
    """A sentence-transformers folder of BERT architecture, mean pooling, run by OpenVINO.

    bf16 where the CPU multiplies it in hardware, at a cosine of 0.9999 to fp32. The weights are loaded at the first
    use, so that naming a store's embedder costs nothing.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        """Raises ModelError for a folder that OpenVINO cannot run."""
        super().__init__(name, folder)
        reason = obstacle(self._folder)
        if reason:
            raise ModelError(f"the embedder {name!r} cannot be run by OpenVINO: {reason}")
        self._loading = threading.Lock()

    @property
    def dimensions(self) -> int:
        return self._config.hidden_size

    def load(self) -> None:
        """Load the weights. Raises ModelError, or ImportError where OpenVINO is not installed."""
        with self._loading:
            self._model  # noqa: B018 - kept from here on

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if not texts:
            return vectors
        self.load()
        opened, closed = self._frame
        room = self._max_tokens - 2
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        sequences = [[opened, *encoding.ids[:room], closed] for encoding in encodings]
        for numbers, (means,) in self._model.run(sequences, [len(ids) for ids in sequences]):
            vectors[numbers] = means
        return unit_vectors(vectors)

    @cached_property
    def _model(self) -> openvino.CompiledModel:
        return openvino.load(
            "sentence",
            self.sha256,
            lambda: bert.sentence_graph(self._folder),
            pad=self._config.pad_token_id or 0,
            limit=self._max_tokens,
        )

    @cached_property
    def _max_tokens(self) -> int:
        return min(max_tokens(self._folder), self._config.max_position_embeddings)

    @cached_property
    def _config(self) -> bert.BertConfig:
        return bert.read_config(self._folder)

    @cached_property
    def _frame(self) -> tuple[int, int]:
        opened, closed = self._tokenizer.encode("").ids
        return opened, closed
