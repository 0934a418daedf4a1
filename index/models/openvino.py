"""Compiled OpenVINO models: made once, kept in the user's cache, and run on as many cores as there are batches."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from index.errors import ModelError
from index.models import hardware

if TYPE_CHECKING:
    import openvino as ov

# Raised whenever the graphs of index.models.bert_graph change: what was compiled from older ones is not theirs.
GRAPH_VERSION = 1
CACHE_VARIABLE = "QA_CACHE"
# Files that are kept, the last used ones: two models, in a few versions.
KEPT = 6
SUFFIX, PART = ".compiled", ".part"
_BESIDE = ".spanqa-"
# Whatever else is in the folder that QA_CACHE names is not ours to remove.
_OWN_FILE = re.compile(r"[a-z]+-[a-z0-9]+-[0-9a-f]{32}\.compiled|\.spanqa-[a-z0-9_]{8}\.part")
# Seconds after which nobody is still writing a file.
ABANDONED_S = 3600
# Tokens of one pass on one core: its activations stay in the core's own cache, where larger batches fall out of it.
BATCH_TOKENS = 1024
# Lengths are padded to whole tiles of the matrix units; it also bounds the number of shapes that are prepared.
TILE = 16
# Passes that wait for a core while each runs one: with none waiting, a core stands idle until the next one is prepared.
REQUESTS_A_CORE = 4
_END = b"spanqa-compiled-end"
logger = logging.getLogger("spanqa.runtime")


Tokens = Sequence[int] | NDArray[np.int32]
Outputs = list[NDArray[np.float32]]


def batches(lengths: Sequence[int], limit: int) -> list[list[int]]:
    """Numbers of the sequences, gathered by padded length into batches of at most BATCH_TOKENS padded tokens.

    A sequence alone may be longer; it is padded up to `limit`, the longest that the model takes, and no further. The
    largest batch comes first: where the last ones are small, all cores end at nearly the same time.
    """
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    cut: list[list[int]] = []
    width = 0
    for number in order:
        padded = _padded(lengths[number], limit)
        # Another pass costs less than padding every row by more than a tile.
        if cut and (len(cut[-1]) + 1) * width <= BATCH_TOKENS and width - padded <= TILE:
            cut[-1].append(number)
        else:
            cut.append([number])
            width = padded
    return sorted(cut, key=lambda batch: -len(batch) * _padded(lengths[batch[0]], limit))


def one_by_one(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of the sequences, each a batch of its own, the longest first."""
    return [[number] for number in sorted(range(len(lengths)), key=lambda number: -lengths[number])]


class CompiledModel:
    """A compiled model that any number of threads may run. Each batch takes one core, so that nothing waits at
    barriers for a core that is busy elsewhere."""

    def __init__(
        self, compiled: ov.CompiledModel, requests: int, *, pad: int, limit: int, memory: object = None
    ) -> None:
        """At most `requests` batches run or wait for a core; sequences are padded with `pad` and have at most `limit`
        tokens. `memory` is what the compiled model lies in: it must live as long."""
        self._memory = memory
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(requests):
            self._free.put(compiled.create_infer_request())
        self._outputs = len(compiled.outputs)
        self._pad = pad
        self._limit = limit

    def run(
        self, sequences: Sequence[Tokens], type_starts: Sequence[int], *, alone: bool = False
    ) -> list[tuple[list[int], Outputs]]:
        """Run sequences of token ids, whose tokens from `type_starts` on are of type 1.

        How a product of matrices is rounded may depend on their shapes, and a sequence's outputs so on the batch that
        it is in. With `alone` each is a batch of its own, padded by its own length: its outputs depend on nothing else.
        The outputs come by batch: the numbers of its sequences, and each output with a row for each of them, as wide as
        the longest of the batch or wider.
        """
        lengths = [len(ids) for ids in sequences]
        cut = one_by_one(lengths) if alone else batches(lengths, self._limit)
        results: list[Outputs] = [[] for _ in cut]
        running: deque[tuple[int, Any]] = deque()
        try:
            for place, numbers in enumerate(cut):
                inputs = self._inputs([sequences[n] for n in numbers], [type_starts[n] for n in numbers])
                request = self._request(running, results)
                running.append((place, request))
                request.start_async(inputs)
            while running:
                self._free.put(self._collect(running, results))
        finally:
            # After a failure the other passes may still be under way; a request must be idle when it is taken again.
            for _, request in running:
                with contextlib.suppress(RuntimeError):
                    request.wait()
                self._free.put(request)
        return list(zip(cut, results, strict=True))

    def _inputs(self, sequences: Sequence[Tokens], type_starts: Sequence[int]) -> dict[int, NDArray[Any]]:
        width = _padded(max(len(ids) for ids in sequences), self._limit)
        ids = np.full((len(sequences), width), self._pad, dtype=np.int32)
        types = np.zeros_like(ids)
        mask = np.zeros(ids.shape, dtype=np.float32)
        for row, (tokens, start) in enumerate(zip(sequences, type_starts, strict=True)):
            ids[row, : len(tokens)] = tokens
            types[row, start : len(tokens)] = 1
            mask[row, : len(tokens)] = 1
        return {0: ids, 1: types, 2: mask}

    def _request(self, running: deque[tuple[int, Any]], results: list[Outputs]) -> Any:
        # Whoever holds requests waits for its own and not for others': no two can wait for each other.
        try:
            return self._free.get(block=not running)
        except queue.Empty:
            return self._collect(running, results)

    def _collect(self, running: deque[tuple[int, Any]], results: list[Outputs]) -> Any:
        number, request = running[0]
        try:
            request.wait()
        except RuntimeError as error:
            raise ModelError(f"OpenVINO failed while running a model: {_first_line(error)}") from error
        results[number] = [np.array(request.get_output_tensor(place).data) for place in range(self._outputs)]
        running.popleft()
        return request


def load(
    kind: str, weights_sha256: str, build: Callable[[], Any], *, pad: int, limit: int, exact: bool = False
) -> CompiledModel:
    """Compile the graph that `build` makes, or take what was compiled before from weights of this hash.

    `kind` tells graphs of the same weights apart; `exact` runs in fp32 on any CPU; `pad` and `limit` are the token that
    fills a batch and the longest sequence. Raises ModelError where OpenVINO cannot compile it.
    """
    import openvino as ov

    core = hardware.openvino_core()
    cores = hardware.threads()
    wanted = "f32" if exact else hardware.precision()
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": wanted,
        "INFERENCE_NUM_THREADS": cores,
        "NUM_STREAMS": cores,
        # Several processes would be bound to the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    parts = (str(GRAPH_VERSION), ov.get_version(), core.get_property("CPU", "FULL_DEVICE_NAME"), weights_sha256)
    name = f"{kind}-{wanted}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}{SUFFIX}"
    path = cache_folder() / name
    kept = _imported(core, path, options)
    if kept is not None:
        compiled, memory = kept
    else:
        memory = None
        try:
            compiled = core.compile_model(build(), "CPU", options)
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot compile the model: {_first_line(error)}") from error
        _keep(compiled, path)
    return CompiledModel(compiled, cores * REQUESTS_A_CORE, pad=pad, limit=limit, memory=memory)


def cache_folder() -> Path:
    """Where compiled models are kept: QA_CACHE, or the user's cache. It may be deleted at any time."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else user_cache_path("spanqa") / "compiled"


def _padded(length: int, limit: int) -> int:
    return min(limit, -(-length // TILE) * TILE)


def _imported(core: Any, path: Path, options: dict[str, Any]) -> tuple[Any, object] | None:
    """The model compiled before and the memory that it lies in, None where there is none that can be used."""
    import openvino as ov

    try:
        # Mapped, so that only what is used is read, and copied on write, since OpenVINO takes no read-only memory.
        content = np.memmap(path, dtype=np.uint8, mode="c")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.info("the compiled model %s cannot be read (%s): it is compiled again", path, error)
        return None
    if content[-len(_END) :].tobytes() != _END:
        logger.info("the compiled model %s is not whole: it is compiled again", path)
        return None
    try:
        compiled = core.import_model(ov.Tensor(content[: -len(_END)], shared_memory=True), "CPU", options)
    except RuntimeError as error:
        logger.info("the compiled model %s cannot be used (%s): it is compiled again", path, _first_line(error))
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return compiled, content


def _keep(compiled: Any, path: Path) -> None:
    """Write the compiled model beside and move it in place: another process sees all of it or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = compiled.export_model().getvalue()
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_BESIDE, suffix=PART, delete=False) as file:
            try:
                file.write(content)
                file.write(_END)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _clear(path.parent)
    except (OSError, RuntimeError) as error:
        # Without a cache every start compiles anew, which is slower and nothing else.
        logger.info("the compiled model cannot be kept in %s: %s", path.parent, error)


def _clear(folder: Path) -> None:
    """Remove all but the last used compiled models, and what processes that were killed left half-written."""
    used = [(file.stat().st_mtime, file) for file in folder.iterdir() if _OWN_FILE.fullmatch(file.name)]
    whole = sorted((entry for entry in used if entry[1].suffix == SUFFIX), reverse=True)
    halves = [entry for entry in used if entry[1].suffix == PART and entry[0] < time.time() - ABANDONED_S]
    for _, file in (*whole[KEPT:], *halves):
        file.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
