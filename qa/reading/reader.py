"""Reading passages: the protocol, readers that cut windows, and opening one on what can run it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

from index.errors import ModelError
from index.models import bert_graph as bert
from index.models.runtime import choose, wanted_runtime
from qa.reading.exact_on_ties import ExactOnTies
from qa.reading.fallback import Fallback
from qa.reading.folder import ReaderFolder
from qa.reading.logits import Logits, LogitsModel
from qa.reading.openvino import OpenVinoModel
from qa.reading.spans import SPANS_PER_WINDOW, Span, window_spans
from qa.reading.torch import TorchModel
from qa.reading.windows import Window, WindowMaker

BUNDLED_READER = Path(__file__).parents[1] / "models" / "reader"
DEFAULT_READER = "spanqa-minilm-l6"
MAX_LENGTH = 256
STRIDE = 96


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

        `headings` are what the passages stand under (see `qa.reading.heading`), in the same shape, "" for none; spans
        are never in them. A passage longer than a window is read in overlapping ones; a span found twice is given once,
        with its best margin. A passage without words has no spans.
        """
        ...


def open_reader(model: str = DEFAULT_READER, runtime: str | None = None) -> WindowReader:
    """The reader of a name or folder, on the runtime named (see `index.models.runtime`).

    Nothing is loaded before it is used. Raises ModelError for a runtime that cannot run it.
    """
    wanted = wanted_runtime(runtime)
    if choose(wanted, bert.obstacle(model_folder(model))) == "torch":
        return torch_reader(model)
    return openvino_reader(model, fall_back=wanted == "auto")


def openvino_reader(
    model: str = DEFAULT_READER,
    *,
    max_length: int = MAX_LENGTH,
    stride: int = STRIDE,
    exact: bool = False,
    fall_back: bool = False,
) -> WindowReader:
    """A reader run by OpenVINO: in bf16 where the CPU multiplies it in hardware, and windows that bf16 cannot decide in
    fp32. `exact` computes all in fp32; with `fall_back` torch takes over where OpenVINO cannot load the model.

    Raises ModelError for a folder that OpenVINO cannot run.
    """
    folder = _folder(model)
    precise = OpenVinoModel(folder, exact=True)
    max_length = min(max_length, precise.positions)

    def or_torch(first: LogitsModel, *, exact: bool) -> LogitsModel:
        return Fallback(model, first, lambda: TorchModel(folder, exact=exact)) if fall_back else first

    if exact:
        return WindowReader(folder, or_torch(precise, exact=True), max_length=max_length, stride=stride)
    on_ties = ExactOnTies(OpenVinoModel(folder), or_torch(precise, exact=True))
    return WindowReader(folder, or_torch(on_ties, exact=False), max_length=max_length, stride=stride)


def torch_reader(
    model: str = DEFAULT_READER, *, max_length: int = MAX_LENGTH, stride: int = STRIDE, exact: bool = False
) -> WindowReader:
    """A reader run by torch; `exact` computes in fp32 on the CPU, whatever is here: the reference."""
    folder = _folder(model)
    return WindowReader(folder, TorchModel(folder, exact=exact), max_length=max_length, stride=stride)


def model_folder(model: str) -> Path:
    """The folder of the bundled reader or of one named by its path; another name makes a path that is no folder."""
    return BUNDLED_READER if model == DEFAULT_READER else Path(model)


def _folder(model: str) -> ReaderFolder:
    path = model_folder(model)
    if model == DEFAULT_READER and not (path / "config.json").is_file():
        raise ModelError(f"the bundled reader is missing at {path}; reinstall spanqa, or name a --reader")
    return ReaderFolder(model, path)


class WindowReader:
    """A reader that cuts windows and takes the spans of their logits, whatever model computes these."""

    def __init__(
        self, folder: ReaderFolder, model: LogitsModel, *, max_length: int = MAX_LENGTH, stride: int = STRIDE
    ) -> None:
        self._folder = folder
        self._model = model
        self._max_length = max_length
        self._stride = stride

    @property
    def name(self) -> str:
        return self._folder.name

    @property
    def sha256(self) -> str:
        return self._folder.sha256

    @property
    def runtime(self) -> Literal["openvino", "torch"]:
        """What runs its model."""
        return self._model.runtime

    def load(self) -> None:
        """Load all that reading needs, which otherwise the first question waits for. Raises ModelError."""
        self._model.load()
        self._windows, self.sha256  # noqa: B018 - kept from here on

    def read(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]] | None = None,
    ) -> list[list[list[Span]]]:
        if headings is None or not self._folder.reads_headings:
            headings = [[""] * len(texts) for texts in passages]
        # The same words in several documents, or a question that several ask at once, are read once.
        windows: dict[tuple[bytes | int, ...], Window] = {}
        owners: dict[tuple[bytes | int, ...], list[tuple[int, int]]] = {}
        for question, (text, texts, above) in enumerate(zip(questions, passages, headings, strict=True)):
            for passage, cut in enumerate(self._windows.windows(text, list(texts), above) if texts else []):
                for window in cut:
                    key = _identity(window)
                    windows.setdefault(key, window)
                    owners.setdefault(key, []).append((question, passage))
        spans: list[list[list[Span]]] = [[[] for _ in texts] for texts in passages]
        for key, spans_of_window in zip(windows, self._read_windows(list(windows.values())), strict=True):
            for question, passage in owners[key]:
                spans[question][passage].extend(spans_of_window)
        return [[_distinct(spans_of_passage) for spans_of_passage in by_passage] for by_passage in spans]

    def cut(self, questions: Sequence[str], passages: Sequence[str]) -> list[list[Window]]:
        """The windows in which each question is read with the passage at the same place."""
        return self._windows.paired(list(questions), list(passages))

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        """As `LogitsModel.logits`."""
        return self._model.logits(windows)

    def _read_windows(self, windows: Sequence[Window]) -> list[list[Span]]:
        """The best spans of every window."""
        return [window_spans(window, *logits) for window, logits in zip(windows, self.logits(windows), strict=True)]

    @cached_property
    def _windows(self) -> WindowMaker:
        return self._folder.window_maker(self._max_length, self._stride)


def _identity(window: Window) -> tuple[bytes | int, ...]:
    """What windows share whose spans are the same."""
    arrays = (window.ids, window.starts, window.ends, window.paragraphs)
    return (*(array.tobytes() for array in arrays), window.passage_start)


def _distinct(spans: list[Span]) -> list[Span]:
    best: dict[tuple[int, int], Span] = {}
    for span in spans:
        known = best.get((span.start, span.end))
        if known is None or span.margin > known.margin:
            best[span.start, span.end] = span
    ranked = sorted(best.values(), key=lambda span: (-span.margin, span.start, span.end))
    return ranked[: 2 * SPANS_PER_WINDOW]
