"""Options and progress that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.errors import UsageError
from api.cli.opening import default_store
from api.terminal import errors
from index.models.runtime import RUNTIME_VARIABLE, Runtime

if TYPE_CHECKING:
    from qa.types import Filters

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="QA_STORE",
        help="The store: a folder, or postgresql://[USER@]HOST/DATABASE[?milvus=URL].",
        default_factory=lambda: str(default_store()),
    ),
]
EmbedderOption = Annotated[str | None, typer.Option(help="Embedding model by name or folder.")]
ReaderOption = Annotated[str | None, typer.Option(help="Extractive model by name or folder.")]
UriPrefixOption = Annotated[
    str, typer.Option("--uri-prefix", "--under", help="Only documents whose URI begins with this.")
]
CollectionsOption = Annotated[
    list[str] | None, typer.Option("--collection", help="Only documents of this collection; may be repeated.")
]
TagsOption = Annotated[list[str] | None, typer.Option("--tag", help="Only documents with this tag; may be repeated.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Only documents of this day, month or year, or later (YYYY[-MM[-DD]]).")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Only documents of this day, month or year, or earlier.")]
RuntimeOption = Annotated[
    Runtime | None, typer.Option(envvar=RUNTIME_VARIABLE, help="What runs the models; auto: OpenVINO where it can.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write over a file or folder that is there and is no former output of this.")
]
CalibrationOption = Annotated[Path | None, typer.Option(help="A calibration file other than the bundled one.")]


def filters_of(
    *,
    documents: Sequence[str] | None = None,
    uri_prefix: str = "",
    collections: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    date_from: str | None = None,
    date_to: str | None = None,
) -> Filters:
    """The filters that options come to; raises UsageError where they are none."""
    from pydantic import ValidationError

    from qa.types import Filters

    try:
        return Filters(
            document_ids=tuple(documents or ()),
            uri_prefix=uri_prefix,
            collections=tuple(collections or ()),
            tags=tuple(tags or ()),
            date_from=date_from,
            date_to=date_to,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "filters"
        raise UsageError(f"{field}: {first['msg'].removeprefix('Value error, ')}") from error


@contextmanager
def progress_bar(name: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal; yields what is called with (done, all)."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task(name, total=total)
        yield lambda done, of: progress.update(bar, completed=done, total=of)
