"""The training loop: bf16, linear schedules, a teacher's distributions beside the labels, checkpoints to go on from."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import AutoModelForQuestionAnswering, PreTrainedModel

from index.disk.private import unfinished, write_to
from index.errors import InputError
from qa.reading.windows import WindowMaker, has_token_types, pad_id
from qa.training.config import Phase, Recipe
from qa.training.data import Row
from qa.training.devices import ATTENTION, training_device
from qa.training.features import batches, build_features, collate
from qa.training.teaching.comparison import question_groups, shared_loss
from qa.training.teaching.distillation import SoftTargets, span_loss
from qa.training.teaching.labels import TeacherLabels

MAX_GRADIENT_NORM = 1.0
# Steps between two looks at the loss: each makes a graphics card wait for all that it was given.
READ_EVERY = 20
SMOOTHING = 0.8


@dataclass(slots=True)
class _Position:
    """How far a run is: whole tokens and steps done, the phase, the epoch in it and the batch in that."""

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    tokens: int = 0
    phase_tokens: int = 0


class Trainer:
    """Trains a reader by a recipe.

    base: folder of the encoder to start from. work: folder for checkpoints. rows_of: the rows of a phase, asked for
    when the phase begins. labels: what a teacher made of some of them. Resumes from `work/checkpoint.pt`
    where the recipe is the same.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        base: Path,
        work: Path,
        rows_of: Callable[[Phase], list[Row]],
        console: Console,
        labels: TeacherLabels | None = None,
    ) -> None:
        self._recipe = recipe
        self._work = work
        self._rows_of = rows_of
        self._console = console
        self._labels = labels
        self._device = training_device()
        torch.manual_seed(recipe.seed)
        self._maker = WindowMaker.from_folder(base, max_length=recipe.max_length, stride=recipe.stride)
        self._model: PreTrainedModel = AutoModelForQuestionAnswering.from_pretrained(
            base,
            attn_implementation=ATTENTION,
            hidden_dropout_prob=recipe.dropout,
            attention_probs_dropout_prob=recipe.dropout,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
        ).to(self._device)
        self._typed = has_token_types(self._model.config)
        self._pad_id = pad_id(self._model.config)
        self._optimizer = self._make_optimizer()
        self._at = _Position()
        # The weights that count in the mean, summed as much as they count.
        self._summed: dict[str, torch.Tensor] = {}

    @property
    def model(self) -> PreTrainedModel:
        return self._model

    def train(self, last_phase: str | None = None) -> None:
        """Run every phase, or up to `last_phase`, from the newest checkpoint."""
        self._load_checkpoint()
        self._model.train()
        gc.collect()
        gc.disable()
        try:
            while self._at.phase < len(self._recipe.phases):
                phase = self._recipe.phases[self._at.phase]
                if self._at == _Position():
                    self._count(self._recipe.base_averaged)
                self._run_phase(phase)
                self._count(phase.averaged)
                self._at = _Position(phase=self._at.phase + 1, step=self._at.step, tokens=self._at.tokens)
                self._save_checkpoint()
                if phase.name == last_phase:
                    break
            if self._at.phase == len(self._recipe.phases):
                self._average()
        finally:
            gc.enable()

    def _count(self, share: float) -> None:
        """Have the weights as they are now count so much in the mean."""
        if share > 0:
            for name, value in self._model.state_dict().items():
                if value.is_floating_point():
                    self._summed[name] = self._summed.get(name, torch.zeros_like(value)) + share * value

    def _average(self) -> None:
        """Put the mean of the weights that were counted in the place of the model's own."""
        counted = self._recipe.base_averaged + sum(phase.averaged for phase in self._recipe.phases)
        if self._summed:
            mean = {name: value / counted for name, value in self._summed.items()}
            self._model.load_state_dict({**self._model.state_dict(), **mean})

    def _run_phase(self, phase: Phase) -> None:
        if phase.learning_rate is not None and self._at.phase_tokens == 0:
            self._optimizer = self._make_optimizer()
        rows = self._rows_of(phase)
        features = build_features(rows, self._maker)
        soft = SoftTargets.of(rows, features, self._labels) if self._labels else None
        groups = question_groups(rows, features) if phase.shared else None
        answerable = int((features.start > 0).sum())
        self._console.print(
            f"phase {phase.name}: {len(rows):,} rows, {len(features):,} windows ({answerable:,} with an answer), "
            f"{int(features.lengths.sum()):,} tokens an epoch, {soft.taught if soft else 0:,} taught"
        )
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} tokens"),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        with progress:
            bar = progress.add_task(phase.name, total=phase.tokens, completed=self._at.phase_tokens, loss=math.nan)
            smooth = math.nan
            while self._at.phase_tokens < phase.tokens:
                seed = self._recipe.seed + 1000 * self._at.phase + self._at.epoch
                for number, windows in enumerate(batches(features, self._recipe.batch_tokens, seed, groups)):
                    if number < self._at.batch:
                        continue
                    batch = self._tensors(collate(features, windows, self._pad_id))
                    taught = self._tensors(soft.batch(windows)) if soft else None
                    together = torch.from_numpy(groups[windows]).to(self._device) if groups is not None else None
                    loss = self._step(batch, taught, together, phase)
                    size = batch[0].numel()
                    if number % READ_EVERY == 0:
                        now = float(loss)
                        smooth = now if math.isnan(smooth) else SMOOTHING * smooth + (1 - SMOOTHING) * now
                    self._at.batch, self._at.step = number + 1, self._at.step + 1
                    self._at.tokens += size
                    self._at.phase_tokens += size
                    progress.update(bar, completed=self._at.phase_tokens, loss=smooth)
                    if self._at.step % self._recipe.checkpoint_every == 0:
                        self._save_checkpoint()
                        if not self._console.is_terminal:
                            self._console.print(f"{phase.name}: {self._at.tokens:,} tokens, loss {smooth:.3f}")
                    if self._at.phase_tokens >= phase.tokens:
                        return
                self._at.epoch, self._at.batch = self._at.epoch + 1, 0

    def _tensors(self, arrays: Iterable[NDArray[np.generic]]) -> list[torch.Tensor]:
        return [torch.from_numpy(array).to(self._device, non_blocking=True) for array in arrays]

    def _step(
        self,
        batch: list[torch.Tensor],
        taught: list[torch.Tensor] | None,
        together: torch.Tensor | None,
        phase: Phase,
    ) -> torch.Tensor:
        ids, mask, types, start, end = batch
        rate = self._recipe.learning_rate_at(self._at.phase, self._at.tokens)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        typed = {"token_type_ids": types} if self._typed else {}
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            output = self._model(input_ids=ids, attention_mask=mask, **typed)
        # Positions beyond a window's own tokens must not take part in its softmax.
        padding = mask == 0
        start_logits = output.start_logits.float().masked_fill(padding, -1e4)
        end_logits = output.end_logits.float().masked_fill(padding, -1e4)
        temperature = self._recipe.temperature
        loss = span_loss((start_logits, end_logits), (start, end), taught, temperature, phase.doubt)
        if together is not None:
            loss = torch.lerp(loss, shared_loss((start_logits, end_logits), (start, end), together), phase.shared)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), MAX_GRADIENT_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def _make_optimizer(self) -> torch.optim.Optimizer:
        decayed = [p for p in self._model.parameters() if p.ndim > 1]
        plain = [p for p in self._model.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self._recipe.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self._recipe.learning_rate, fused=True)

    @property
    def _checkpoint(self) -> Path:
        return self._work / "checkpoint.pt"

    def _save_checkpoint(self) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": self._recipe.fingerprint(),
            "position": {name: getattr(self._at, name) for name in _Position.__slots__},
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "summed": self._summed,
        }
        beside = unfinished(self._checkpoint)
        with write_to(beside) as file:
            torch.save(state, file)
        beside.replace(self._checkpoint)

    def _load_checkpoint(self) -> None:
        if not self._checkpoint.is_file():
            return
        state = torch.load(self._checkpoint, map_location=self._device, weights_only=True)
        if state["recipe"] != self._recipe.fingerprint():
            raise InputError(
                f"{self._checkpoint} is of another recipe; give another --work folder or remove that file to start anew"
            )
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._summed = state["summed"]
        self._at = _Position(**state["position"])
        self._console.print(f"resuming at {self._at.tokens:,} tokens")
