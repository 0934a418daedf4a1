"""docs/settings.md: what a server, the environment and an installation can be told, and what a server tells."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI

from api.settings import ServerSettings
from reference.commands import commands, options
from reference.http import metrics
from reference.markdown import page, table

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("index", "qa", "eval", "api")
VARIABLES = {
    "QA_STORE": "The store, where a command is given no `--store`.",
    "QA_RUNTIME": "What runs the models: `auto`, `openvino` or `torch`; `--runtime` goes before it.",
    "QA_THREADS": "How many cores the models use; all of them where it is not set.",
    "QA_CACHE": "The folder of compiled models; the user's cache directory where it is not set.",
    "QA_LOAD_SECONDS": "Seconds that reading one file may take.",
    "QA_LOAD_MEMORY_MB": "Megabytes of memory that reading one file may take.",
    "QA_API_KEY": "The key that `api.client.Client` sends, where it is given none.",
}
EXTRAS = {
    "report": "`qa report` and `qa eval --report`: one HTML page of a run.",
    "postgres": "Stores in PostgreSQL.",
    "milvus": "Search in a Milvus server.",
    "scale": "Both: `postgres` and `milvus`.",
    "ray": "`qa index --engine ray`: indexing on the nodes of a Ray cluster.",
    "train": "The encoder of the teacher of `qa train reader`.",
    "dev": "What `make test`, `make lint` and `make check` need.",
}


def variables() -> set[str]:
    """The names of environment variables that the code speaks of."""
    return {text for text in _strings() if re.fullmatch(r"QA_[A-Z_]+", text)}


def _strings() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def extras() -> set[str]:
    """The extras of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return set(project["optional-dependencies"])


def settings_page(app: FastAPI) -> str:
    """The whole page."""
    (serve,) = [command for name, command in commands() if name == "qa serve"]
    of_serve = options(serve)
    rows = []
    for name, field in ServerSettings.model_fields.items():
        spellings = {f"--{spelling.replace('_', '-')}" for spelling in (name, name.removesuffix("_s"))}
        if name == "allowed_hosts":
            spellings = {"--allow-host"}
        shared = sorted(spellings & set(of_serve))
        rows.append((f"`{name}`", f"`{field.default}`", f"`{shared[0]}`" if shared else ""))
    return page(
        "Settings and metrics",
        "## Server",
        f"`api.settings.ServerSettings`, for `api.http.app.create_app` and `serve`. {inspect.getdoc(ServerSettings)}",
        table(("setting", "default", "option of `qa serve`"), rows),
        "`qa serve` keeps 1,000 answers (`--cached-answers`) where the class keeps none.",
        "## Environment",
        table(("variable", "meaning"), ((f"`{name}`", text) for name, text in VARIABLES.items())),
        "A Milvus server's token is read from `MILVUS_TOKEN`, see `docs/servers.md`.",
        "## Extras",
        table(("extra", "what needs it"), ((f"`spanqa[{name}]`", text) for name, text in EXTRAS.items())),
        "## Metrics",
        "`GET /metrics`, in the Prometheus text format.",
        table(("metric", "kind", "meaning"), ((f"`{name}`", kind, text) for name, kind, text in metrics(app))),
    )
