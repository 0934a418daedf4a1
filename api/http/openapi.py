"""The API's description: responses as OpenAPI has them, and a page that shows them without other servers' scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.http.middleware.access import OPEN_PATHS
from api.problems import MEDIA_TYPE, Problem

Responses = dict[int | str, dict[str, Any]]
_JSON = "application/json"


def example(value: Any, status: int = 200, description: str = "Done") -> Responses:
    """The response of a route with an example."""
    return {status: {"description": description, "content": {_JSON: {"example": value}}}}


def problems(**descriptions: str) -> Responses:
    """Error responses of a route: `_404="unknown document"` and so on, each with problem details."""
    return {int(name.lstrip("_")): {"model": Problem, "description": text} for name, text in descriptions.items()}


def examples(**values: Any) -> dict[str, Any]:
    """Named examples, as OpenAPI wraps them."""
    return {name: {"value": value} for name, value in values.items()}


def links(**targets: Mapping[str, Any]) -> dict[str, Any]:
    """Where a response leads: operations by name, with the parts of the link (`parameters`, `requestBody`)."""
    return {"links": {name: {"operationId": name, **parts} for name, parts in targets.items()}}


def operation_id(route: APIRoute) -> str:
    """The name of an operation: that of its function, which no other route has."""
    return route.name


def _headers_of(status: int) -> dict[str, Any]:
    """The headers that responses of a status have wherever they come from."""
    text = {"schema": {"type": "string"}}
    headers: dict[str, Any] = {"X-Request-Id": {"description": "The request's id, as in the server's log.", **text}}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = {
            "description": "Seconds until it is worth another try.",
            "schema": {"type": "integer"},
        }
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"description": "What kind of key is needed (RFC 6750).", **text}
    return headers


class DescribedApi(FastAPI):
    """FastAPI whose description gives every error its true media type."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema:
            return self.openapi_schema
        schema = super().openapi()
        schema["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "An API key, where the server has any."}
        }
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                self._guarded(path, operation)
                for status, response in operation["responses"].items():
                    response["headers"] = {**response.get("headers", {}), **_headers_of(int(status))}
                    content = response.get("content", {})
                    # FastAPI describes every model as JSON, and adds 422 with a model that is not ours.
                    if int(status) >= HTTPStatus.BAD_REQUEST and _JSON in content:
                        content.pop(_JSON)
                        content[MEDIA_TYPE] = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
        for unused in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(unused, None)
        return schema

    def _guarded(self, path: str, operation: dict[str, Any]) -> None:
        """Add what every request may meet before it comes to its route."""
        responses = operation["responses"]
        common = {
            "400": "The request, or its body, cannot be read.",
            "413": "The body is too large.",
            "421": "The server does not answer to that name.",
        }
        if path not in OPEN_PATHS:
            operation["security"] = [{}, {"key": []}]
            common |= {
                "401": "An API key is required, or the one sent is not valid.",
                "403": "The API key does not allow this, or the request comes from another site's page.",
                "429": "Too many requests of one client; see Retry-After.",
                "503": "The API keys cannot be read, or too many connections are open.",
            }
        if "requestBody" in operation:
            common["408"] = "The body came too slowly."
        for status, description in common.items():
            responses.setdefault(status, {"description": description, "content": {_JSON: {}}})

    def allowed_methods(self, template: str) -> list[str]:
        """The methods of a path's template, empty where the description does not know it."""
        return sorted(method.upper() for method in self.openapi()["paths"].get(template, {}))


def described(schema: Mapping[str, Any]) -> str:
    """A description as one HTML page without scripts."""
    parts = [f"<h1>{escape(schema['info']['title'])}</h1><p>{escape(schema['info'].get('description', ''))}</p>"]
    parts.append('<p>For programs: <a href="/openapi.json">openapi.json</a></p>')
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(method.upper(), path, operation))
    parts.append("<h2>Schemas</h2>")
    for name, model in schema["components"]["schemas"].items():
        parts.append(f'<details id="{escape(name)}"><summary>{escape(name)}</summary>{_json(model)}</details>')
    return _PAGE.replace("{content}", "\n".join(parts))


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [f"<h2><code>{method} {escape(path)}</code></h2>"]
    parts.append(f"<p><b>{escape(operation.get('summary', ''))}</b> {escape(operation.get('description', ''))}</p>")
    for parameter in operation.get("parameters", ()):
        text = f"{parameter['name']} ({parameter['in']}) {parameter.get('description', '')}"
        parts.append(f"<details><summary>{escape(text)}</summary>{_json(parameter['schema'])}</details>")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<details open><summary>Body: {escape(media_type)}</summary>{_content(content)}</details>")
    for status, response in operation["responses"].items():
        types = ", ".join(response.get("content", {}))
        shown = "".join(_content(content) for content in response.get("content", {}).values())
        summary = escape(f"{status} {types}: {response['description']}")
        parts.append(f"<details><summary>{summary}</summary>{shown}</details>")
    return "\n".join(parts)


def _content(content: Mapping[str, Any]) -> str:
    shown = [entry["value"] for entry in content.get("examples", {}).values()]
    if "example" in content:
        shown.append(content["example"])
    return "".join(_json(value) for value in shown) + _json(content.get("schema", {}))


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>spanqa API</title>
<style>
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
pre{overflow:auto;padding:.5rem 1rem;border-left:3px solid #888;font-size:.85rem}
summary{cursor:pointer}
h2{margin-top:2.5rem}
</style></head><body>
{content}
</body></html>
"""
