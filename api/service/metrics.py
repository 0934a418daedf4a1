"""Counters and histograms in the Prometheus text format, version 0.0.4."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from api.schemas import SearchTimes
from qa.types import Elapsed, Response

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STAGES = ("embed", "retrieve", "read", "total")
SEARCH_STAGES = ("embed", "retrieve")
UPLOAD_STAGES = ("read", "store")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Histogram:
    """How long each of some stages took: how often within each bound, and in all."""

    def __init__(self, name: str, stages: Sequence[str]) -> None:
        self._name = name
        # One more than there are bounds: the last counts what lies beyond them all.
        self._buckets = {stage: [0] * (len(BUCKETS_S) + 1) for stage in stages}
        self._seconds = dict.fromkeys(stages, 0.0)

    def observe(self, elapsed_ms: Elapsed | SearchTimes) -> None:
        """Add the milliseconds of each stage."""
        for stage, buckets in self._buckets.items():
            seconds = getattr(elapsed_ms, stage) / 1000
            buckets[bisect_left(BUCKETS_S, seconds)] += 1
            self._seconds[stage] += seconds

    def lines(self, text: str) -> Iterator[str]:
        """The samples in the text format, under a heading that says `text`."""
        yield from _head(self._name, "histogram", text)
        for stage, buckets in self._buckets.items():
            total = 0
            for bound, count in zip((*BUCKETS_S, "+Inf"), buckets, strict=True):
                total += count
                yield _sample(f"{self._name}_bucket", {"stage": stage, "le": str(bound)}, total)
            yield _sample(f"{self._name}_sum", {"stage": stage}, round(self._seconds[stage], 6))
            yield _sample(f"{self._name}_count", {"stage": stage}, total)


class Metrics:
    """What the server has done since it started. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._asked = _Histogram("spanqa_ask_seconds", STAGES)
        self._searched = _Histogram("spanqa_search_seconds", SEARCH_STAGES)
        self._uploads: Counter[str] = Counter()
        self._upload_seconds = dict.fromkeys(UPLOAD_STAGES, 0.0)
        self._request_seconds: dict[tuple[str, str], float] = {}
        self._watched: list[tuple[str, str, str, Callable[[], float]]] = []

    def watch(self, name: str, kind: str, text: str, read: Callable[[], float]) -> None:
        """Show under `name` what `read` says at the time; `kind` is gauge or counter."""
        self._watched.append((name, kind, text, read))

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a finished request by its route's template, never by its path: paths are without number."""
        known = method if method in _METHODS else "other"
        with self._lock:
            self._requests[known, route, str(status)] += 1
            self._request_seconds[known, route] = self._request_seconds.get((known, route), 0.0) + seconds

    def count_upload(self, seconds: Mapping[str, float], *, changed: bool) -> None:
        """Count a document that was stored, or was there already, and the time of its stages (`UPLOAD_STAGES`)."""
        with self._lock:
            self._uploads["changed" if changed else "unchanged"] += 1
            for stage in UPLOAD_STAGES:
                self._upload_seconds[stage] += seconds[stage]

    def count_failed_upload(self, outcome: str) -> None:
        """Count a document that was taken, and could not be read or stored (`failed`), or was `abandoned`."""
        with self._lock:
            self._uploads[outcome] += 1

    def count_answer(self, response: Response, *, kept: bool = False) -> None:
        """Count a response by its outcome, and the time of its stages, of which one that was `kept` had none."""
        with self._lock:
            self._outcomes[response.status, response.reason or ""] += 1
            if kept:
                return
            self._asked.observe(response.elapsed_ms)

    def count_search(self, elapsed_ms: SearchTimes) -> None:
        """Count a search by the time of its stages."""
        with self._lock:
            self._searched.observe(elapsed_ms)

    def render(self) -> str:
        """Everything in the Prometheus text format."""
        with self._lock:
            lines = [
                *_head("spanqa_http_requests_total", "counter", "Finished HTTP requests."),
                *(
                    _sample("spanqa_http_requests_total", {"method": method, "route": route, "status": status}, count)
                    for (method, route, status), count in sorted(self._requests.items())
                ),
                *_head("spanqa_http_request_seconds_total", "counter", "Time of finished HTTP requests."),
                *(
                    _sample("spanqa_http_request_seconds_total", {"method": method, "route": route}, round(seconds, 6))
                    for (method, route), seconds in sorted(self._request_seconds.items())
                ),
                *_head("spanqa_uploads_total", "counter", "Documents uploaded, by what became of them."),
                *(
                    _sample("spanqa_uploads_total", {"outcome": outcome}, count)
                    for outcome, count in sorted(self._uploads.items())
                ),
                *_head("spanqa_upload_seconds_total", "counter", "Time of uploads by stage, without waiting."),
                *(
                    _sample("spanqa_upload_seconds_total", {"stage": stage}, round(seconds, 6))
                    for stage, seconds in self._upload_seconds.items()
                ),
                *_head("spanqa_questions_total", "counter", "Questions by outcome; reason is empty when answered."),
                *(
                    _sample("spanqa_questions_total", {"status": status, "reason": reason}, count)
                    for (status, reason), count in sorted(self._outcomes.items())
                ),
                *self._asked.lines("Time of a question by stage, without waiting."),
                *self._searched.lines("Time of a search without reading by stage, without waiting."),
            ]
        for name, kind, text, read in self._watched:
            lines += [*_head(name, kind, text), f"{name} {read()}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
