"""Cutting a table row that is longer than a passage: between its cells, and a long cell between its sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from index.text.legible import COLUMNS, outer_cells
from index.text.sentences import split_sentences

# In characters; a longer first cell is a text, and names no row.
LONGEST_LABEL = 80


@dataclass(frozen=True, slots=True)
class RowPart:
    """A part `[start, end)` of a wide row: some of its cells, or a sentence of a long one.

    `under` is what it stands under beside the headings: the first cell of its row, which names it, and the names of its
    own columns, the first of them with that cell, so that it is read with them. Sentences of one cell have the same
    `number`, other parts of a row different ones.
    """

    start: int
    end: int
    under: tuple[str, ...]
    number: int


def row_parts(
    text: str,
    row: tuple[int, int],
    names: str,
    count_tokens: Callable[[Sequence[str]], list[int]],
    maximum: int,
) -> list[RowPart]:
    """The parts of a row of `text`, in order, each of as many cells as come to `maximum` tokens with their names.

    `names` are those of all columns, as `index.text.structure.column_names` gives them, "" where there are none.
    """
    cells = _named(text, row, names)
    counts = count_tokens([f"{name}: {text[first:last]}" for first, last, name in cells])
    parts: list[RowPart] = []
    begin, tokens = 0, 0
    for number in range(len(cells) + 1):
        ends = number == len(cells) or tokens + counts[number] > maximum
        if ends and number > begin:
            together = cells[begin:number]
            if counts[begin] > maximum:
                parts.extend(_sentences(text, cells[begin], begin))
            else:
                listed = [name for _, _, name in together]
                # One name stands like a heading; columns without names are counted.
                under = (COLUMNS.join(listed),) if len(listed) > 1 else tuple(filter(None, listed))
                parts.append(RowPart(together[0][0], together[-1][1], under, begin))
            begin, tokens = number, 0
        if number < len(cells):
            tokens += counts[number]
    label = " ".join(text[slice(*cells[0][:2])].strip('"').split()) if cells else ""
    if not 0 < len(label) <= LONGEST_LABEL or "|" in label or ">" in label:
        return parts
    named = f"{cells[0][2]}: {label}" if cells[0][2] else label
    return [part if part.number == 0 else replace(part, under=_labelled(part.under, named)) for part in parts]


def _labelled(under: tuple[str, ...], label: str) -> tuple[str, ...]:
    """What a part stands under, with the label of its row: it is read before the first of its cells."""
    if len(under) == 1 and COLUMNS in under[0]:
        return (f"{label}; {under[0]}",) if under[0].split(COLUMNS)[0] else (label, *under)
    return (label, *under)


def _named(text: str, row: tuple[int, int], names: str) -> list[tuple[int, int, str]]:
    """The cells `[start, end)` of a row with the names of their columns, without empty cells at its ends."""
    start, end = row
    columns = names.split(COLUMNS) if names else []
    spans = [(start + first, start + last) for first, last in outer_cells(text[start:end], len(columns) or None)]
    if len(spans) > len(columns):
        columns = [""] * len(spans)
    cells = [(first, last, name) for (first, last), name in zip(spans, columns, strict=False)]
    while cells and cells[0][0] == cells[0][1]:
        cells.pop(0)
    while cells and cells[-1][0] == cells[-1][1]:
        cells.pop()
    return cells


def _sentences(text: str, cell: tuple[int, int, str], number: int) -> list[RowPart]:
    start, end, name = cell
    under = (name,) if name else ()
    return [RowPart(start + s.start, start + s.end, under, number) for s in split_sentences(text[start:end])]
