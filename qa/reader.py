"""Reading passages: the protocol, the OpenVINO backend and the transformers one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index import bert
from index.embedder import fast_matrix_products, weights_sha256
from index.errors import ModelError
from index.runtime import choose, report_fallback, wanted_runtime
from qa.near_ties import near_ties
from qa.spans import SPANS_PER_WINDOW, Span, window_spans
from qa.windows import Window, WindowMaker, has_token_types, pad_id, reads_headings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from index.compiled import CompiledModel

BUNDLED_READER = Path(__file__).with_name("models") / "reader"
DEFAULT_READER = "spanqa-minilm-l6"
MAX_LENGTH = 256
STRIDE = 96
# Padded tokens in one forward pass: enough to fill the matrix units, small enough to stay in cache.
BATCH_TOKENS = 4096

Logits = tuple[NDArray[np.float32], NDArray[np.float32]]


class Reader(Protocol):
    """Finds the spans of passages that answer a question."""

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    def read(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]] | None = None,
    ) -> list[list[list[Span]]]:
        """For every question and each of its passages the best spans, best first, in code points of the passage.

        `headings` are what the passages stand under (see `qa.heading`), in the same shape, "" for none; spans are never
        in them. A passage longer than a window is read in overlapping ones; a span found twice is given once, with its
        best margin. A passage without words has no spans.
        """
        ...


def open_reader(model: str = DEFAULT_READER, runtime: str | None = None) -> Reader:
    """The reader of a name or folder, on the runtime named (see `index.runtime`).

    Nothing is loaded before it is used. Raises ModelError for a runtime that cannot run it.
    """
    wanted = wanted_runtime(runtime)
    if choose(wanted, bert.obstacle(model_folder(model))) == "torch":
        return TransformersReader(model)
    return OpenVinoReader(model, fall_back=wanted == "auto")


def model_folder(model: str) -> Path:
    """The folder of the bundled reader or of one named by its path; another name makes a path that is no folder."""
    return BUNDLED_READER if model == DEFAULT_READER else Path(model)


class WindowReader(ABC):
    """What every reader that is a model folder has in common: its identity, its windows, and the spans of logits."""

    def __init__(self, model: str = DEFAULT_READER, *, max_length: int = MAX_LENGTH, stride: int = STRIDE) -> None:
        self._name = model
        self._folder = model_folder(model)
        if model == DEFAULT_READER and not (self._folder / "config.json").is_file():
            raise ModelError(f"the bundled reader is missing at {self._folder}; reinstall spanqa, or name a --reader")
        self._max_length = max_length
        self._stride = stride

    @property
    def name(self) -> str:
        return self._name

    @cached_property
    def sha256(self) -> str:
        return weights_sha256(self._local_folder)

    def read(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]] | None = None,
    ) -> list[list[list[Span]]]:
        if headings is None or not self._reads_headings:
            headings = [[""] * len(own) for own in passages]
        # The same words in several documents, or a question that several ask at once, are read once.
        windows: dict[tuple[bytes | int, ...], Window] = {}
        owners: dict[tuple[bytes | int, ...], list[tuple[int, int]]] = {}
        for question, (text, own, above) in enumerate(zip(questions, passages, headings, strict=True)):
            for passage, cut in enumerate(self._windows.windows(text, list(own), above) if own else []):
                for window in cut:
                    key = _identity(window)
                    windows.setdefault(key, window)
                    owners.setdefault(key, []).append((question, passage))
        found: list[list[list[Span]]] = [[[] for _ in own] for own in passages]
        for key, spans in zip(windows, self._read_windows(list(windows.values())), strict=True):
            for question, passage in owners[key]:
                found[question][passage].extend(spans)
        return [[_distinct(spans) for spans in own] for own in found]

    def cut(self, questions: Sequence[str], passages: Sequence[str]) -> list[list[Window]]:
        """The windows in which each question is read with the passage at the same place."""
        return self._windows.paired(list(questions), list(passages))

    @abstractmethod
    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        """Of every window the logits (n,) of its n tokens, in fp32: to start an answer, and to end it."""

    def _read_windows(self, windows: Sequence[Window]) -> list[list[Span]]:
        """The best spans of every window."""
        return [window_spans(window, *own) for window, own in zip(windows, self.logits(windows), strict=True)]

    @cached_property
    def _local_folder(self) -> Path:
        if self._folder.is_dir():
            return self._folder
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(self._name, allow_patterns=["*.json", "*.txt", "*.safetensors"]))
        except (OSError, ValueError) as error:
            raise ModelError(f"no reader folder {self._name!r}, and no model of that name to fetch: {error}") from error

    @cached_property
    def _reads_headings(self) -> bool:
        return reads_headings(self._local_folder)

    @cached_property
    def _windows(self) -> WindowMaker:
        return WindowMaker.from_folder(self._local_folder, max_length=self._max_length, stride=self._stride)


class OpenVinoReader(WindowReader):
    """A folder of BertForQuestionAnswering run by OpenVINO, without torch; with `fall_back`, torch takes over where
    OpenVINO fails. bf16 where the CPU multiplies it in hardware, the span head in fp32, and windows that bf16 cannot
    decide in fp32 altogether."""

    def __init__(
        self,
        model: str = DEFAULT_READER,
        *,
        max_length: int = MAX_LENGTH,
        stride: int = STRIDE,
        fall_back: bool = True,
        exact: bool = False,
    ) -> None:
        """`exact` computes in fp32 on any CPU."""
        super().__init__(model, max_length=max_length, stride=stride)
        self._exact = exact
        obstacle = bert.obstacle(self._folder)
        if obstacle:
            raise ModelError(f"the reader {model!r} cannot be run by OpenVINO: {obstacle}")
        self._max_length = min(max_length, self._config.max_position_embeddings)
        self._fall_back = fall_back
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load all that reading needs, which otherwise the first question waits for. Raises ModelError."""
        with self._loading:
            self._model  # noqa: B018 - kept from here on
        self._windows, self.sha256  # noqa: B018

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        if not windows:
            return []
        with self._loading:
            model = self._model
        found = self._run(model, windows)
        if self._in_fp32 or isinstance(model, TransformersReader):
            return found
        undecided = near_ties(windows, found)
        if undecided:
            with self._loading:
                exact = self._exact_model
            again = self._run(exact, [windows[number] for number in undecided])
            for number, own in zip(undecided, again, strict=True):
                found[number] = own
        return found

    def _run(self, model: CompiledModel | TransformersReader, windows: Sequence[Window]) -> list[Logits]:
        if isinstance(model, TransformersReader):
            return model.logits(windows)
        typed = self._config.type_vocab_size > 1
        starts = [window.passage_start if typed else len(window) for window in windows]
        found: dict[int, Logits] = {}
        for numbers, (start, end) in model.run([window.ids for window in windows], starts):
            for row, number in enumerate(numbers):
                n = len(windows[number])
                found[number] = start[row, :n], end[row, :n]
        return [found[number] for number in range(len(windows))]

    @cached_property
    def _model(self) -> CompiledModel | TransformersReader:
        return self._loaded(exact=self._exact)

    @cached_property
    def _exact_model(self) -> CompiledModel | TransformersReader:
        return self._loaded(exact=True)

    def _loaded(self, *, exact: bool) -> CompiledModel | TransformersReader:
        from index.compiled import load

        try:
            return load(
                "span",
                self.sha256,
                lambda: bert.span_graph(self._folder),
                pad=self._config.pad_token_id or 0,
                limit=self._config.max_position_embeddings,
                exact=exact,
            )
        except (ModelError, ImportError) as error:
            if not self._fall_back:
                raise
            report_fallback(self._name, error)
            return TransformersReader(self._name, max_length=self._max_length, stride=self._stride, exact=exact)

    @cached_property
    def _in_fp32(self) -> bool:
        from index.compiled import precision

        return self._exact or precision() != "bf16"

    @cached_property
    def _config(self) -> bert.BertConfig:
        return bert.read_config(self._folder)


class TransformersReader(WindowReader):
    """An extractive reader: the bundled one, or any folder or name that AutoModelForQuestionAnswering loads."""

    def __init__(
        self, model: str = DEFAULT_READER, *, max_length: int = MAX_LENGTH, stride: int = STRIDE, exact: bool = False
    ) -> None:
        """`exact` computes in fp32 on the CPU, whatever is here: the reference."""
        super().__init__(model, max_length=max_length, stride=stride)
        self._exact = exact
        self._guard = threading.Lock()

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        import torch

        found: dict[int, Logits] = {}
        order = sorted(range(len(windows)), key=lambda number: len(windows[number]))
        # One pass at a time: two at once on the same cores are slower than one after the other.
        with self._guard, torch.inference_mode():
            for batch in _batches(windows, order):
                start, end = self._logits([windows[number] for number in batch])
                for row, number in enumerate(batch):
                    n = len(windows[number])
                    found[number] = start[row, :n], end[row, :n]
        return [found[number] for number in range(len(windows))]

    def _logits(self, windows: list[Window]) -> Logits:
        import torch

        longest = max(len(window) for window in windows)
        ids = np.full((len(windows), longest), self._pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        types = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window.ids
            mask[row, : len(window)] = 1
            types[row, window.passage_start : len(window)] = 1
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self._typed:
            inputs["token_type_ids"] = torch.from_numpy(types)
        device = self._model.device
        output = self._model(**{name: tensor.to(device) for name, tensor in inputs.items()})
        return output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()

    @cached_property
    def _model(self) -> PreTrainedModel:
        import torch
        from transformers import AutoModelForQuestionAnswering
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model: PreTrainedModel = AutoModelForQuestionAnswering.from_pretrained(
                self._local_folder, dtype=torch.float32
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"the reader {self._name!r} cannot be loaded: {error}") from error
        model.train(False)
        if self._exact:
            return model
        if torch.cuda.is_available():
            model.to(device="cuda")  # type: ignore[call-arg]
        elif fast_matrix_products():
            _encoder_in_bf16(model)
        return model

    @cached_property
    def _typed(self) -> bool:
        return has_token_types(self._model.config)

    @cached_property
    def _pad_id(self) -> int:
        return pad_id(self._model.config)


def _encoder_in_bf16(model: PreTrainedModel) -> None:
    """Run the encoder in bf16 and the span head in fp32: logits in bf16 would tie and jump by a thirtieth."""
    import torch

    head: Any = getattr(model, "qa_outputs", None)
    if head is None:
        return
    model.to(dtype=torch.bfloat16)  # type: ignore[call-arg]
    head.to(torch.float32)
    head.register_forward_pre_hook(lambda _module, args: tuple(value.float() for value in args))


def _identity(window: Window) -> tuple[bytes | int, ...]:
    """What windows share whose spans are the same."""
    arrays = (window.ids, window.starts, window.ends, window.paragraphs)
    return (*(array.tobytes() for array in arrays), window.passage_start)


def _batches(windows: Sequence[Window], order: list[int]) -> list[list[int]]:
    """Cut windows, ordered by length, into batches of a bounded number of padded tokens."""
    batches: list[list[int]] = []
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * len(windows[number]) > BATCH_TOKENS:
            batches.append(batch)
            batch = []
        batch.append(number)
    if batch:
        batches.append(batch)
    return batches


def _distinct(spans: list[Span]) -> list[Span]:
    best: dict[tuple[int, int], Span] = {}
    for span in spans:
        known = best.get((span.start, span.end))
        if known is None or span.margin > known.margin:
            best[span.start, span.end] = span
    ranked = sorted(best.values(), key=lambda span: (-span.margin, span.start, span.end))
    return ranked[: 2 * SPANS_PER_WINDOW]
