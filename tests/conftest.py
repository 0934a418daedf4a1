"""What every test shares."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from safetensors.numpy import save_file

from index.models.embedder import bundled_model
from index.models.openvino import CACHE_VARIABLE

# So that a failing contract shows its values, as a test's own assertion does.
pytest.register_assert_rewrite("contracts")
# No test may depend on how busy the machine is.
settings.register_profile("spanqa", deadline=None)
settings.load_profile("spanqa")

# What opens the real models, or serves requests: every test that asks for one of these is slow.
SLOW_FIXTURES = frozenset({"qa", "serving", "listening"})

HIDDEN, LAYERS, INNER, VOCABULARY, POSITIONS = 32, 2, 64, 30522, 64


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that take long by what they use; the others that do carry the mark themselves."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workeroutput"):
        config.workeroutput["slow"] = sum(item.get_closest_marker("slow") is not None for item in items)


class LeftOut:
    """Tells how many tests were left out where workers ran the others: pytest-xdist says nothing of them."""

    slow = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.slow = node.workeroutput.get("slow", self.slow)

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        if self.slow and "not slow" in config.option.markexpr:
            terminalreporter.write_line(f"left out: {self.slow} slow tests")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftOut())


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled models of the tests stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(scope="session")
def tiny_bert() -> Callable[..., Path]:
    """Makes folders of a tiny BERT with random weights: the shape of a real model, loaded in no time."""
    return _tiny_bert


def _tiny_bert(folder: Path, *, head: bool = False, seed: int = 0, **config: Any) -> Path:
    """Write a model folder; with `head` one for questions, else a sentence-transformers folder."""
    rng = np.random.default_rng(seed)

    def values(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return (rng.standard_normal(shape) * 0.3).astype(np.float32)

    prefix = "bert." if head else ""
    embeddings = prefix + "embeddings."
    tensors = {
        f"{embeddings}word_embeddings.weight": values(VOCABULARY, HIDDEN),
        f"{embeddings}position_embeddings.weight": values(POSITIONS, HIDDEN),
        f"{embeddings}token_type_embeddings.weight": values(2, HIDDEN),
        f"{embeddings}LayerNorm.weight": 1 + values(HIDDEN),
        f"{embeddings}LayerNorm.bias": values(HIDDEN),
    }
    for layer in range(LAYERS):
        own = f"{prefix}encoder.layer.{layer}."
        shapes = dict.fromkeys(("self.query", "self.key", "self.value", "output.dense"), (HIDDEN, HIDDEN))
        dense = {f"attention.{name}": shape for name, shape in shapes.items()}
        dense |= {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
        for name, shape in dense.items():
            tensors[f"{own}{name}.weight"], tensors[f"{own}{name}.bias"] = values(*shape), values(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"{own}{name}.weight"], tensors[f"{own}{name}.bias"] = 1 + values(HIDDEN), values(HIDDEN)
    if head:
        tensors["qa_outputs.weight"], tensors["qa_outputs.bias"] = 3 * values(2, HIDDEN), values(2)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    stated = {
        "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": 4,
        "intermediate_size": INNER, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "type_vocab_size": 2,
        "max_position_embeddings": POSITIONS, "vocab_size": VOCABULARY, "pad_token_id": 0,
        "architectures": ["BertForQuestionAnswering" if head else "BertModel"],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(stated | config))
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copyfile(bundled_model() / name, folder / name)
    if not head:
        for name in ("modules.json", "1_Pooling", "config_sentence_transformers.json"):
            source = bundled_model() / name
            shutil.copytree(source, folder / name) if source.is_dir() else shutil.copyfile(source, folder / name)
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling | {"word_embedding_dimension": HIDDEN}))
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40, "do_lower_case": False}))
    return folder
