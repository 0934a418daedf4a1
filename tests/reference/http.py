"""docs/http.md: every route of the server, from its OpenAPI document, and every kind of problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import problems
from reference.markdown import page, table

INTRODUCTION = """The same is served as an OpenAPI document at `/openapi.json`, with pages to try it at `/docs`. Besides
these there are the web page (`/`, with its files under `/assets/{name}`) and the tools for agents (`/mcp`, Model
Context Protocol over streamable HTTP). Errors are problem details (RFC 9457); their kinds are listed at the end."""


def routes(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation that the OpenAPI document has."""
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            yield method.upper(), path, operation


def kinds() -> list[problems.Kind]:
    """Every kind of problem, in the order of statuses."""
    named = [value for value in vars(problems).values() if isinstance(value, problems.Kind)]
    return sorted(named, key=lambda kind: (kind.status, kind.slug))


def http_page(app: FastAPI) -> str:
    """The whole page."""
    rows = [(f"`{kind.slug}`", str(kind.status), kind.title) for kind in kinds()]
    problem_table = table(("kind", "status", "title"), rows)
    ending = f"## Problems\n\n`type` is `{problems.TYPE_PREFIX}` and one of these.\n\n{problem_table}"
    return page("HTTP", INTRODUCTION, *(_section(*route) for route in routes(app)), ending)


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", operation.get("description", ""))
    parts = [f"## {method} {path}", f"{operation['summary']}. {text}"]
    if content := operation.get("requestBody", {}).get("content"):
        parts.append("Body: " + ", ".join(f"`{media_type}`{_schema(body)}" for media_type, body in content.items()))
    parts.append(
        table(
            ("parameter", "in", "meaning"),
            ((f"`{one['name']}`", one["in"], one.get("description", "")) for one in operation.get("parameters", [])),
        )
    )
    answers = ((status, answer["description"]) for status, answer in sorted(operation["responses"].items()))
    parts.append(table(("status", "meaning"), answers))
    return "\n\n".join(part for part in parts if part)


def _schema(body: dict[str, Any]) -> str:
    name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f" ({name})" if name else ""


def metrics(app: FastAPI) -> list[tuple[str, str, str]]:
    """Name, kind and meaning of each metric, as the server itself says them."""
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        text = client.get("/metrics").text
    kind_of = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    return [(name, kind_of[name], meaning) for name, meaning in re.findall(r"^# HELP (\S+) (.+)$", text, re.M)]
