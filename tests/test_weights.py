"""Weights are never unpickled, and no model brings code of its own."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.errors import ModelError
from index.models.torch_embedder import SentenceTransformerEmbedder
from index.models.weights import weights_sha256
from qa.reading.reader import torch_reader

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


class Trap:
    """What a pickle does when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self._mark,)


@pytest.fixture
def pickled(tmp_path: Path, tiny_bert: Callable[..., Path]) -> Callable[..., tuple[Path, Path]]:
    def make(*, head: bool) -> tuple[Path, Path]:
        import torch

        folder, mark = tiny_bert(tmp_path / "model", head=head), tmp_path / "ran"
        (folder / "model.safetensors").unlink()
        torch.save(Trap(mark), folder / "pytorch_model.bin")
        return folder, mark

    return make


def test_a_pickled_embedder_is_refused(pickled: Callable[..., tuple[Path, Path]]) -> None:
    folder, mark = pickled(head=False)
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: pickled weights are not loaded.*as safetensors"):
        weights_sha256(folder)
    with pytest.raises(ModelError):
        SentenceTransformerEmbedder(str(folder)).embed(["Cats"])
    assert not mark.exists()


def test_a_pickled_reader_is_refused(pickled: Callable[..., tuple[Path, Path]]) -> None:
    folder, mark = pickled(head=True)
    with pytest.raises(ModelError, match="pickled weights are not loaded"):
        torch_reader(str(folder)).read(["Who?"], [["Cats chase mice."]])
    assert not mark.exists()


def test_a_pickled_module_is_refused_and_a_checkpoint_beside_is_not(
    tmp_path: Path, tiny_bert: Callable[..., Path]
) -> None:
    folder = tiny_bert(tmp_path / "model")
    (folder / "training").mkdir()
    (folder / "training" / "checkpoint.pt").touch()
    (folder / "optimizer.pt").touch()
    assert weights_sha256(folder)
    (folder / "1_Pooling" / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="1_Pooling"):
        weights_sha256(folder)


def calls() -> Iterator[tuple[str, ast.Call]]:
    for package in ("index", "qa", "eval", "api"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_loading_of_weights_asks_for_it() -> None:
    loaded = 0
    for place, call in calls():
        name, given = ast.unparse(call.func), {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert given.get("trust_remote_code", "False") == "False", place
        if name == "torch.load":
            assert given.get("weights_only") == "True", place
        elif name in ("SentenceTransformer", "CrossEncoder"):
            assert "'use_safetensors': True" in given.get("model_kwargs", ""), place
        elif name.startswith("AutoModel") and name.endswith(".from_pretrained"):
            assert given.get("use_safetensors") == "True", place
        else:
            assert name.rpartition(".")[0] not in ("pickle", "joblib", "cloudpickle"), place
            continue
        loaded += 1
    assert loaded >= 5
