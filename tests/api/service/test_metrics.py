"""What is counted, and how it is shown."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.http import examples
from api.schemas import SearchTimes
from api.service.metrics import BUCKETS_S, Metrics
from qa.types import Elapsed, Response


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """The shown samples by name and label values, in the order of the labels' names."""
    families = text_string_to_metric_families(metrics.render())
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_histogram_is_cumulative() -> None:
    metrics = Metrics()
    response = Response.model_validate(examples.RESPONSE)
    for ms in (4.0, 5.0, 5.1, 20_000.0):
        elapsed = Elapsed(embed=0, retrieve=0, read=0, total=ms)
        metrics.count_answer(response.model_copy(update={"elapsed_ms": elapsed}))
    shown = samples(metrics)
    counts = [shown["spanqa_ask_seconds_bucket", str(bound), "total"] for bound in (*BUCKETS_S, "+Inf")]
    assert counts == [2, *[3] * 10, 4]
    assert shown["spanqa_ask_seconds_sum", "total"] == pytest.approx(20.0141)
    assert shown["spanqa_ask_seconds_count", "embed"] == 4


def test_an_answer_that_was_kept_took_no_time() -> None:
    metrics = Metrics()
    metrics.count_answer(Response.model_validate(examples.RESPONSE), kept=True)
    shown = samples(metrics)
    assert shown["spanqa_questions_total", "", "answered"] == 1
    assert shown["spanqa_ask_seconds_count", "total"] == 0


def test_stages_are_shown_before_there_was_any() -> None:
    shown = samples(Metrics())
    assert shown["spanqa_upload_seconds_total", "read"] == shown["spanqa_search_seconds_count", "embed"] == 0
    assert not [name for name, *_ in shown if name.endswith("_created")]


def test_methods_that_nobody_knows_are_one() -> None:
    metrics = Metrics()
    for method in ("BREW", "TOAST", "GET"):
        metrics.count_request(method, "/v1/ask", 405, 0.5)
    shown = samples(metrics)
    assert shown["spanqa_http_requests_total", "other", "/v1/ask", "405"] == 2
    assert shown["spanqa_http_request_seconds_total", "other", "/v1/ask"] == 1.0


def test_labels_may_hold_anything() -> None:
    metrics = Metrics()
    route = '/a"b\\c\nd é'
    metrics.count_request("GET", route, 200, 0.0)
    assert samples(metrics)["spanqa_http_requests_total", "GET", route, "200"] == 1


def test_watched_values_are_read_when_they_are_asked_for() -> None:
    metrics, value = Metrics(), [1.0]
    metrics.watch("spanqa_things", "gauge", "Things.", lambda: value[0])
    metrics.watch("spanqa_batches_total", "counter", "Batches.", lambda: 2 * value[0])
    value[0] = 7.0
    shown = samples(metrics)
    assert (shown["spanqa_things",], shown["spanqa_batches_total",]) == (7, 14)
    assert "# TYPE spanqa_batches_total counter\n" in metrics.render()
    with pytest.raises(ValueError, match="spanqa_things"):
        metrics.watch("spanqa_things", "gauge", "Others.", lambda: 0.0)


def test_two_servers_do_not_count_for_each_other() -> None:
    first, second = Metrics(), Metrics()
    first.count_search(SearchTimes(embed=1, retrieve=1))
    assert samples(second)["spanqa_search_seconds_count", "embed"] == 0
