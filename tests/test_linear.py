"""No text makes anything take the square of its length: every pattern that meets one, and every loop over one.

What is compared are times of the processor, of a text and of one four times as long, and only where they can be told
from nothing: a quadratic pattern then takes sixteen times as long, a linear one four times.
"""

from __future__ import annotations

import ast
import gc
import importlib
import inspect
import itertools
import pkgutil
import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import api
import eval as evaluation
import index
import qa
from index.documents import Document
from index.loading.building import clean, one_line
from index.loading.formats.delimited import load_delimited
from index.loading.formats.markdown import load_markdown, table_rows
from index.loading.formats.pdf import layout as page_layout
from index.loading.formats.pdf.glyphs import Glyph
from index.text.legible import cells, legible, searchable
from index.text.passages import CutSettings, cut_passages
from index.text.sentences import markdown_headings, split_sentences
from index.text.words import words
from qa.asking.question_form import question_form
from qa.citing.anchor import anchor
from qa.citing.cite import cite
from qa.citing.formats import formatted
from qa.judging.enumeration import items
from qa.judging.whole_spans import whole_words
from qa.types import MAX_QUESTION_LENGTH
from qa.values.normalize import normalize

SHORT, TIMES = 2_000, 4
# Less cannot be told from noise; in seconds, for a text of SHORT characters, where a linear pattern takes 0.0001.
SUSPICIOUS_S = 0.002
# Halfway between four and sixteen.
QUADRATIC = 9
# So much for SHORT characters, or as many as ever meet the pattern, is too much in any case.
HOPELESS_S = 0.15
# Texts whose time is compared, of those that take a pattern long.
ENOUGH = 10
METHODS = ("search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split")
# Patterns, or all of a module, that meet texts of so many characters at most; by what.
BOUNDED = {
    "qa.values.dates": 80,  # qa.values.normalize.normalize
    "qa.values.quantities": 80,  # qa.values.normalize.normalize
    "qa.values.normalize._NUMBERED": 80,  # qa.values.normalize.normalize
    "qa.asking.question_form._PLURAL": 200,  # the words that it is given
    "qa.asking.question_form": MAX_QUESTION_LENGTH,
    "qa.asking.span_question": MAX_QUESTION_LENGTH,
    "qa.values.normalize._WHEN": MAX_QUESTION_LENGTH,
    # LONGEST_SENTENCE; the two that read whole texts are among the functions below.
    "eval.drafting.patterns": 400,
    "eval.drafting.clauses": 400,
    "eval.drafting.expressions": 400,
    "index.loading.formats.markdown._FRONT_MATTER": 20_000,  # _MAX_FRONT_MATTER
    "index.text.legible: '[^": 60,  # the slice before a hyphen
    "index.search.milvus_server": 100,  # no text: the version of a server
}
# Run elsewhere, with what is not installed here, or no text meets them.
LEFT_OUT = ("eval.bench.peers.adapters", "index.catalogue.revisions", "api.__main__")


class Used(NamedTuple):
    """A pattern, where it stands and by which method it is used."""

    name: str
    pattern: re.Pattern[Any]
    method: str


def modules() -> Iterator[ModuleType]:
    for package in (index, qa, evaluation, api):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.startswith(LEFT_OUT):
                continue
            try:
                yield importlib.import_module(found.name)
            except ImportError:
                # Of an extra that is not installed.
                assert found.name.startswith(
                    ("index.catalogue.postgres", "index.search.milvus", "index.ray", "index.search.servers", "qa.train")
                )


def patterns() -> Iterator[Used]:
    """Every compiled pattern of every module with each method that it is used by, and every one that is written where
    it is used."""
    for module in modules():
        tree = ast.parse(inspect.getsource(module))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        methods: dict[str, set[str]] = {}
        for call in calls:
            assert isinstance(call.func, ast.Attribute)
            if isinstance(call.func.value, ast.Name) and call.func.attr in METHODS:
                methods.setdefault(call.func.value.id, set()).add(call.func.attr)
        own = {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, re.Pattern) and re.search(rf"^{name}\b", inspect.getsource(module), re.MULTILINE)
        }
        for name, pattern in own.items():
            for method in sorted(methods.get(name, {"finditer"})):
                yield Used(f"{module.__name__}.{name}", pattern, method)
        for call in calls:
            assert isinstance(call.func, ast.Attribute)
            if ast.unparse(call.func.value) == "re" and call.func.attr in METHODS:
                written = ast.unparse(call.args[0])
                try:
                    # Its other arguments are the text and flags, which are names of `re`.
                    pattern = eval(written, dict(vars(module)))
                except NameError:
                    continue
                if isinstance(pattern, str | bytes):
                    flags = [eval(ast.unparse(given), {"re": re}) for given in flags_of(call)]
                    yield Used(f"{module.__name__}: {pattern!r}", re.compile(pattern, *flags), call.func.attr)


def flags_of(call: ast.Call) -> list[ast.expr]:
    given = [*call.args[1:], *(keyword.value for keyword in call.keywords if keyword.arg == "flags")]
    return [argument for argument in given if ast.unparse(argument).startswith("re.")]


EXAMPLES = {
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_DIGIT": "1",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": " ",
}


def atoms(parsed: Any) -> Iterator[str]:  # noqa: PLR0912 - one branch for each kind of node
    """Texts that parts of a pattern match: its literal words, and a character of each of its classes."""
    literal = ""
    for operation, value in parsed:
        if operation is sre.LITERAL:
            literal += chr(value)
            continue
        if literal:
            yield literal
            literal = ""
        if operation is sre.IN:
            for kind, part in value:
                if kind is sre.LITERAL:
                    yield chr(part)
                elif kind is sre.RANGE:
                    yield chr(part[0])
                elif kind is sre.CATEGORY:
                    yield EXAMPLES[str(part)]
                else:
                    yield from ("a", " ")
        elif operation in (sre.NOT_LITERAL, sre.ANY):
            yield "a"
        elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield from atoms(value[2])
        elif operation is sre.SUBPATTERN:
            yield from atoms(value[3])
        elif operation is sre.BRANCH:
            yield from itertools.chain.from_iterable(map(atoms, value[1]))
        elif operation in (sre.ASSERT, sre.ASSERT_NOT):
            yield from atoms(value[1])
        elif operation is sre.ATOMIC_GROUP:
            yield from atoms(value)
    if literal:
        yield literal


def hostile(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Texts as what stands first, what is repeated, and what stands last and keeps a match from succeeding."""
    found = list(dict.fromkeys(atoms(sre_parser.parse(pattern.pattern, pattern.flags))))
    # The first of many alternatives stands for the others.
    parts = list(dict.fromkeys([*found[:6], *found[-3:], " ", "a", "\n"]))
    units = [*parts, *(f"{one}{other}" for one, other in itertools.permutations(parts[:7], 2))]
    units += [f"{part} " for part in parts]
    for unit in dict.fromkeys(units):
        for first in dict.fromkeys(["", *parts[:3], "".join(found[:3])]):
            for last in ("", "\x00"):
                yield first, unit, last


def cost(do: Callable[[], object], tries: int = 1) -> float:
    """Seconds of the processor, the least of some tries."""
    times = []
    # The collector's passes grow with all that is alive.
    gc.disable()
    try:
        for _ in range(tries):
            begin = time.process_time()
            do()
            times.append(time.process_time() - begin)
    finally:
        gc.enable()
    return min(times)


def applied(used: Used, text: str) -> Callable[[], object]:
    given: Any = text.encode("utf-8", "replace") if isinstance(used.pattern.pattern, bytes) else text
    if used.method in ("search", "match", "fullmatch"):
        return lambda: getattr(used.pattern, used.method)(given)
    return lambda: [None for _ in used.pattern.finditer(given)]


def bound_of(name: str) -> int | None:
    return next((bound for known, bound in BOUNDED.items() if name.startswith(known)), None)


ALL = list(patterns())


def test_the_patterns_are_found() -> None:
    names = {used.name for used in ALL}
    assert {"qa.judging.enumeration._SEPARATOR", "index.text.legible._CHANGED", "index.text.sentences._BLANK"} <= names
    assert any("x" in name for name in names if ": " in name), "those written where they are used too"
    assert len(ALL) > 100


@pytest.mark.slow
@pytest.mark.parametrize("used", ALL, ids=[f"{used.name}.{used.method}"[:80] for used in ALL])
def test_no_pattern_takes_the_square_of_a_text(used: Used) -> None:
    bound = bound_of(used.name)
    length = min(bound or SHORT, SHORT)
    suspicious = 0
    for first, unit, last in hostile(used.pattern):
        # A quarter first: what takes the cube of a text must fail, not hang.
        for part in (length // 4, length):
            text = first + unit * (part // len(unit)) + last
            seconds = cost(applied(used, text))
            assert seconds < HOPELESS_S, (first, unit, last)
        if seconds < SUSPICIOUS_S or bound is not None:
            continue
        longer = first + unit * (TIMES * length // len(unit)) + last
        ratio = cost(applied(used, longer), 3) / cost(applied(used, text), 3)
        assert ratio < QUADRATIC, (first, unit, last)
        suspicious += 1
        if suspicious == ENOUGH:
            return


def document(text: str, media_type: str = "text/plain") -> Document:
    return Document(uri="file:///a.txt", title="a", text=text, media_type=media_type)


def count_words(texts: Any) -> list[int]:
    return [len(text.split()) for text in texts]


def cited(text: str) -> Any:
    return cite(document(text), 0, 1, around=(0, min(len(text), 100)))


def anchored(text: str) -> object:
    """A quote of half of a text, sought in another version of it."""
    quote = cite(document(text), 0, len(text) // 2, around=(0, len(text)))
    return anchor(quote, document(f"b{text}"))


def page(text: str) -> list[Glyph]:
    """A page of one line, and of as many lines as there are characters, side by side."""
    line = [Glyph(char, n * 5.0, n * 5.0 + 5, 700, 710) for n, char in enumerate(text)]
    beside = [
        Glyph(char, 600.0 * (n % 2) + n % 7, 600.0 * (n % 2) + 9, -20.0 * n, 10 - 20.0 * n)
        for n, char in enumerate(text)
    ]
    return [*line, *beside]


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "items": items,
    "searchable": searchable,
    "legible": lambda text: legible(text, "a > b | c"),
    "cells": cells,
    "clean": clean,
    "one_line": one_line,
    "words": words,
    "normalize": lambda text: normalize(text, question="when?", language="en"),
    "question_form": lambda text: question_form(text[:MAX_QUESTION_LENGTH]),
    "whole_words": lambda text: whole_words(text, len(text) // 2, len(text) // 2 + 1),
    "formatted": lambda text: formatted(cited(text)),
    "anchor": anchored,
    "markdown_headings": markdown_headings,
    "table_rows": table_rows,
    "load_markdown": lambda text: load_markdown(Path("/a.md"), f"a{text}".encode()),
    "load_delimited": lambda text: load_delimited(Path("/a.csv"), f"a,b\n{text}".encode()),
    "split_sentences": split_sentences,
    "cut_passages": lambda text: cut_passages(document(f"a{text}", "text/markdown"), count_words, CutSettings()),
    "page_text": lambda text: page_layout.page_text(page(text)),
    "mid_sentence_names": importlib.import_module("eval.drafting.expressions").mid_sentence_names,
    "common_words": importlib.import_module("eval.drafting.expressions").common_words,
}
UNITS = [
    "a",
    " ",
    "\n",
    "a ",
    "A. ",
    ", ",
    "; ",
    "and ",
    "(a), ",
    "(",
    '"',
    '""',
    "“",
    '"a"",',
    "-\n",
    "|",
    "| a | b |\n|---|---|\n",
    "---\t",
    "# a\n",
    "```\n",
    "1",
    "1,",
    "ﬁ",
    "1. ",
    "\t",
    "\r\n \r\n",
    "a\n\n",
    "do you tell ",
    "’",
    "A",
]
LONG = 8_000
# Where libraries take their own time for a block of up to 20,000 characters, texts are of several blocks.
LONGER = {"split_sentences": 25_000, "cut_passages": 25_000}


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_takes_the_square_of_a_text(name: str) -> None:
    do = FUNCTIONS[name]
    for unit in UNITS:
        length = LONGER.get(name, LONG)
        text = unit * (length // len(unit))
        longer = unit * (TIMES * length // len(unit))
        once = cost(lambda text=text: do(text))  # type: ignore[misc]
        often = cost(lambda text=longer: do(text))  # type: ignore[misc]
        if often > 0.05 and often / once >= QUADRATIC:
            # Once more, to be sure.
            often, once = (cost(lambda text=given: do(text), 3) for given in (longer, text))  # type: ignore[misc]
            assert often / once < QUADRATIC, (unit, once, often)
