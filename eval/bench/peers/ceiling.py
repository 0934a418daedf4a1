"""How close the reader comes to what this processor can multiply at best.

Run as a program it measures, and prints a `Ceiling` as JSON: `python -m eval.bench.peers.ceiling READER_FOLDER
SECONDS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from eval.results import Frozen
from index.errors import InputError
from index.models import bert_graph as bert
from index.models.hardware import threads
from qa.reading.reader import MAX_LENGTH, Reader, open_reader
from qa.reading.windows import WindowMaker

# A square of it is far too large for any cache but the last, and small enough to take well under a second.
MATRIX = 2048
WINDOWS = 64
TIMEOUT_S = 600
_QUESTION = "what is said of it"


class Ceiling(Frozen):
    """Tokens a second of the reader on full windows of `window` tokens, floating-point operations a token, and the
    operations a second of a matrix product, in fp32 and, where the processor multiplies it in hardware, in bf16 (None:
    it does not). `precision` is what the reader is computed in, and `share` its part of the product in that one."""

    tokens_a_second: float
    window: int
    flops_a_token: float
    precision: str
    fp32_flops: float
    bf16_flops: float | None
    share: float


def measure(reader: Path, environment: Mapping[str, str], seconds: float) -> Ceiling:
    """Measure in a process of its own, which `environment` limits to so many threads."""
    command = [sys.executable, "-P", "-m", "eval.bench.peers.ceiling", str(reader), str(seconds)]
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"the ceiling could not be measured: {error}") from error
    if done.returncode != 0:
        raise InputError(f"the ceiling could not be measured: {' | '.join(done.stderr.strip().splitlines()[-3:])}")
    return Ceiling.model_validate(json.loads(done.stdout))


def flops_a_token(config: bert.BertConfig, window: int) -> float:
    """Floating-point operations a token of an encoder, a multiplication and an addition counted as two.

    The matrix products alone: four projections, both products of attention over `window` tokens, and the inner layer.
    """
    wide, inner = config.hidden_size, config.intermediate_size
    return float(config.num_hidden_layers * (2 * (4 * wide * wide + 2 * wide * inner) + 4 * window * wide))


def _measured(folder: Path, seconds: float) -> Ceiling:
    from index.models.hardware import precision

    reader = open_reader(str(folder))
    config = bert.read_config(folder)
    windows = WindowMaker.from_folder(folder, max_length=min(MAX_LENGTH, config.max_position_embeddings))
    passages = _full_passages(windows)
    tokens = sum(len(window) for of_passage in windows.windows(_QUESTION, passages) for window in of_passage)
    rate = _best_rate(lambda: _read(reader, passages), seconds) * tokens
    flops = flops_a_token(config, windows.max_length)
    computed_in = precision()
    fp32 = max(_numpy_flops(seconds), _openvino_flops("f32", seconds))
    bf16 = _openvino_flops("bf16", seconds) if computed_in == "bf16" else None
    return Ceiling(
        tokens_a_second=rate,
        window=windows.max_length,
        flops_a_token=flops,
        precision=computed_in,
        fp32_flops=fp32,
        bf16_flops=bf16,
        share=rate * flops / (bf16 or fp32),
    )


def _full_passages(windows: WindowMaker) -> list[str]:
    """Passages that fill their window to the last token, each with other words."""
    room = windows.max_length - windows.special_tokens - len(_QUESTION.split())
    words = "river stone house market winter garden letter music bridge island".split()
    random = np.random.default_rng(0)
    return [" ".join(random.choice(words, room)) for _ in range(WINDOWS)]


def _read(reader: Reader, passages: list[str]) -> None:
    reader.read([_QUESTION], [passages])


def _numpy_flops(seconds: float) -> float:
    one, other = (np.random.default_rng(seed).random((MATRIX, MATRIX), np.float32) for seed in (0, 1))
    return _best_rate(lambda: one @ other, seconds) * 2 * MATRIX**3


def _openvino_flops(precision: str, seconds: float) -> float:
    import openvino as ov
    from openvino import opset13 as op

    given = op.parameter([MATRIX, MATRIX], np.float32)
    weight = op.constant(np.random.default_rng(0).random((MATRIX, MATRIX), np.float32))
    model = ov.Model([op.result(op.matmul(given, weight, False, True))], [given], "product")
    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads(), "NUM_STREAMS": 1}
    request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    values = {0: np.random.default_rng(1).random((MATRIX, MATRIX), np.float32)}
    return _best_rate(lambda: request.infer(values), seconds) * 2 * MATRIX**3


def _best_rate(work: Callable[[], object], seconds: float) -> float:
    """How often a second at best: what else the machine does only ever makes it slower."""
    work()
    best, begun = float("inf"), time.perf_counter()
    while (start := time.perf_counter()) - begun < seconds:
        work()
        best = min(best, time.perf_counter() - start)
    return 1 / best


if __name__ == "__main__":
    sys.stdout.write(_measured(Path(sys.argv[1]), float(sys.argv[2])).model_dump_json() + "\n")
