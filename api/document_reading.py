"""The command that measures a reader on whole documents: `qa eval documents`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from rich.console import Console
from rich.table import Table

from api.errors import UsageError
from api.options import progress_bar

if TYPE_CHECKING:
    from eval.gold import GoldQuestion
    from eval.own_document import DocumentFigures, Half
    from eval.runs import GoldRef

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
    output: Path | None,
) -> None:
    """Read every question in its own document, print the figures of all, by domain and by kind, and write them as JSON.

    Raises UsageError for a half that there is not, and for one without questions.
    """
    from eval import own_document
    from index.embedder import open_embedder
    from qa.reader import DEFAULT_READER, open_reader

    halves = get_args(own_document.Half)
    if half is not None and half not in halves:
        raise UsageError(f"--half {half}: expected {' or '.join(halves)}")
    chosen = own_document.in_half(questions, cast("Half | None", half))
    if not chosen:
        raise UsageError(f"{file}: no question is of a document of the half {half}")
    model = open_reader(reader or DEFAULT_READER)
    with progress_bar("reading", len(chosen)) as advance:
        readings = own_document.read_own_documents(
            chosen, file.parent, model, open_embedder().count_tokens, progress=advance
        )
    tables = {
        "domain": own_document.figures_by(readings, own_document.domain),
        "kind": own_document.figures_by(readings, own_document.kind),
    }
    everything = own_document.document_figures(readings)
    console = Console()
    for name, figures_by_label in tables.items():
        console.print(_table(name, {**figures_by_label, "all": everything}))
    if output is not None:
        written = {
            "gold": ref.model_dump(),
            "half": half,
            "passages": own_document.PASSAGES,
            "reader": {"name": model.name, "sha256": model.sha256},
            "all": everything.model_dump(),
            **{
                name: {label: figures.model_dump() for label, figures in figures_by_label.items()}
                for name, figures_by_label in tables.items()
            },
        }
        output.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def _table(name: str, figures_by_label: dict[str, DocumentFigures]) -> Table:
    table = Table(name, *COLUMNS)
    for label, own in figures_by_label.items():
        shares = (own.right, own.f1, own.balanced_right, own.balanced_declined, own.answered)
        cells = ["" if share is None else f"{share:.1%}" for share in shares]
        table.add_row(label, str(own.questions), str(own.answerable), *cells, end_section=label == "all")
    return table
