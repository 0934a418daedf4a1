"""A real browser against a real server: `qa serve` with its own models, on a store of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
SEED = ROOT / "seeds" / "000_a47247f0e3dcde29.txt"
SCREENSHOTS = ROOT / ".screenshots"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
START_S = 180
# Two cores that others use too: patience is not what is tested.
WAIT_MS = 30_000
LAPTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 740}
expect.set_options(timeout=WAIT_MS)


@dataclass(frozen=True)
class Server:
    """A running `qa serve`, spoken to without the page."""

    base: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.base + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            text = response.read()
        return json.loads(text) if text else None

    def put(self, name: str, text: str, **more: Any) -> dict[str, Any]:
        """Add a document, or replace it; its record."""
        record: dict[str, Any] = self.call("POST", "/v1/documents", {"uri": name, "text": text, **more})
        return record

    def remove(self, document_id: str) -> None:
        self.call("DELETE", f"/v1/documents/{document_id}")

    def text(self, document_id: str) -> str:
        text: str = self.call("GET", f"/v1/documents/{document_id}/text")["text"]
        return text


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a store that holds the seed article."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    qa = [sys.executable, "-c", "from api.cli.main import main; main()"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "QA_STORE": str(folder / "store")}
    shutil.copy(SEED, folder / SEED.name)
    subprocess.run([*qa, "index", str(folder / SEED.name)], check=True, env=environment, cwd=ROOT, timeout=600)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*qa, "serve", "--create", "--port", str(port)],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(START_S * 2):
            try:
                urllib.request.urlopen(f"{base}/healthz", timeout=5)
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        else:
            raise AssertionError("the server did not start: " + (folder / "log").read_text())
        yield Server(base)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    SCREENSHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make a browser context; what it holds ends with the test."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": LAPTOP, "locale": "en-GB", **options})
        context.set_default_timeout(WAIT_MS)
        # The page reports these itself: the policy lets it speak to its own server alone.
        context.add_init_script(
            "window.violations = []; document.addEventListener('securitypolicyviolation', "
            "(event) => violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));"
        )
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def opened(server: Server, context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Open the page, at a fragment if one is given. At the end of the test nothing may have gone wrong in it."""
    pages: list[Page] = []
    errors: list[str] = []
    foreign: list[str] = []

    def open_page(fragment: str = "", **options: Any) -> Page:
        page = context(**options).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: None if request.url.startswith(server.base) else foreign.append(request.url))
        page.goto(f"{server.base}/{fragment}")
        expect(page.locator("#count")).not_to_be_empty()
        pages.append(page)
        return page

    yield open_page
    assert errors == []
    assert foreign == []
    for page in pages:
        assert page.evaluate("violations") == []


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keep a picture of a page, named after the test."""

    def take(page: Page, part: str = "", *, full: bool = False) -> None:
        name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
        page.screenshot(path=SCREENSHOTS / f"{name}{part and '-' + part}.png", full_page=full)

    return take


@pytest.fixture
def document(server: Server) -> Iterator[Callable[..., dict[str, Any]]]:
    """Add documents that the test's end removes."""
    added: list[str] = []

    def put(name: str, text: str, **more: Any) -> dict[str, Any]:
        record = server.put(name, text, **more)
        added.append(record["id"])
        return record

    yield put
    for document_id in dict.fromkeys(added):
        try:
            server.remove(document_id)
        except urllib.error.HTTPError as error:
            assert error.code == 404


def ask(page: Page, question: str) -> None:
    """Ask a question as people do, and wait for what comes of it."""
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    settled(page)


def settled(page: Page) -> None:
    """Wait until the result and the document beside it are there."""
    expect(page.locator("#result .card, #result .welcome").first).to_be_visible()
    expect(page.locator("#result")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#viewer-text")).not_to_have_attribute("aria-busy", "true")


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it stands."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:160]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def marked_offsets(page: Page) -> tuple[int, int, int]:
    """The code points before the mark in the document's shown text, in the mark, and in all of that text."""
    before, inside, whole = page.evaluate(
        """() => {
            const text = document.querySelector("#viewer-text .text");
            const mark = document.querySelector("#span");
            const range = document.createRange();
            range.setStart(text, 0);
            range.setEnd(mark, 0);
            return [range.toString(), mark.textContent, text.textContent];
        }"""
    )
    return len(before), len(inside), len(whole)
