"""Options that several commands share, alone and in groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.errors import UsageError
from api.cli.grouping import OptionGroup
from api.cli.opening import default_store
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
CreateOption = Annotated[bool, typer.Option("--create", help="Where there is no store yet, begin with an empty one.")]
EmbedderOption = Annotated[str | None, typer.Option(help="Embedding model by name or folder.")]
ReaderOption = Annotated[str | None, typer.Option(help="Extractive model by name or folder.")]
CalibrationOption = Annotated[Path | None, typer.Option(help="A calibration file other than the bundled one.")]
RuntimeOption = Annotated[
    Runtime | None, typer.Option(envvar=RUNTIME_VARIABLE, help="What runs the models; auto: OpenVINO where it can.")
]
UriPrefixOption = Annotated[
    str, typer.Option("--uri-prefix", "--under", help="Only documents whose URI begins with this.")
]
DocumentOption = Annotated[list[str] | None, typer.Option(help="Only this document, by id; may be repeated.")]
CollectionsOption = Annotated[
    list[str] | None, typer.Option("--collection", help="Only documents of this collection; may be repeated.")
]
TagsOption = Annotated[list[str] | None, typer.Option("--tag", help="Only documents with this tag; may be repeated.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Only documents of this day, month or year, or later (YYYY[-MM[-DD]]).")
]
ToOption = Annotated[str | None, typer.Option("--to", help="Only documents of this day, month or year, or earlier.")]
PassagesOption = Annotated[int, typer.Option("-k", "--passages", min=1, max=200, help="How many passages to read.")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write over a file or folder that is there and is no former output of this.")
]


@dataclass(frozen=True)
class ModelOptions(OptionGroup):
    """Which models answer, with which calibration, and what runs them."""

    embedder: EmbedderOption = None
    reader: ReaderOption = None
    calibration: CalibrationOption = None
    runtime: RuntimeOption = None


@dataclass(frozen=True)
class ListFilterOptions(OptionGroup):
    """Which documents are listed."""

    uri_prefix: UriPrefixOption = ""
    collection: CollectionsOption = None
    tag: TagsOption = None
    date_from: FromOption = None
    date_to: ToOption = None

    def filters(self) -> Filters:
        """The filters that the options state; raises UsageError where one of them is wrong."""
        return _filters(self)


@dataclass(frozen=True)
class QuestionFilterOptions(OptionGroup):
    """Which documents may answer."""

    uri_prefix: UriPrefixOption = ""
    document: DocumentOption = None
    collection: CollectionsOption = None
    tag: TagsOption = None
    date_from: FromOption = None
    date_to: ToOption = None

    def filters(self) -> Filters:
        """The filters that the options state; raises UsageError where one of them is wrong."""
        return _filters(self, self.document)


def _filters(options: ListFilterOptions | QuestionFilterOptions, documents: list[str] | None = None) -> Filters:
    from pydantic import ValidationError

    from qa.types import Filters

    try:
        return Filters(
            document_ids=tuple(documents or ()),
            uri_prefix=options.uri_prefix,
            collections=tuple(options.collection or ()),
            tags=tuple(options.tag or ()),
            date_from=options.date_from,
            date_to=options.date_to,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "filters"
        raise UsageError(f"{field}: {first['msg'].removeprefix('Value error, ')}") from error
