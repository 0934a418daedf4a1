"""The recipe of a training run: what is read, in which proportion and order, and how fast it is learnt."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from index.errors import InputError

DEFAULT_RECIPE = Path(__file__).with_name("recipe.toml")
TEACHER_RECIPE = Path(__file__).with_name("teacher.toml")


class Source(BaseModel):
    """One source of a phase: the stem of a file in the data folder, or a name made by this package.

    `rows` caps how many rows are drawn (seeded, without replacement); `repeat` is how often they are seen. `teacher` is
    the share of the loss that the teacher's distribution takes from the rows' own labels; `agreed` keeps only rows on
    whose label the teacher agrees. `headed` is the share of the rows that are shown under their heading, or their
    title where they have none: a reader has to do with and without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    rows: int | None = Field(default=None, gt=0)
    repeat: int = Field(default=1, ge=1, le=8)
    teacher: float = Field(default=0.0, ge=0, le=1)
    agreed: bool = False
    headed: float = Field(default=0.0, ge=0, le=1)

    @property
    def taught(self) -> bool:
        return self.teacher > 0 or self.agreed


class Phase(BaseModel):
    """One pass over a mixture. A phase with a `learning_rate` of its own begins a new schedule and a new optimizer;
    phases without share the schedule of the one before. `variants` is the share of questions that are shown as users
    type them: without marks, as keywords, with a slip. `shared` is the share of the loss in which all passages of a
    question are normalised together (see `qa.training.teaching.comparison`). `averaged` is
    what the weights at its end count in the mean that the run ends with (see `Recipe`). `doubt` is the weight of the
    teacher's null by itself (see `qa.training.teaching.distillation.span_loss`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tokens: int = Field(gt=0, description="padded tokens to train on in this phase, at most")
    learning_rate: float | None = Field(default=None, gt=0)
    variants: float = Field(default=0.0, ge=0, le=1)
    shared: float = Field(default=0.0, ge=0, le=1)
    averaged: float = Field(default=0.0, ge=0, le=1)
    doubt: float = Field(default=0.0, ge=0)
    sources: list[Source]


class Making(BaseModel):
    """From which sources negatives and edited questions are made, how many whole articles distract, and how many
    negatives and how many edits a question gets at most. `documents` names sets of questions on whole documents (see
    `qa.training.making.document_questions`), from which `document_answers`, `document_traps` and
    `document_negatives` are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: list[str] = []
    documents: list[str] = []
    distractor_articles: int = Field(default=150, ge=0)
    negatives_each: int = Field(default=1, ge=1, le=8)
    edits_each: int = Field(default=1, ge=1, le=8)


class Recipe(BaseModel):
    """A training recipe. Lengths are in tokens, `warmup` is a share of a schedule's tokens, and so is `decay`, the
    last of them, in which the rate falls to zero: 1 for all behind the warm-up, less to hold the rate in between
    (Hu et al. 2024, arXiv:2404.06395). `dropout` is a probability (0 unless many epochs overfit: on a CPU it costs
    more than the matrix products), `temperature` softens the teacher's distributions (Hinton, Vinyals and Dean
    2015). A run whose phases are `averaged` ends with the mean of the weights at their ends, each counting that
    much, and of those that it began with, which count `base_averaged` (Wortsman et al. 2022, arXiv:2203.05482); any
    other with the weights that it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 13
    max_length: int = Field(default=256, ge=32, le=512)
    stride: int = Field(default=96, ge=0)
    batch_tokens: int = Field(default=6144, ge=512)
    learning_rate: float = Field(default=1.5e-4, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.06, ge=0, lt=1)
    decay: float = Field(default=1.0, gt=0, le=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    temperature: float = Field(default=2.0, ge=1)
    base_averaged: float = Field(default=0.0, ge=0, le=1)
    checkpoint_every: int = Field(default=200, ge=1, description="optimizer steps between checkpoints")
    making: Making = Field(default_factory=Making)
    phases: list[Phase] = Field(min_length=1)

    @property
    def total_tokens(self) -> int:
        return sum(phase.tokens for phase in self.phases)

    @property
    def taught(self) -> bool:
        """Whether some source needs a teacher."""
        return any(source.taught for phase in self.phases for source in phase.sources)

    @property
    def headed(self) -> bool:
        """Whether some rows are shown under their headings."""
        return any(source.headed > 0 for phase in self.phases for source in phase.sources)

    def learning_rate_at(self, phase: int, tokens: int) -> float:
        """The rate in a phase after so many tokens of the whole run: linear warm-up, constant, linear decay to zero."""
        phases_beginning = [
            number for number, one in enumerate(self.phases) if number == 0 or one.learning_rate is not None
        ]
        first = max(number for number in phases_beginning if number <= phase)
        last = min([number for number in phases_beginning if number > phase], default=len(self.phases))
        before = sum(one.tokens for one in self.phases[:first])
        share = (tokens - before) / sum(one.tokens for one in self.phases[first:last])
        peak = self.phases[first].learning_rate or self.learning_rate
        if share < self.warmup:
            return peak * max(0.0, share) / self.warmup
        falling = min(self.decay, 1 - self.warmup)
        return peak * min(1.0, max(0.0, (1 - share) / falling))

    def fingerprint(self) -> str:
        """SHA-256 of the recipe, kept in checkpoints so that a changed recipe is not resumed by mistake."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def load_recipe(path: Path = DEFAULT_RECIPE) -> Recipe:
    """Read a recipe from TOML; raises InputError naming the file and field."""
    try:
        with path.open("rb") as file:
            return Recipe.model_validate(tomllib.load(file))
    except FileNotFoundError as error:
        raise InputError(f"no recipe at {path}; name one with --recipe") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {field}: {first['msg']}") from error
