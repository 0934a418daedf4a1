"""Option groups in the signatures of commands."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from api.cli.grouping import OptionGroup, with_groups


@dataclass(frozen=True)
class Size(OptionGroup):
    width: Annotated[int, typer.Option("-w", "--width", min=1, help="How wide.")]
    height: Annotated[int, typer.Option(envvar="TEST_HEIGHT")] = 2


@dataclass(frozen=True)
class Place(OptionGroup):
    at: Annotated[list[str] | None, typer.Option()] = None


def made() -> tuple[typer.Typer, list[object]]:
    """A command with groups between options of its own, and what it was called with."""
    app, calls = typer.Typer(), []

    @app.command()
    @with_groups
    def draw(what: str, *, place: Place, colour: Annotated[str, typer.Option()] = "red", size: Size) -> None:
        """Draw it."""
        calls.append((what, place, colour, size))

    return app, calls


def test_a_command_gets_its_groups_from_their_options() -> None:
    app, calls = made()
    run = CliRunner()
    assert run.invoke(app, ["cat", "-w", "3", "--at", "here", "--at", "there"]).exit_code == 0
    assert run.invoke(app, ["dog", "--width", "4", "--colour", "blue"], env={"TEST_HEIGHT": "9"}).exit_code == 0
    assert calls == [
        ("cat", Place(["here", "there"]), "red", Size(3, 2)),
        ("dog", Place(None), "blue", Size(4, 9)),
    ]


def test_the_options_of_a_group_are_checked_and_explained_as_any() -> None:
    app, calls = made()
    run = CliRunner()
    assert run.invoke(app, ["cat", "-w", "0"]).exit_code == 2
    assert run.invoke(app, ["cat"]).exit_code == 2
    text = run.invoke(app, ["--help"], env={"COLUMNS": "120"}).output
    places = [text.index(name) for name in ("--at", "--colour", "--width", "--height")]
    assert places == sorted(places) and "How wide." in text and "Draw it." in text
    assert calls == []


def test_who_looks_at_a_command_sees_options_and_no_group() -> None:
    @with_groups
    def draw(*, size: Size, colour: str = "red") -> None:
        """Draw it."""

    assert list(inspect.signature(draw).parameters) == ["width", "height", "colour"]
    assert get_type_hints(inspect.unwrap(draw)) == {"width": int, "height": int, "colour": str}
    assert (draw.__name__, draw.__doc__) == ("draw", "Draw it.")


def test_an_option_stands_only_once() -> None:
    def draw(*, size: Size, width: int = 1) -> None:
        """Draw it."""

    with pytest.raises(ValueError, match="width"):
        with_groups(draw)
