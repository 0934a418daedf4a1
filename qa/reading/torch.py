"""Logits by torch: any extractive reader of transformers, and the reference for what OpenVINO computes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from index.errors import ModelError
from index.models import hardware
from index.models.openvino import one_by_one
from index.models.weights import require_no_pickles
from qa.reading.folder import ReaderFolder
from qa.reading.logits import Logits
from qa.reading.windows import Window, has_token_types, pad_id

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Padded tokens in one forward pass: enough to fill the matrix units, small enough to stay in cache.
BATCH_TOKENS = 4096


class TorchModel:
    """Any folder or name that AutoModelForQuestionAnswering loads."""

    runtime: Literal["torch"] = "torch"

    def __init__(self, folder: ReaderFolder, *, exact: bool = False) -> None:
        """`exact` computes in fp32 on the CPU, whatever is here: the reference."""
        self._folder = folder
        self._exact = exact
        self._guard = threading.Lock()

    @property
    def is_exact(self) -> bool:
        return self._exact or hardware.has_cuda() or not hardware.fast_matrix_products()

    def load(self) -> None:
        with self._guard:
            self._model  # noqa: B018 - kept from here on

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        import torch

        logits_by_number: dict[int, Logits] = {}
        batches = _batches(windows) if self._together else one_by_one([len(window) for window in windows])
        # One pass at a time: two at once on the same cores are slower than one after the other.
        with self._guard, torch.inference_mode():
            for batch in batches:
                start, end = self._logits([windows[number] for number in batch])
                for row, number in enumerate(batch):
                    n = len(windows[number])
                    logits_by_number[number] = start[row, :n], end[row, :n]
        return [logits_by_number[number] for number in range(len(windows))]

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
        require_no_pickles(self._folder.local)
        try:
            model: PreTrainedModel = AutoModelForQuestionAnswering.from_pretrained(
                self._folder.local, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"the reader {self._folder.name!r} cannot be loaded: {error}") from error
        model.train(False)
        if self._exact:
            return model
        if torch.cuda.is_available():
            model.to(device="cuda")  # type: ignore[call-arg]
        elif hardware.fast_matrix_products():
            _encoder_in_bf16(model)
        return model

    @property
    def _together(self) -> bool:
        """Whether windows share batches: a graphics card is no use without, at the price of answers that may differ in
        their last digits with the windows beside them."""
        import torch

        return torch.cuda.is_available() and not self._exact

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


def _batches(windows: Sequence[Window]) -> list[list[int]]:
    """Numbers of the windows by length, in batches of a bounded number of padded tokens."""
    order = sorted(range(len(windows)), key=lambda number: len(windows[number]))
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
