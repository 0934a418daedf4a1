"""The page's files as the server hands them out. What they do in a browser is tested in tests/browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import api

FILES = sorted(path.name for path in (Path(api.__file__).parent / "web").iterdir())


def test_the_page_comes_under_a_strict_policy(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/html")
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    for kind in ("script-src", "style-src", "connect-src", "img-src"):
        assert policy[kind] == "'self'"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", FILES)
def test_files_are_revalidated(client: TestClient, name: str) -> None:
    response = client.get(f"/assets/{name}")
    assert response.status_code == 200 and response.headers["cache-control"] == "no-cache"
    again = client.get(f"/assets/{name}", headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert client.head(f"/assets/{name}").headers["content-length"] == response.headers["content-length"]
    assert client.post(f"/assets/{name}", json={}).status_code == 405


def test_nothing_comes_from_elsewhere_or_stands_in_the_page(client: TestClient) -> None:
    html = client.get("/").text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|https?://", html)
    for reference in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert client.get(f"/{reference}").status_code == 200
    for name in FILES:
        text = client.get(f"/assets/{name}").text.replace("http://www.w3.org/2000/svg", "")
        assert "innerHTML" not in text and not re.search(r"""["'(]https?://[a-z]""", text)
