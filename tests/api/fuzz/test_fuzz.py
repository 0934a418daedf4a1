"""Thousands of made-up requests to a real server: none breaks what the OpenAPI document promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest

from qa.reading.spans import Span

HERE = Path(__file__).parent
# Requests of each operation that the fuzzing phase draws; the other phases make as many as the document gives rise to.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
FEWEST = 2_000
TIMEOUT_S = max(1_200, 20 * EXAMPLES)
_SAMPLE = re.compile(
    r'^spanqa_http_requests_total\{method="(\w+)",route="([^"]+)",status="(\d+)"\} (\d+)\.0$', re.MULTILINE
)


class FirstWordReader:
    """Answers with the first word of every passage, so that texts of all kinds come to be cited."""

    name = "first-word-reader"
    sha256 = "f" * 64

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[str]], headings: object = None
    ) -> list[list[list[Span]]]:
        return [[self._spans(text) for text in texts] for texts in passages]

    def _spans(self, text: str) -> list[Span]:
        word = re.search(r"\S+", text)
        return [Span(*word.span(), 3.0)] if word else []


@pytest.fixture
def reader() -> FirstWordReader:
    return FirstWordReader()


def test_every_response_is_as_described(listening: Callable[..., int]) -> None:
    url = f"http://127.0.0.1:{listening(requests_per_minute=0)}"
    for name in ("kept", "also kept"):
        stored = httpx.post(f"{url}/v1/documents", json={"uri": name, "text": f"The document that is {name}."})
        assert stored.status_code == 201
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"),
        *(f"{url}/openapi.json", "--max-examples", str(EXAMPLES)),
    ]
    ran = subprocess.run(command, check=False, cwd=HERE, timeout=TIMEOUT_S)
    assert ran.returncode == 0, "schemathesis found what is listed above"
    requests: Counter[tuple[str, str]] = Counter()
    done = set()
    metrics = httpx.get(f"{url}/metrics").text
    for method, route, status, count in _SAMPLE.findall(metrics):
        # To say so is what it is for, where more documents are asked for than there are.
        told = (route, status) == ("/readyz", "503")
        assert int(status) < 500 or told, f"{count} responses {status} of {method} {route}"
        requests[method, route] += int(count)
        if int(status) < 400:
            done.add((method, route))
    document = httpx.get(f"{url}/openapi.json").json()
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert described <= done, "operations that were never done"
    assert '{reason="",status="answered"}' in metrics, "no question was answered"
    total = sum(requests[operation] for operation in described)
    sys.stdout.write(f"{total} requests\n")
    assert total >= FEWEST, requests
