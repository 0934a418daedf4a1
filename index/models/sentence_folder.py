"""A sentence-transformers folder: its identity and its tokens, and whether it is a plain mean of BERT's last layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError
from index.models import bert_graph as bert
from index.models.weights import read_json, weights_sha256

# Tokens of a text where its model states no bound of its own.
_LONGEST = 512


class FolderEmbedder:
    """What every embedder that is a model folder has in common: its identity and its tokens."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        """`folder` is where the model lies, if not at the path that is its name."""
        self._name = name
        self._folder = Path(name) if folder is None else folder

    @property
    def name(self) -> str:
        return self._name

    @cached_property
    def sha256(self) -> str:
        return weights_sha256(self._folder)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._tokenizer_json())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _tokenizer_json(self) -> str:
        return (self._folder / "tokenizer.json").read_text(encoding="utf-8")


def obstacle(folder: Path) -> str | None:
    """Why the graph of `index.models.bert_graph` would not be this sentence-transformers folder's embedder; None where
    it is."""
    try:
        bert.read_config(folder)
        _require_plain_mean(folder)
    except ModelError as error:
        return str(error)
    return None


def _require_plain_mean(folder: Path) -> None:
    """Raise ModelError for a sentence-transformers folder that does more than to average its encoder's last layer."""
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f"{folder} has no tokenizer.json")
    try:
        kinds = [str(module["type"]).rpartition(".")[2] for module in read_json(folder / "modules.json", [])]
        pooling = read_json(folder / "1_Pooling" / "config.json", {})
        prompt = read_json(folder / "config_sentence_transformers.json", {}).get("default_prompt_name")
        lowered = read_json(folder / "sentence_bert_config.json", {}).get("do_lower_case")
        # Either one mode by name, or a flag for each.
        modes = {
            value if name == "pooling_mode" else name.removeprefix("pooling_mode_")
            for name, value in pooling.items()
            if name.startswith("pooling_mode") and value
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder}: its configuration cannot be read: {error}") from error
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise ModelError(f"{folder} has the modules {kinds}, not a transformer and its pooling")
    if not modes <= {"mean", "mean_tokens"} or not modes:
        raise ModelError(f"{folder} pools by {sorted(map(str, modes))}, not by the mean")
    if prompt or lowered:
        raise ModelError(f"{folder} changes its texts by itself")


def max_tokens(folder: Path) -> int:
    """How many tokens of a text count, special ones included."""
    return int(read_json(folder / "sentence_bert_config.json", {}).get("max_seq_length") or _LONGEST)


def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row scaled to length one; a row of zeros stays."""
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
