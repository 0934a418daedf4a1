"""The map of CONTRIBUTING.md is that of the tree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("index", "qa", "eval", "api")


def rooms() -> set[str]:
    """Every package and sub-package of the product, as `index/text`."""
    return {
        init.parent.relative_to(ROOT).as_posix() for name in PACKAGES for init in (ROOT / name).rglob("__init__.py")
    }


def test_every_room_is_on_the_map_and_every_place_on_it_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = re.findall(r"^\| `([\w/]+)/` \|", text, re.M)
    assert len(listed) == len(set(listed))
    assert set(listed) == rooms() | {"tests"}


@pytest.mark.parametrize("room", sorted(rooms() - set(PACKAGES)))
def test_every_room_says_what_it_is_about(room: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text("utf-8")))


def test_files_that_the_guide_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:index|qa|eval|api|tests|docs|\.ci)/[\w/.]+\.\w+)`", text))
    made = {"index/loading/formats/rst.py", "tests/index/loading/formats/test_rst.py"}
    assert made <= named
    assert not [path for path in named - made if not (ROOT / path).exists()]
