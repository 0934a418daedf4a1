"""The pages of docs/decisions: all of one form, all in the index, and none names what does not exist."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from api.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
DECISIONS = ROOT / "docs" / "decisions"
INDEX = DECISIONS / "README.md"
PAGES = sorted(path for path in DECISIONS.glob("*.md") if path != INDEX)
SECTIONS = ["Context", "Decision", "Consequences", "What would change it"]
LINES = range(15, 31)

CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
# What is certainly meant to be a file of the repository; stores have files of their own.
OURS = {".md", ".py", ".toml", ".lock"}
PACKAGES = {"api", "eval", "index", "qa"}


def title_of(page: str) -> str:
    return page.partition("\n")[0].partition(". ")[2]


def sections_of(page: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))


def unknown(text: str, folder: Path) -> Iterator[str]:
    """What a text in a folder names that does not exist: links, files, modules, commands with their options, make's
    targets."""
    for _, target in LINK.findall(text):
        if not (folder / target.partition("#")[0]).is_file():
            yield target
    top = {path.name for path in ROOT.iterdir()}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for code in CODE.findall(text):
        first, *others = words = code.split()
        if first == "qa" and others:
            if not is_command(others):
                yield code
        elif first == "make" and others:
            if not set(others) <= targets:
                yield code
        elif len(words) == 1 and (first.partition("/")[0] in top or Path(first).suffix in OURS):
            if not (ROOT / first).exists():
                yield code
        elif re.fullmatch(r"(\w+)(\.\w+)+", first) and first.partition(".")[0] in PACKAGES and not is_module(first):
            yield code


def is_command(words: list[str]) -> bool:
    """Whether the command line has this command, with these options."""
    command: Any = typer.main.get_command(app)
    while words and isinstance(command, TyperGroup):
        known = command.commands.get(words[0])
        if known is None:
            return False
        command, words = known, words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    return all(word in options for word in words if word.startswith("-"))


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_pages_are_numbered_one_after_the_other() -> None:
    numbers = [re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", path.name) for path in PAGES]
    assert [number and int(number[1]) for number in numbers] == list(range(1, len(PAGES) + 1))
    assert PAGES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_its_form(path: Path) -> None:
    page = path.read_text("utf-8")
    assert page.startswith(f"# {int(path.name[:4])}. ") and title_of(page)
    assert re.search(r"\n\nIn force since \d{1,2} [A-Z][a-z]+ \d{4}", page)
    sections = sections_of(page)
    assert list(sections) == SECTIONS and all(sections.values())
    kinds = {item.partition(": ")[0] for item in re.split(r"^- ", sections["Consequences"], flags=re.MULTILINE)[1:]}
    assert kinds == {"Good", "Bad"}
    assert len(page.splitlines()) in LINES


def test_the_index_has_every_page_once_under_its_title() -> None:
    entries = [
        (target, number, title)
        for number, target, title in re.findall(r"^- \[(.+?)\]\((.+?)\) (.+)$", INDEX.read_text("utf-8"), re.MULTILINE)
    ]
    assert entries == [(path.name, path.name[:4], title_of(path.read_text("utf-8"))) for path in PAGES]


@pytest.mark.parametrize("path", [INDEX, *PAGES], ids=lambda path: path.stem)
def test_what_a_page_names_exists(path: Path) -> None:
    assert list(unknown(path.read_text("utf-8"), DECISIONS)) == []


@pytest.mark.parametrize(
    "text",
    [
        "[lost](0000-lost.md)",
        "[lost](../lost.md#part)",
        "`docs/lost.md`",
        "`index/lost`",
        "`lost.lock`",
        "`qa.lost.module`",
        "`index.lost`",
        "`qa lost`",
        "`qa store lost`",
        "`qa index --lost`",
        "`make lost`",
    ],
)
def test_what_does_not_exist_is_noticed(text: str) -> None:
    assert len(list(unknown(text, DECISIONS))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[here](../store.md#removal)",
        "`qa/models/reader/README.md`",
        "`index.loading`",
        "`qa index --re-embed`",
        "`make`",
    ],
)
def test_what_exists_is_not(text: str) -> None:
    assert list(unknown(text, DECISIONS)) == []
