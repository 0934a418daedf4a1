"""A phase's rows: the sources that the recipe names, capped, repeated, filtered by the teacher and varied."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qa.reading.windows import WindowMaker
from qa.training.config import Phase, Recipe, Source
from qa.training.data import Row, find_source, read_rows, sample
from qa.training.making.variants import variant
from qa.training.teaching.labels import TeacherLabels, agreeing

MadeSource = Callable[[], list[Row]]


def source_rows(source: Source, phase: Phase, recipe: Recipe, data_dir: Path, made: dict[str, MadeSource]) -> list[Row]:
    """The rows of a source in a phase. `made` maps the names of generated sources to what makes (or reloads) them."""
    make = made.get(source.name)
    found = make() if make else read_rows(find_source(data_dir, source.name))
    # Another sample in each phase, so that a capped source shows as many of its rows as it can.
    return sample(found, source.rows, recipe.seed + recipe.phases.index(phase))


def phase_rows(
    phase: Phase,
    recipe: Recipe,
    data_dir: Path,
    made: dict[str, MadeSource],
    *,
    teacher: tuple[TeacherLabels, WindowMaker] | None = None,
) -> list[Row]:
    """The rows of a phase. `teacher`, its labels and the student's windows, is needed where a source asks for it."""
    rng = random.Random(recipe.seed + recipe.phases.index(phase))
    rows: list[Row] = []
    for source in phase.sources:
        drawn = source_rows(source, phase, recipe, data_dir, made)
        if source.agreed and teacher is not None:
            drawn = list(agreeing(drawn, *teacher))
        if source.teacher > 0:
            drawn = [replace(row, teacher=source.teacher) for row in drawn]
        for row in drawn * source.repeat:
            shown = _headed(row, source.headed, rng)
            rows.append(variant(shown, rng) if rng.random() < phase.variants else shown)
    return rows


def _headed(row: Row, share: float, rng: random.Random) -> Row:
    if share and rng.random() < share:
        return row if row.heading else replace(row, heading=row.title.replace("_", " "))
    return replace(row, heading="") if row.heading else row
