"""Groups of options, declared once as dataclasses, that stand for their fields in a command's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


@dataclass(frozen=True)
class OptionGroup:
    """Options that belong together. A subclass is a frozen dataclass whose fields are annotated as typer's options."""


def with_groups(command: Callable[..., R]) -> Callable[..., R]:
    """The command as typer is to see it: in place of each option group, the options of that group.

    Called with these options by name, it hands the command its groups. Types must be there at run time, and not only
    for type checkers. Raises ValueError where two groups, or a group and the command itself, have an option in common.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, OptionGroup)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _options_of(groups[parameter.name])
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name]))

    def ungrouped(*arguments: Any, **options: Any) -> R:
        made = {
            name: group(**{field.name: options.pop(field.name) for field in fields(group) if field.name in options})
            for name, group in groups.items()
        }
        return command(*arguments, **options, **made)

    # Not functools.wraps: who unwraps a command to see its parameters must get these and not the groups.
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(ungrouped, name, getattr(command, name))
    vars(ungrouped)["__signature__"] = inspect.Signature(parameters)
    ungrouped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return ungrouped


def _options_of(group: type[OptionGroup]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
