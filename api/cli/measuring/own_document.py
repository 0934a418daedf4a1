"""The command that measures a reader on whole documents: `qa eval documents`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from api.cli.measuring.halves import halved, parse_half
from api.cli.progress import progress_bar
from api.terminal import Terminal
from index.disk.outputs import Output, head_kind
from index.text.printable import printable

if TYPE_CHECKING:
    from eval.gold.questions import GoldQuestion
    from eval.runs.own_document import DocumentFigures
    from eval.runs.run import GoldRef

FIGURES = head_kind("figures of qa eval documents", rb'\{\s*"documents_version"')
COLUMNS = (
    "questions", "answerable", "right", "F1", "balanced: right", "declined", "answered at 20 % wrong",
)  # fmt: skip


def measure_documents(
    questions: Sequence[GoldQuestion],
    file: Path,
    ref: GoldRef,
    *,
    half: str | None,
    reader: str | None,
    output: Output | None,
) -> None:
    """Read every question in its own document, print the figures of all, by domain and by kind, and write them as JSON.

    Raises UsageError for a half that there is not, and for one without questions.
    """
    from eval.runs import own_document
    from index.models.embedder import open_embedder
    from qa.reading.reader import DEFAULT_READER, open_reader
    from qa.types import ModelRef

    named = parse_half(half)
    chosen = halved(questions, file, named)
    model = open_reader(reader or DEFAULT_READER)
    with progress_bar("reading", len(chosen)) as advance:
        readings = own_document.read_own_documents(
            chosen, file.parent, model, open_embedder().count_tokens, progress=advance
        )
    report = own_document.DocumentReport(
        gold=ref,
        half=named,
        reader=ModelRef(name=model.name, sha256=model.sha256),
        all=own_document.document_figures(readings),
        domain=own_document.figures_by(readings, own_document.domain),
        kind=own_document.figures_by(readings, own_document.kind),
    )
    console = Terminal()
    for name, figures_by_label in (("domain", report.domain), ("kind", report.kind)):
        console.print(_table(name, {**figures_by_label, "all": report.all}))
    if output is not None:
        output.write_model(report)


def _table(name: str, figures_by_label: dict[str, DocumentFigures]) -> Table:
    table = Table(name, *COLUMNS)
    for label, own in figures_by_label.items():
        shares = (own.right, own.f1, own.balanced_right, own.balanced_declined, own.answered)
        cells = ["" if share is None else f"{share:.1%}" for share in shares]
        table.add_row(printable(label), str(own.questions), str(own.answerable), *cells, end_section=label == "all")
    return table
