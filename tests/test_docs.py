"""The documentation names everything that there is, and nothing that there is not."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from fastapi import FastAPI
from reference.commands import commands, options
from reference.http import kinds, metrics, routes
from reference.settings import EXTRAS, ROOT, VARIABLES, extras, variables
from reference.write import empty_server, pages

from api.settings import ServerSettings
from eval.measures.names import KNOWN
from qa.types import Reason

pytestmark = pytest.mark.slow

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
_ENDINGS = {"typer.Exit", "SystemExit", "sys.exit", "os._exit"}
_COMMAND = re.compile(r"(?:^|[|;(] *)(?:\$ )?(?:\.venv/bin/)?(qa [a-z].*)")


@pytest.fixture(scope="module")
def server() -> Iterator[FastAPI]:
    with empty_server() as app:
        yield app


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(path.read_text("utf-8") for path in DOCUMENTS)


def test_generated_pages_are_current(server: FastAPI) -> None:
    stale = [path.name for path, page in pages(server).items() if not path.exists() or path.read_text("utf-8") != page]
    assert not stale, f"docs/ is behind the code: run `make docs` ({', '.join(stale)})"


def test_every_command_and_option_is_named() -> None:
    sections = dict(
        re.findall(r"^## (qa .*)\n((?:(?!## ).*\n)*)", (ROOT / "docs/commands.md").read_text("utf-8"), re.M)
    )
    for name, command in commands():
        missing = [
            option for option in options(command) if not re.search(rf"[` ]{option}[`, ]", sections.get(name, ""))
        ]
        assert name in sections and not missing, (name, missing)
        assert command.help, f"{name} does not say what it does"


def test_every_measure_is_named() -> None:
    page = (ROOT / "docs/measures.md").read_text("utf-8")
    assert not [name for name in KNOWN if f"| `{name}` |" not in page]


def test_every_route_and_problem_is_named(server: FastAPI, text: str) -> None:
    described = [(method, path) for method, path, _ in routes(server)]
    assert len(described) > 10
    for method, path in described:
        assert f"## {method} {path}\n" in text
    for path in ("/", "/assets/{name}", "/mcp", "/docs", "/openapi.json"):
        assert f"`{path}`" in text
    for kind in kinds():
        assert f"`{kind.slug}`" in text


def test_no_route_is_left_out_of_the_description(server: FastAPI) -> None:
    """Those that the OpenAPI document does not have are few, and known."""
    described = {path for _, path, _ in routes(server)}
    served = {path for route in server.routes if (path := getattr(route, "path", None))}
    assert served - described <= {"/", "/assets/{name}", "/mcp", "/docs", "/openapi.json"}


def test_every_setting_metric_and_reason_is_named(server: FastAPI, text: str) -> None:
    names = [*ServerSettings.model_fields, *(name for name, _, _ in metrics(server)), *get_args(Reason)]
    assert not [name for name in names if f"`{name}`" not in text]


def test_every_variable_and_extra_is_named() -> None:
    assert set(VARIABLES) == variables()
    assert set(EXTRAS) == extras()


def exit_codes() -> set[int]:
    """The exit codes that the code of api/ writes down, as numbers or as constants of the same module."""
    codes: set[int] = set()
    for path in (ROOT / "api").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        constants = dict(_constants(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in _ENDINGS:
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                values = [constants.get(ast.unparse(argument), _number(argument)) for argument in arguments]
                codes |= {value for value in values if value is not None}
    return codes


def _constants(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and (value := _number(node.value)) is not None:
            yield from ((ast.unparse(target), value) for target in node.targets)


def _number(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def test_every_exit_code_is_named() -> None:
    page = (ROOT / "docs/commands.md").read_text("utf-8")
    assert {1, 2, 130} <= exit_codes()
    for code in exit_codes():
        assert f"\n| {code} |" in page, f"exit code {code}"


def code_lines(path: Path) -> Iterator[str]:
    """The lines of fenced blocks and the code spans of a document, comments cut off."""
    fenced = False
    for line in path.read_text("utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            yield line.partition("  #")[0]
        else:
            yield from re.findall(r"`([^`]+)`", line)


def named_commands() -> Iterator[tuple[str, str]]:
    for path in DOCUMENTS:
        if path.name == "commands.md":
            continue
        for line in code_lines(path):
            for match in _COMMAND.finditer(line):
                yield path.name, match[1]


def unknown(words: list[str]) -> str:
    """What of a command that a text names does not exist; empty where all of it does."""
    by_name = dict(commands())
    groups = {name.rpartition(" ")[0] for name in by_name}
    name, rest = "qa", words[1:]
    while rest and name in groups and not rest[0].startswith("-"):
        name, rest = f"{name} {rest[0]}", rest[1:]
        # As `qa promise show|withdraw|check`.
        if "|" in name:
            stem, _, choices = name.rpartition(" ")
            return " ".join(one for one in choices.split("|") if f"{stem} {one}" not in by_name)
    if name not in by_name:
        return "" if name in groups else name
    known = {*options(by_name[name]), "--help"}
    return " ".join(word for word in rest if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known)


def test_no_text_names_a_command_or_option_that_does_not_exist() -> None:
    named = list(named_commands())
    assert len(named) > 50
    wrong = []
    for document, line in named:
        command = re.split(r" [|&<>]+ ?|;", line)[0]
        try:
            words = shlex.split(command)
        except ValueError:
            words = command.split()
        if missing := unknown(words):
            wrong.append(f"{document}: {line}: {missing}")
    assert not wrong, "\n".join(wrong)


def test_unknown_commands_and_options_are_told() -> None:
    assert unknown(["qa", "sing"]) == "qa sing"
    assert unknown(["qa", "ask", "?", "--loudly"]) == "--loudly"
    assert unknown(["qa", "promise", "show|break"]) == "break"
    assert not unknown(["qa", "store", "check", "--json"])
