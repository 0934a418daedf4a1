"""A phase's rows: the sources that the recipe names, capped, repeated and held apart from the evaluation data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qa.training.config import Phase, Recipe
from qa.training.data import Row, find_source, read_rows, sample

MadeSource = Callable[[], list[Row]]


def phase_rows(phase: Phase, recipe: Recipe, data_dir: Path, made: dict[str, MadeSource]) -> list[Row]:
    """The rows of a phase. `made` maps the names of generated sources to what makes (or reloads) them."""
    rows: list[Row] = []
    for source in phase.sources:
        make = made.get(source.name)
        found = make() if make else read_rows(find_source(data_dir, source.name))
        # Another sample in each phase, so that a capped source shows as many of its rows as it can.
        drawn = sample(found, source.rows, recipe.seed + recipe.phases.index(phase))
        rows.extend(drawn * source.repeat)
    return rows
