"""What every embedder must do, with tiny models; and that both runtimes compute the same."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from index.errors import ModelError
from index.models import hardware, openvino, runtime
from index.models.embedder import DEFAULT_SHA256, Embedder, FallbackEmbedder, open_embedder
from index.models.openvino_embedder import OpenVinoEmbedder
from index.models.torch_embedder import SentenceTransformerEmbedder

MakeBert = Callable[..., Path]
TEXTS = [
    "The drills run from August 9 to 13 in Ningxia.",
    "One.",
    "",
    "Ünïcödé 🛰 naïve cafe\u0301 \u202eשלום",
    "long words go on and on " * 30,
    "The drills run from August 9 to 13 in Ningxia.",
]


@pytest.fixture(scope="module")
def folder(tiny_bert: MakeBert, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("embedder") / "model")


@pytest.fixture(params=[OpenVinoEmbedder, SentenceTransformerEmbedder])
def embedder(request: pytest.FixtureRequest, folder: Path) -> Embedder:
    made: Embedder = request.param(str(folder))
    return made


class TestEveryBackend:
    def test_unit_vectors_in_order(self, embedder: Embedder) -> None:
        vectors = embedder.embed(TEXTS)
        assert (vectors.shape, vectors.dtype) == ((len(TEXTS), embedder.dimensions), np.float32)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
        assert vectors[0] @ vectors[5] == pytest.approx(1, abs=1e-3)
        assert (vectors[0] @ vectors[1:5].T).max() < 0.999

    @pytest.mark.slow
    def test_a_text_is_embedded_alike_in_any_company(self, embedder: Embedder) -> None:
        together = embedder.embed(TEXTS * 9)
        for row, text in enumerate(TEXTS):
            assert embedder.embed([text])[0] @ together[row] > 0.999

    def test_nothing_to_embed(self, embedder: Embedder) -> None:
        assert embedder.embed([]).shape == (0, embedder.dimensions)

    def test_a_long_text_counts_up_to_the_models_bound(self, embedder: Embedder) -> None:
        words = [f"word{n}" for n in range(100)]
        cut = embedder.embed([" ".join(words), " ".join([*words, "more"]), " ".join([*words[:5], "more", *words[6:]])])
        assert cut[0] @ cut[1] == pytest.approx(1, abs=1e-4)
        assert cut[0] @ cut[2] < 0.9999

    def test_tokens_are_counted_without_special_ones(self, embedder: Embedder) -> None:
        assert embedder.count_tokens(["drills", "", "drills run ."]) == [1, 0, 3]

    def test_identity(self, embedder: Embedder, folder: Path) -> None:
        assert embedder.name == str(folder)
        assert len(embedder.sha256) == 64


@pytest.mark.slow
def test_both_runtimes_compute_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "precision", lambda: "f32")
    torch = SentenceTransformerEmbedder(str(folder))
    monkeypatch.setattr(torch, "_precision", nullcontext)
    assert np.abs(OpenVinoEmbedder(str(folder)).embed(TEXTS) - torch.embed(TEXTS)).max() < 1e-4


def test_bf16_where_there_is_any_is_close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = OpenVinoEmbedder(str(folder)).embed(TEXTS)
    monkeypatch.setattr(hardware, "precision", lambda: "f32")
    exact = OpenVinoEmbedder(str(folder)).embed(TEXTS)
    assert (shipped * exact).sum(axis=1).min() > 0.999


def test_the_bundled_model_needs_no_torch() -> None:
    opened = open_embedder()
    assert isinstance(opened, FallbackEmbedder)
    assert (opened.sha256, opened.dimensions) == (DEFAULT_SHA256, 384)


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("config.json", {"model_type": "mpnet"}, "of type 'mpnet'"),
        ("config.json", {"hidden_act": "relu"}, "another kind"),
        ("config.json", {"num_attention_heads": 5}, "32 dimensions for 5 heads"),
        ("config.json", {"hidden_size": "wide"}, "cannot be used"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "not by the mean"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}, "not by the mean"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "changes its texts"),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "changes its texts"),
    ],
)
def test_another_model_is_left_to_torch(
    tiny_bert: MakeBert, tmp_path: Path, file: str, change: dict[str, object], reason: str
) -> None:
    folder = tiny_bert(tmp_path)
    assert isinstance(open_embedder(str(folder)), FallbackEmbedder)
    stated = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(stated | change))
    assert isinstance(open_embedder(str(folder)), SentenceTransformerEmbedder)
    with pytest.raises(ModelError, match=reason):
        open_embedder(str(folder), "openvino")


@pytest.mark.parametrize("name", ["modules.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_without_its_files_is_left_to_torch(tiny_bert: MakeBert, tmp_path: Path, name: str) -> None:
    folder = tiny_bert(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelError, match="OpenVINO cannot run this model"):
        open_embedder(str(folder), "openvino")


def test_the_runtime_is_named_by_option_or_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_embedder(str(folder), "torch"), SentenceTransformerEmbedder)
    monkeypatch.setenv("QA_RUNTIME", "torch")
    assert isinstance(open_embedder(str(folder)), SentenceTransformerEmbedder)
    assert isinstance(open_embedder(str(folder), "openvino"), OpenVinoEmbedder)
    monkeypatch.setenv("QA_RUNTIME", "fast")
    with pytest.raises(ModelError, match="no runtime 'fast'; take one of: auto, openvino, torch"):
        open_embedder(str(folder))


def test_without_openvino_torch_runs_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    assert isinstance(open_embedder(str(folder)), SentenceTransformerEmbedder)
    with pytest.raises(ModelError, match="openvino is not installed"):
        open_embedder(str(folder), "openvino")


def test_torch_takes_over_where_openvino_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_arguments: object, **_more: object) -> None:
        raise ModelError("no such instruction")

    monkeypatch.setattr(openvino, "load", fails)
    with caplog.at_level(logging.WARNING):
        vectors = open_embedder(str(folder)).embed(TEXTS[:2])
    assert vectors.shape == (2, 32)
    assert "no such instruction" in caplog.text and "torch" in caplog.text
    with pytest.raises(ModelError, match="no such instruction"):
        open_embedder(str(folder), "openvino").embed(["text"])


@pytest.mark.parametrize("threads", ["0", "many", "-1"])
def test_threads_are_a_number(folder: Path, monkeypatch: pytest.MonkeyPatch, threads: str) -> None:
    monkeypatch.setenv("QA_THREADS", threads)
    with pytest.raises(ModelError, match="not a number of threads"):
        open_embedder(str(folder), "openvino").embed(["text"])
