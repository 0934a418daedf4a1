"""A BERT encoder (Devlin et al. 2019) as an OpenVINO graph, made straight from a model folder's safetensors.

Only numpy, safetensors and OpenVINO are needed: no training library has to be loaded to ask a question.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from index.errors import ModelError

WEIGHTS = "model.safetensors"
# What is added to the scores of masked positions: their softmax is exactly 0, also in bf16.
_MASKED = -10_000.0


class BertConfig(BaseModel):
    """The part of a model's `config.json` that decides the graph; others than these are not BERT as built here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_type: str
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    layer_norm_eps: float
    max_position_embeddings: int
    type_vocab_size: int
    vocab_size: int
    pad_token_id: int | None = 0
    position_embedding_type: str | None = "absolute"
    is_decoder: bool = False


def read_config(folder: Path) -> BertConfig:
    """The configuration of a model folder; raises ModelError, saying why, for one that `encoder` cannot build."""
    path = folder / "config.json"
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        model_type = stated.get("model_type")
        if model_type != "bert":
            raise ModelError(f"{folder} is a model of type {model_type!r}, not bert")
        config = BertConfig.model_validate(stated)
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    if config.hidden_act != "gelu" or config.position_embedding_type not in ("absolute", None) or config.is_decoder:
        raise ModelError(f"{folder} is a BERT of another kind (activation, positions or decoder)")
    if config.hidden_size % config.num_attention_heads:
        raise ModelError(f"{folder} has {config.hidden_size} dimensions for {config.num_attention_heads} heads")
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} has no {WEIGHTS}")
    return config


def obstacle(folder: Path) -> str | None:
    """Why a folder's model cannot be built here, None where it can."""
    try:
        read_config(folder)
    except ModelError as error:
        return str(error)
    return None


def sentence_graph(folder: Path) -> Any:
    """Mean of the last layer over the tokens that are not masked: output (batch, hidden) float32."""
    return _graph(folder, _mean_head)


def span_graph(folder: Path) -> Any:
    """Start and end logits of every token, `qa_outputs` of the folder: two outputs (batch, tokens) float32."""
    return _graph(folder, _span_head)


_Head = Callable[["_Weights", Any, Any], list[Any]]


class _Weights:
    """The tensors of a safetensors file as float32, by the names of BertModel, whatever prefix they were saved with."""

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            self._file = safe_open(folder / WEIGHTS, "numpy")
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be read: {error}") from error
        self._names = set(self._file.keys())  # type: ignore[no-untyped-call]
        self._folder = folder
        self._prefix = "bert." if any(name.startswith("bert.") for name in self._names) else ""

    def encoder(self, name: str) -> NDArray[np.float32]:
        return self.tensor(self._prefix + name)

    def tensor(self, name: str) -> NDArray[np.float32]:
        if name not in self._names:
            raise ModelError(f"{self._folder / WEIGHTS} has no tensor {name!r}")
        try:
            values: NDArray[np.float32] = np.asarray(self._file.get_tensor(name), dtype=np.float32)  # type: ignore[no-untyped-call]
        except (TypeError, ValueError) as error:
            raise ModelError(f"{self._folder / WEIGHTS}: the tensor {name!r} cannot be read: {error}") from error
        return values


def _graph(folder: Path, head: _Head) -> Any:
    """A graph of `input_ids`, `token_type_ids` int32 and `attention_mask` float32 (1: a token, 0: padding), each
    (batch, tokens) of any size up to the model's positions."""
    import openvino as ov
    from openvino import opset13 as op

    config, weights = read_config(folder), _Weights(folder)
    ids, types = (op.parameter([-1, -1], np.int32, name) for name in ("input_ids", "token_type_ids"))
    mask = op.parameter([-1, -1], np.float32, "attention_mask")
    hidden = _embeddings(config, weights, ids, types)
    # (batch, 1, 1, tokens): every head and every query leaves out the same positions.
    left_out = op.multiply(op.subtract(op.constant(np.float32(1)), op.unsqueeze(mask, _ints(1, 2))), _float(_MASKED))
    for layer in range(config.num_hidden_layers):
        hidden = _layer(config, weights, f"encoder.layer.{layer}.", hidden, left_out)
    results = [op.result(output) for output in head(weights, hidden, mask)]
    return ov.Model(results, [ids, types, mask], "bert")


def _embeddings(config: BertConfig, weights: _Weights, ids: Any, types: Any) -> Any:
    from openvino import opset13 as op

    def rows(name: str, numbers: Any) -> Any:
        return op.gather(op.constant(weights.encoder(f"embeddings.{name}.weight")), numbers, op.constant(np.int64(0)))

    tokens = op.gather(op.shape_of(ids, "i64"), _ints(1), op.constant(np.int64(0)))
    places = op.constant(weights.encoder("embeddings.position_embeddings.weight")[None])
    positions = op.slice(places, _ints(0), tokens, _ints(1), _ints(1))
    summed = op.add(op.add(rows("word_embeddings", ids), rows("token_type_embeddings", types)), positions)
    return _layer_norm(config, weights, "embeddings.LayerNorm", summed)


def _layer(config: BertConfig, weights: _Weights, prefix: str, hidden: Any, left_out: Any) -> Any:
    from openvino import opset13 as op

    attended = _attention(config, weights, prefix + "attention.self.", hidden, left_out)
    projected = _dense(weights, prefix + "attention.output.dense", attended)
    hidden = _layer_norm(config, weights, prefix + "attention.output.LayerNorm", op.add(projected, hidden))
    inner = op.gelu(_dense(weights, prefix + "intermediate.dense", hidden), "ERF")
    outer = _dense(weights, prefix + "output.dense", inner)
    return _layer_norm(config, weights, prefix + "output.LayerNorm", op.add(outer, hidden))


def _attention(config: BertConfig, weights: _Weights, prefix: str, hidden: Any, left_out: Any) -> Any:
    """Scaled dot-product attention (Vaswani et al. 2017), written out: the CPU plugin fuses this form into one kernel,
    and runs it faster than its own operator for it."""
    from openvino import opset13 as op

    heads = config.num_attention_heads
    width = config.hidden_size // heads
    # One matrix product for all three.
    names = [prefix + part for part in ("query", "key", "value")]
    weight = np.concatenate([weights.encoder(f"{name}.weight") for name in names])
    bias = np.concatenate([weights.encoder(f"{name}.bias") for name in names])
    joined = op.add(op.matmul(hidden, op.constant(weight), False, True), op.constant(bias))
    apart = op.reshape(joined, _ints(0, 0, 3 * heads, width), True)
    # (batch, heads, tokens, width) each.
    turned = _ints(0, 2, 1, 3)
    query, key, value = (op.transpose(part, turned) for part in op.split(apart, op.constant(np.int64(2)), 3).outputs())
    scores = op.multiply(op.matmul(query, key, False, True), _float(width**-0.5))
    attended = op.matmul(op.softmax(op.add(scores, left_out), -1), value, False, False)
    return op.reshape(op.transpose(attended, turned), _ints(0, 0, config.hidden_size), True)


def _dense(weights: _Weights, name: str, hidden: Any) -> Any:
    from openvino import opset13 as op

    weight, bias = weights.encoder(f"{name}.weight"), weights.encoder(f"{name}.bias")
    return op.add(op.matmul(hidden, op.constant(weight), False, True), op.constant(bias))


def _layer_norm(config: BertConfig, weights: _Weights, name: str, hidden: Any) -> Any:
    from openvino import opset13 as op

    normed = op.mvn(hidden, _ints(-1), True, config.layer_norm_eps, "INSIDE_SQRT")
    scaled = op.multiply(normed, op.constant(weights.encoder(f"{name}.weight")))
    return op.add(scaled, op.constant(weights.encoder(f"{name}.bias")))


def _mean_head(_weights: _Weights, hidden: Any, mask: Any) -> list[Any]:
    from openvino import opset13 as op

    counted = op.unsqueeze(mask, _ints(2))
    total = op.reduce_sum(op.multiply(hidden, counted), _ints(1))
    return [op.divide(total, op.maximum(op.reduce_sum(counted, _ints(1)), _float(1e-9)))]


def _span_head(weights: _Weights, hidden: Any, _mask: Any) -> list[Any]:
    from openvino import opset13 as op

    weight, bias = weights.tensor("qa_outputs.weight"), weights.tensor("qa_outputs.bias")
    if weight.shape[0] != 2:
        raise ModelError(f"the span head has {weight.shape[0]} outputs, not a start and an end")
    # Products and sums, not a matrix product: what comes after the last matrix product stays in fp32. Logits in bf16
    # would tie and jump by a thirtieth.
    return [
        op.add(op.reduce_sum(op.multiply(hidden, op.constant(weight[row])), _ints(2)), _float(float(bias[row])))
        for row in range(2)
    ]


def _ints(*values: int) -> Any:
    from openvino import opset13 as op

    return op.constant(np.array(values, dtype=np.int64))


def _float(value: float) -> Any:
    from openvino import opset13 as op

    return op.constant(np.float32(value))
