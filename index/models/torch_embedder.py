"""Embedding with sentence-transformers: any of its models, and the reference for what OpenVINO computes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError
from index.models import hardware
from index.models.sentence_folder import FolderEmbedder, unit_vectors
from index.models.weights import weights_sha256

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 32


class SentenceTransformerEmbedder(FolderEmbedder):
    """An embedder from sentence-transformers, by its folder or by a name to fetch.

    The weights are loaded at the first use, so that naming a store's embedder costs nothing.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        super().__init__(name, folder)
        self._local = self._folder.is_dir()

    @cached_property
    def sha256(self) -> str:
        if self._local:
            return weights_sha256(self._folder)
        # A model by hub name: its cached snapshot is a folder like any other.
        from huggingface_hub import snapshot_download

        self._model  # noqa: B018 - downloads the files that the user named
        return weights_sha256(Path(snapshot_download(_hub_name(self._name), local_files_only=True)))

    @property
    def dimensions(self) -> int:
        size = self._model.get_embedding_dimension()
        if size is None:
            raise ModelError(f"{self._name} does not state its embedding dimension")
        return int(size)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        # One text is a question, and bf16 pays only for batches; both forms agree to a cosine of 0.9999.
        with self._precision() if len(texts) > 1 else nullcontext():
            vectors = self._model.encode(
                list(texts), batch_size=BATCH, normalize_embeddings=False, show_progress_bar=False
            )
        return unit_vectors(np.asarray(vectors, dtype=np.float32))

    @cached_property
    def _model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        source = str(self._folder) if self._local else self._name
        try:
            return SentenceTransformer(
                source,
                device=None,
                local_files_only=self._local,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"the embedder {self._name!r} cannot be loaded: {error}") from error

    def _tokenizer_json(self) -> str:
        if self._local and (self._folder / "tokenizer.json").is_file():
            return super()._tokenizer_json()
        return str(self._model.tokenizer.backend_tokenizer.to_str())

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        if self._model.device.type == "cpu" and hardware.fast_matrix_products():
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return nullcontext()


def _hub_name(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"
