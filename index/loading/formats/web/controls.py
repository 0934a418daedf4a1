"""What people see of a page's controls: fields with their values, parts that a button opens, no struck-out text."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

# Elements whose content is never text of the page.
_SILENT = set(
    """
        audio canvas datalist embed head iframe link map meta noscript object script style svg template title video
    """.split()
)
# What is struck out is no longer said.
_STRUCK = {"del", "s", "strike"}
# Elements that show a value.
FIELDS = {"input", "select", "textarea"}
_UNSHOWN_INPUTS = {"hidden", "password", "submit", "button", "reset", "image", "file", "color", "range"}
# Names of elements that open and close.
_OPENING = re.compile(
    r"(?i)accordion|collaps|disclosure|dropdown-?panel|expand|faq|toggle|(?:^|[\s_-])(?:panel|tab-?pane)"
)
_COMMAND_WORDS = 3
_OPENS = ("aria-controls", "data-target", "data-bs-target", "aria-expanded")
_HEADS = {"h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary", "legend"}


def tag_of(element: Any) -> str:
    """The name of an element, in lower case and without its namespace; "" for comments and the like."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def is_unseen(element: Any) -> bool:
    """Whether an element's content is never read: it is no text, struck out, or the label of a command."""
    name = tag_of(element)
    if name in _SILENT or name in _STRUCK:
        return True
    if name == "button":
        return _is_command(element)
    return "line-through" in (element.get("style") or "").lower() and name not in ("html", "body")


def field_value(element: Any) -> str:
    """What a filled-in field shows, "" for an empty one."""
    name = tag_of(element)
    if name == "textarea":
        return "".join(element.itertext()).strip()
    if name == "select":
        return _selected(element)
    kind = (element.get("type") or "text").strip().lower()
    if kind in ("checkbox", "radio"):
        return "☑" if element.get("checked") is not None else "☐"
    return "" if kind in _UNSHOWN_INPUTS else (element.get("value") or "").strip()


def is_filled(element: Any) -> bool:
    """Whether a field holds a value that somebody put there, which a search box does not."""
    name = tag_of(element)
    if name == "select":
        return any(option.get("selected") is not None for option in element.iter("option", "{*}option"))
    return field_value(element) not in ("", "☐")


def opened_parts(root: Any) -> set[str]:
    """The ids of the parts of a page that a button or link opens."""
    ids: set[str] = set()
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        ids.update((element.get("aria-controls") or "").split())
        for name in ("data-target", "data-bs-target"):
            ids.add((element.get(name) or "").removeprefix("#"))
        if element.get("data-toggle") or element.get("data-bs-toggle"):
            ids.add((element.get("href") or "").removeprefix("#"))
    return ids - {""}


def is_openable(element: Any, opened: Container[str]) -> bool:
    """Whether a hidden element is one that a reader of the page can open; `opened` as of `opened_parts`."""
    if (element.get("hidden") or "").lower() == "until-found" or element.get("id") in opened:
        return True
    before = element.getprevious()
    if before is not None and before.get("aria-expanded") is not None:
        return True
    named = f"{element.get('class') or ''} {element.get('id') or ''}"
    return element.get("role") == "tabpanel" or _OPENING.search(named) is not None


def _selected(element: Any) -> str:
    options = list(element.iter("option", "{*}option"))
    chosen = [option for option in options if option.get("selected") is not None]
    if not chosen and element.get("multiple") is None:
        # Browsers show the first one.
        chosen = options[:1]
    return ", ".join(" ".join("".join(option.itertext()).split()) for option in chosen)


def is_opener(element: Any) -> bool:
    """Whether an element is a button that opens a part of the page, whose words are a head of that part."""
    if tag_of(element) != "button":
        return False
    opens = any(element.get(name) is not None for name in _OPENS)
    return opens or _OPENING.search(f"{element.get('class') or ''} {element.get('id') or ''}") is not None


def _is_command(button: Any) -> bool:
    """Whether a button does something ("Send", "Share this"), and is not the head of a part that it opens."""
    if (button.get("type") or "").lower() in ("submit", "reset"):
        return True
    above = button.getparent()
    if above is not None and tag_of(above) in _HEADS:
        return False
    words = "".join(button.itertext()).split()
    if is_opener(button) and len(words) > 1:
        return False
    has_digit = any(char.isdigit() for word in words for char in word)
    return len(words) <= _COMMAND_WORDS and not has_digit and not (words and words[-1].endswith("?"))
