"""docs/commands.md: every command with its arguments and options, from the typer app."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer

from api.cli.main import app
from reference.markdown import page, table

_USUAL = {"--help", "--install-completion", "--show-completion"}
INTRODUCTION = """Every command explains itself with `--help`. Results go to standard output, everything else to
standard error.

| exit code | meaning |
|---|---|
| 0 | done, whether the question was answered or not |
| 1 | the work failed, or what was checked does not hold |
| 2 | wrong use: an argument, an option, or an output that may not be written |
| 130 | interrupted (Ctrl-C); what was finished is kept, and the same command goes on |"""


def commands() -> Iterator[tuple[str, Any]]:
    """Each command by its full name, as `qa store check`, in alphabetical order."""
    yield from sorted(_below("qa", typer.main.get_command(app)))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    nested = getattr(command, "commands", None)
    if nested is None:
        yield name, command
        return
    for word, child in nested.items():
        if not child.hidden:
            yield from _below(f"{name} {word}", child)


def options(command: Any) -> list[str]:
    """Every spelling of a command's options that its help shows."""
    shown = [param for param in command.params if param.param_type_name == "option" and not param.hidden]
    return [name for param in shown for name in (*param.opts, *param.secondary_opts) if name not in _USUAL]


def root_options() -> list[str]:
    """The options of `qa` itself."""
    return options(typer.main.get_command(app))


def commands_page() -> str:
    """The whole page."""
    root = typer.main.get_command(app)
    parts = [INTRODUCTION, *(_section(name, command) for name, command in commands())]
    if general := _parameters("qa", root):
        parts.insert(1, f"## qa\n\n{general}")
    return page("Commands", *parts)


def _section(name: str, command: Any) -> str:
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.help or ""))
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    return f"## {name}\n\n{text}\n\n```\n{usage}\n```\n\n{_parameters(name, command)}"


def _parameters(name: str, command: Any) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    rows = []
    for param in command.params:
        if param.hidden or set(param.opts) & _USUAL:
            continue
        record = param.get_help_record(context)
        if record is not None:
            # A default that is looked up at the time is told by the option's own help.
            rows.append((f"`{record[0]}`", re.sub(r"(; )?default: \(dynamic\)", "", record[1] or "")))
    return table(("argument or option", "meaning"), rows)
