"""Presentations (.pptx), by python-pptx.

Kept: the text of every slide from top to bottom, tables by row, charts' categories and series, speaker notes; each
slide is a page, its title a heading. Title, author, date and language of the properties. Not kept: pictures, comments,
what stands on the master slide only.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from index.documents import Document
from index.errors import InputError
from index.loading.building import TextBuilder
from index.loading.formats.archives import Archive
from index.loading.formats.docx import names_columns
from index.loading.registry import register


@register(".pptx")
def load_pptx(path: Path, content: bytes) -> Document:
    """The text of a presentation's slides."""
    import pptx
    from pptx.exc import PackageNotFoundError

    Archive(path, content)
    try:
        opened = pptx.Presentation(BytesIO(content))
    except (PackageNotFoundError, KeyError, ValueError, AttributeError, SyntaxError, OSError) as error:
        raise InputError(f"{path}: damaged, or no presentation ({error})") from error
    builder = TextBuilder()
    for number, slide in enumerate(opened.slides, start=1):
        builder.begin_page(number)
        _slide(builder, slide)
    properties = opened.core_properties
    return builder.document(
        path,
        content,
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        title=properties.title if properties.title != "PowerPoint Presentation" else None,
        author=properties.author,
        date=properties.created,
        language=properties.language,
    )


def _slide(builder: TextBuilder, slide: Any) -> None:
    title = slide.shapes.title
    if title is not None:
        builder.heading(1, title.text_frame.text)
    own = title.shape_id if title is not None else None
    for shape in _from_the_top(slide.shapes):
        if shape.shape_id != own:
            _shape(builder, shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        for paragraph in slide.notes_slide.notes_text_frame.paragraphs:
            builder.paragraph(_text(paragraph))


def _from_the_top(shapes: Any) -> Iterator[Any]:
    """Shapes in the order in which they are read, those of groups in their place."""
    placed = [(shape.top or 0, shape.left or 0, number, shape) for number, shape in enumerate(shapes)]
    for _, _, _, shape in sorted(placed, key=lambda entry: entry[:3]):
        if hasattr(shape, "shapes"):
            yield from _from_the_top(shape.shapes)
        else:
            yield shape


def _shape(builder: TextBuilder, shape: Any) -> None:
    if getattr(shape, "has_table", False):
        rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
        builder.table(rows, header=len(rows) > 1 and (bool(shape.table.first_row) or names_columns(rows)))
    elif getattr(shape, "has_chart", False):
        _chart(builder, shape.chart)
    elif shape.has_text_frame:
        for paragraph in shape.text_frame.paragraphs:
            if shape.is_placeholder and len(shape.text_frame.paragraphs) > 1:
                builder.item(_text(paragraph), paragraph.level)
            else:
                builder.paragraph(_text(paragraph))


def _text(paragraph: Any) -> str:
    return str(paragraph.text).replace("\v", "\n")


def _chart(builder: TextBuilder, chart: Any) -> None:
    if chart.has_title and chart.chart_title.has_text_frame:
        builder.paragraph(chart.chart_title.text_frame.text)
    for plot in chart.plots:
        categories = [str(category) for category in plot.categories]
        series = list(plot.series)
        if not categories or not series:
            continue
        names = ["", *(str(one.name) for one in series)]
        values = [[str(value) if value is not None else "" for value in one.values] for one in series]
        rows = [
            [category, *(own[number] if number < len(own) else "" for own in values)]
            for number, category in enumerate(categories)
        ]
        builder.table([names, *rows], header=True)
