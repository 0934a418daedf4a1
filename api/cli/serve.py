"""`qa serve`: the HTTP API over a store."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Annotated

import typer

from api.cli.grouping import OptionGroup, with_groups
from api.cli.opening import open_engine, open_store, tell_ignored_promise
from api.cli.options import CreateOption, ModelOptions, StoreOption
from api.terminal import errors, tell
from index.errors import NoStoreError


@dataclass(frozen=True)
class ListeningOptions(OptionGroup):
    """Where the server listens, and by which names it may be called."""

    host: Annotated[
        str, typer.Option(help="Address to listen on; only this machine by default, others need: qa keys add.")
    ] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name that requests may call this server by; may be repeated.")
    ] = None


@dataclass(frozen=True)
class LoadOptions(OptionGroup):
    """How much the server takes on, and how long it finishes it."""

    requests_per_minute: Annotated[
        int, typer.Option(min=0, help="How many requests a key or client may send in the long run; 0: no limit.")
    ] = 1_200
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds to finish what was accepted once told to stop (SIGTERM, SIGINT).")
    ] = 30.0
    cached_answers: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Answers kept for the same question to the same store; 0: none.")
    ] = 1_000


@dataclass(frozen=True)
class UploadOptions(OptionGroup):
    """How large an uploaded document may be."""

    max_document_characters: Annotated[
        int, typer.Option(min=1, help="Characters that the text of an uploaded document may have.")
    ] = 4_000_000
    max_document_passages: Annotated[
        int, typer.Option(min=1, help="Passages that an uploaded document may come to.")
    ] = 10_000


@with_groups
def serve(
    *,
    store: StoreOption,
    listening: ListeningOptions,
    load: LoadOptions,
    create: CreateOption = False,
    uploads: UploadOptions,
    log_json: Annotated[
        bool | None, typer.Option("--log-json/--log-text", help="Form of the log; JSON unless on a terminal.")
    ] = None,
    models: ModelOptions,
) -> None:
    """Serve the HTTP API; its documentation is at /docs."""
    from api.http.app import serve as run
    from api.http.logs import configure
    from api.settings import LOOPBACK_NAMES, ServerSettings

    configure(as_json=not errors.is_terminal if log_json is None else log_json)
    settings = ServerSettings(
        requests_per_minute=load.requests_per_minute,
        grace_s=load.grace,
        cached_answers=load.cached_answers,
        max_document_characters=uploads.max_document_characters,
        max_document_passages=uploads.max_document_passages,
        allowed_hosts=(*LOOPBACK_NAMES, *listening.allow_host) if listening.allow_host else LOOPBACK_NAMES,
    )
    try:
        opened = open_store(store, models.embedder, create=create, runtime=models.runtime)
    except NoStoreError as error:
        raise NoStoreError(f"{error}; or start with an empty one: qa serve --create") from error
    if opened.catalogue.is_empty():
        tell("the store holds no documents yet")
    engine = open_engine(opened, models.reader, models.calibration, runtime=models.runtime)
    tell_ignored_promise(engine)
    if not run(engine, listening.host, listening.port, settings=settings):
        # Threads that are still at work would keep the process for as long as they like.
        logging.shutdown()
        os._exit(1)
