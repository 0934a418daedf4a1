"""Counters and histograms of what the server does, shown in the Prometheus text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.schemas import SearchTimes
from qa.types import Elapsed, Response

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STAGES = ("embed", "retrieve", "read", "total")
SEARCH_STAGES = ("embed", "retrieve")
UPLOAD_STAGES = ("read", "store")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """What the server has done since it started. Safe to share between threads.

    `registry` is this server's own: two servers in one process do not count for each other.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "spanqa_http_requests_total",
            "Finished HTTP requests.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._request_seconds = Counter(
            "spanqa_http_request_seconds_total",
            "Time of finished HTTP requests.",
            ("method", "route"),
            registry=registry,
        )
        self._uploads = Counter(
            "spanqa_uploads_total", "Documents uploaded, by what became of them.", ("outcome",), registry=registry
        )
        self._upload_seconds = Counter(
            "spanqa_upload_seconds_total", "Time of uploads by stage, without waiting.", ("stage",), registry=registry
        )
        self._outcomes = Counter(
            "spanqa_questions_total",
            "Questions by outcome; reason is empty when answered.",
            ("status", "reason"),
            registry=registry,
        )
        self._ask_seconds = Histogram(
            "spanqa_ask_seconds",
            "Time of a question by stage, without waiting.",
            ("stage",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._search_seconds = Histogram(
            "spanqa_search_seconds",
            "Time of a search without reading by stage, without waiting.",
            ("stage",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        # Shown from the start, and not only once there was one: a rate needs the zero before the first.
        for metric, stages in (
            (self._upload_seconds, UPLOAD_STAGES),
            (self._ask_seconds, STAGES),
            (self._search_seconds, SEARCH_STAGES),
        ):
            for stage in stages:
                metric.labels(stage)

    def watch(self, name: str, kind: Literal["gauge", "counter"], text: str, read: Callable[[], float]) -> None:
        """Show under `name` what `read` says whenever the metrics are asked for."""
        self.registry.register(_Watched(name, kind, text, read))

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a finished request by its route's template, never by its path: paths are without number."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._request_seconds.labels(known, route).inc(seconds)

    def count_upload(self, seconds: Mapping[str, float], *, changed: bool) -> None:
        """Count a document that was stored, or was there already, and the time of its stages (`UPLOAD_STAGES`)."""
        self._uploads.labels("changed" if changed else "unchanged").inc()
        for stage in UPLOAD_STAGES:
            self._upload_seconds.labels(stage).inc(seconds[stage])

    def count_failed_upload(self, outcome: str) -> None:
        """Count a document that was taken, and could not be read or stored (`failed`), or was `abandoned`."""
        self._uploads.labels(outcome).inc()

    def count_answer(self, response: Response, *, kept: bool = False) -> None:
        """Count a response by its outcome, and the time of its stages, of which one that was `kept` had none."""
        self._outcomes.labels(response.status, response.reason or "").inc()
        if not kept:
            _observe(self._ask_seconds, STAGES, response.elapsed_ms)

    def count_search(self, elapsed_ms: SearchTimes) -> None:
        """Count a search by the time of its stages."""
        _observe(self._search_seconds, SEARCH_STAGES, elapsed_ms)

    def render(self) -> str:
        """Everything in the Prometheus text format."""
        return generate_latest(_WithoutCreationTimes(self.registry)).decode("utf-8")


class _Watched(Collector):
    """A metric whose value is read when it is asked for."""

    def __init__(self, name: str, kind: Literal["gauge", "counter"], text: str, read: Callable[[], float]) -> None:
        self._name = name
        self._family = GaugeMetricFamily if kind == "gauge" else CounterMetricFamily
        self._text = text
        self._read = read

    def describe(self) -> Iterable[Metric]:
        # Without a value: nothing is read before anybody asks, but a name that is taken is refused.
        return [self._family(self._name, self._text)]

    def collect(self) -> Iterable[Metric]:
        return [self._family(self._name, self._text, value=self._read())]


class _WithoutCreationTimes(Collector):
    """The metrics of a registry without the times at which they began, which double the series and tell nothing that
    the start of the process does not. The library's own switch for that is for the whole process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if sample.name != f"{metric.name}_created"]
            yield metric


def _observe(histogram: Histogram, stages: Iterable[str], elapsed_ms: Elapsed | SearchTimes) -> None:
    for stage in stages:
        histogram.labels(stage).observe(getattr(elapsed_ms, stage) / 1000)
