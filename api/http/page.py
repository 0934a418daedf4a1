"""The web page: static files of the package, under a policy that lets nothing else in."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)
# Documents are data of strangers: even if their text became markup, no script of theirs would run, nothing could be
# loaded or sent, and no other site can frame the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Asked for again each time and answered "not modified": page and API are never of different versions.
    "cache-control": "no-cache",
}
_files = StaticFiles(directory=Path(__file__).parents[1] / "web")


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The page itself. It holds nothing of the documents, so that it can be had without a key."""
    return await _file("index.html", request)


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def page_file(name: str, request: Request) -> Response:
    """A script, style sheet or picture of the page; 404 for anything that is not in its folder."""
    return await _file(name, request)


async def _file(name: str, request: Request) -> Response:
    response = await _files.get_response(name, request.scope)
    response.headers.update(_HEADERS)
    return response
