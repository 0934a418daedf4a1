"""A teacher's span distributions, written once and read by every later run: what distillation learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from transformers import AutoModelForQuestionAnswering

from index.disk.private import unfinished, write_to
from index.errors import InputError
from qa.reading.spans import MAX_ANSWER_TOKENS
from qa.reading.windows import WindowMaker, has_token_types, pad_id
from qa.training.data import Row
from qa.training.devices import ATTENTION, batch_tokens_on, training_device
from qa.training.features import Features, batches, build_features, collate, cut_rows

# Positions kept of each distribution: the null and the likeliest others. What is cut off holds next to nothing.
TOP = 20
ROWS_A_PART = 4000
# The log-probability that stands for none.
LOWEST = -1e4
_NULL = -1


@dataclass(frozen=True, slots=True)
class TeacherLabels:
    """Start and end distributions by window. `first` maps a row's key to its first window and their number.

    `start_at`, `end_at` (windows, TOP) int16 count passage tokens from 0, with the null, -1, in column 0;
    `start_log`, `end_log` (windows, TOP) float16 are natural log-probabilities among the null and the passage's tokens.
    """

    first: dict[str, tuple[int, int]]
    start_at: NDArray[np.int16]
    start_log: NDArray[np.float16]
    end_at: NDArray[np.int16]
    end_log: NDArray[np.float16]

    def windows(self, row: Row) -> range | None:
        """The numbers of a row's windows, None where the teacher never read it."""
        place = self.first.get(row_key(row))
        return range(place[0], place[0] + place[1]) if place else None

    def best(self, window: int) -> tuple[int, int] | None:
        """The teacher's best span of a window as passage tokens, first and last; None where the null outscores it."""
        at, to = self.start_at[window].astype(int), self.end_at[window].astype(int)
        scores = self.start_log[window].astype(float)[:, None] + self.end_log[window].astype(float)[None, :]
        more = to[None, :] - at[:, None]
        allowed = (more >= 0) & (more < MAX_ANSWER_TOKENS) & (at[:, None] >= 0)
        allowed[0, 0] = True
        row, column = np.unravel_index(np.argmax(np.where(allowed, scores, -np.inf)), scores.shape)
        return None if row == 0 else (int(at[row]), int(to[column]))


def row_key(row: Row) -> str:
    """What a label is kept under: a digest of the question as it was written and its passage."""
    return hashlib.sha256(f"{row.original or row.question}\0{row.context}".encode()).hexdigest()[:24]


def label_rows(
    rows: Sequence[Row], teacher: Path, folder: Path, *, max_length: int, stride: int, console: Console
) -> None:
    """Let the teacher read rows that have no label in `folder` yet, a part of 4,000 rows at a time.

    `max_length` and `stride` are the student's; the teacher's windows hold the same passage tokens. Interrupted, it
    goes on behind the last whole part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    have = set(load_labels(folder).first)
    missing = {row_key(row): row for row in rows if row_key(row) not in have}
    if not missing:
        return
    keys = list(missing)
    maker = _teacher_windows(teacher, max_length, stride)
    device = training_device()
    model = AutoModelForQuestionAnswering.from_pretrained(
        teacher, attn_implementation=ATTENTION, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    model = model.to(device).eval()
    number = len(list(folder.glob("part-*.npz")))
    parts = range(0, len(keys), ROWS_A_PART)
    for begin in track(parts, "the teacher reads", total=len(parts), console=console):
        chunk = keys[begin : begin + ROWS_A_PART]
        features = build_features([missing[key] for key in chunk], maker)
        arrays = _read(model, features, device)
        part = folder / f"part-{number:05}.npz"
        with write_to(unfinished(part)) as file:
            np.savez(
                file,
                keys=np.array(chunk),
                counts=np.bincount(features.row, minlength=len(chunk)).astype(np.int32),
                start_at=arrays["start_at"],
                start_log=arrays["start_log"],
                end_at=arrays["end_at"],
                end_log=arrays["end_log"],
            )
        unfinished(part).replace(part)
        number += 1


def load_labels(folder: Path) -> TeacherLabels:
    """Every label of a folder; none where the folder is empty or missing."""
    first: dict[str, tuple[int, int]] = {}
    columns: dict[str, list[NDArray[np.generic]]] = {"start_at": [], "start_log": [], "end_at": [], "end_log": []}
    windows = 0
    for path in sorted(folder.glob("part-*.npz")):
        try:
            with np.load(path) as part:
                for key, count in zip(part["keys"].tolist(), part["counts"].tolist(), strict=True):
                    first[key] = (windows, count)
                    windows += count
                for name, column in columns.items():
                    column.append(part[name])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} is not a part of a teacher's labels ({error}); remove it to make it anew"
            ) from error
    kinds = {"start_at": np.int16, "start_log": np.float16, "end_at": np.int16, "end_log": np.float16}
    empty = {name: np.zeros((0, TOP), kind) for name, kind in kinds.items()}
    joined = {name: np.concatenate([empty[name], *column]) for name, column in columns.items()}
    return TeacherLabels(first, **joined)


def agreeing(rows: Sequence[Row], labels: TeacherLabels, maker: WindowMaker) -> Iterator[Row]:
    """The rows, with questions as they were written, on which the teacher agrees with their label: it finds no span in
    an unanswerable row, and in an answerable one its best span overlaps the labelled one and lies in a window where it
    beats the null."""
    for row, cut in cut_rows([row for row in rows if labels.windows(row) is not None], maker):
        windows = labels.windows(row)
        assert windows is not None
        spans = []
        for number, window in zip(windows, cut, strict=True):
            best = labels.best(number)
            if best is not None:
                spans.append((int(window.starts[best[0]]), int(window.ends[best[1]])))
        if row.start is None or row.end is None:
            if not spans:
                yield row
        elif any(start < row.end and row.start < end for start, end in spans):
            yield row


def _teacher_windows(teacher: Path, max_length: int, stride: int) -> WindowMaker:
    """Windows with as much room for the passage as a student's with three special tokens."""
    plain = WindowMaker.from_folder(teacher, max_length=max_length, stride=stride)
    return WindowMaker.from_folder(teacher, max_length=max_length + plain.special_tokens - 3, stride=stride)


def _read(model: torch.nn.Module, features: Features, device: torch.device) -> dict[str, NDArray[np.generic]]:
    count = len(features)
    start_at, end_at = np.zeros((count, TOP), np.int16), np.zeros((count, TOP), np.int16)
    start_log, end_log = np.zeros((count, TOP), np.float16), np.zeros((count, TOP), np.float16)
    pad = pad_id(model.config)
    typed = has_token_types(model.config)
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16):
        for windows in batches(features, batch_tokens_on(device, 4096), seed=0):
            ids, mask, types, _, _ = (torch.from_numpy(part).to(device) for part in collate(features, windows, pad))
            extra = {"token_type_ids": types} if typed else {}
            output = model(input_ids=ids, attention_mask=mask, **extra)
            head = torch.from_numpy(features.passage_start[windows].astype(np.int64)).to(device)
            for at, log, logits in (
                (start_at, start_log, output.start_logits),
                (end_at, end_log, output.end_logits),
            ):
                at[windows], log[windows] = top_of(logits.float(), head, mask.sum(dim=1))
    return {"start_at": start_at, "start_log": start_log, "end_at": end_at, "end_log": end_log}


def top_of(
    logits: torch.Tensor, passage_start: torch.Tensor, lengths: torch.Tensor
) -> tuple[NDArray[np.int16], NDArray[np.float16]]:
    """The null and the likeliest passage tokens of a batch of distributions, renormalised over null and passage.

    Logits (windows, tokens), passage starts and lengths (windows,) in tokens; positions and log-probabilities
    (windows, TOP) as in `TeacherLabels`. A short passage leaves columns over; they repeat the null at no probability.
    """
    place = torch.arange(logits.shape[1], device=logits.device)[None, :]
    # The last token of a window closes it.
    passage = (place >= passage_start[:, None]) & (place < lengths[:, None] - 1)
    log = logits.masked_fill(~(passage | (place == 0)), -torch.inf).log_softmax(dim=1)
    best = log.masked_fill(~passage, -torch.inf).topk(min(TOP - 1, logits.shape[1]), dim=1)
    held = best.values > -torch.inf
    at = np.full((len(logits), TOP), _NULL, np.int16)
    value = np.full((len(logits), TOP), LOWEST, np.float16)
    value[:, 0] = log[:, 0].clamp_min(LOWEST).cpu().numpy()
    columns = slice(1, 1 + best.indices.shape[1])
    at[:, columns] = torch.where(held, best.indices - passage_start[:, None], _NULL).cpu().numpy()
    value[:, columns] = best.values.clamp_min(LOWEST).cpu().numpy()
    return at, value
