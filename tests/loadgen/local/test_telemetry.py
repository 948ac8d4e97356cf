"""Platform lines, access lines and metrics, as AWS writes them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.local.access_logs import access_line, api_metrics
from loadgen.local.account import Version
from loadgen.local.gateway.exchange import Answer, Exchange
from loadgen.local.invocation import InvokeResult
from loadgen.local.telemetry import (
    MetricTable,
    Report,
    init_report,
    init_start,
    lambda_metrics,
    log_stream,
    platform_lines,
    throttle_metrics,
)

MakeVersion = Callable[..., Version]
MakeExchange = Callable[..., Exchange]
AT = 1_750_000_000.0
ID = "2df55c81-4f82-4bf6-9650-80ea087d4c9b"


def report(version: Version, duration_ms: float, init_ms: float | None = None, *, timed_out: bool = False) -> Report:
    return Report(ID, version, "arn:f", AT, duration_ms, init_ms, 95, timed_out)


def test_a_warm_invocation_writes_start_end_and_report_with_a_trailing_tab(make_version: MakeVersion) -> None:
    lines = [event.message for event in platform_lines(report(make_version(), 150.32))]
    assert lines == [
        f"START RequestId: {ID} Version: $LATEST\n",
        f"END RequestId: {ID}\n",
        f"REPORT RequestId: {ID}\tDuration: 150.32 ms\tBilled Duration: 151 ms\tMemory Size: 1024 MB\t"
        "Max Memory Used: 95 MB\t\n",
    ]


@pytest.mark.parametrize(("duration_ms", "init_ms", "billed_ms"), [
    (1307.68, 1058.15, 2366), (2.37, 423.98, 427), (133.61, 80.00, 214), (150.32, None, 151), (155.0, None, 155)])
def test_init_is_billed_and_the_sum_rounded_up_once(duration_ms: float, init_ms: float | None, billed_ms: int,
                                                    make_version: MakeVersion) -> None:
    assert report(make_version(), duration_ms, init_ms).billed_ms == billed_ms


@given(duration_ms=st.floats(0.01, 900_000.0))
def test_billed_duration_is_what_the_printed_one_allows(duration_ms: float) -> None:
    version = Version("f", "1", "r", 128, "x86_64", 3.0, "python3.13")
    line = platform_lines(report(version, duration_ms))[-1].message
    printed = re.search(r"\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms", line)
    assert printed is not None
    assert int(printed[2]) - math.ceil(float(printed[1])) in (0, 1)


def test_a_cold_report_adds_init_duration_and_a_timeout_its_status_without_the_tab(make_version: MakeVersion) -> None:
    cold = platform_lines(report(make_version(), 2.37, 423.98))[-1].message
    late = platform_lines(report(make_version(), 3000.0, timed_out=True))[-1].message
    assert cold.endswith("Max Memory Used: 95 MB\tInit Duration: 423.98 ms\t\n")
    assert late.endswith("\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 1024 MB\t"
                         "Max Memory Used: 95 MB\tStatus: timeout\n")


def test_end_and_report_come_a_duration_after_start(make_version: MakeVersion) -> None:
    times = [event.timestamp_ms for event in platform_lines(report(make_version(), 150.0))]
    assert times == [1_750_000_000_000, 1_750_000_000_150, 1_750_000_000_150]


def test_init_start_names_the_runtime_and_a_provisioned_init_is_reported(make_version: MakeVersion) -> None:
    start = init_start("f", make_version(), AT, "on-demand", "us-east-1")[0].message
    assert re.fullmatch(r"INIT_START Runtime Version: python:3\.13\.v1\tRuntime Version ARN: "
                        r"arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n", start)
    assert init_report(make_version(), AT, 99.654)[0].message == "INIT_REPORT Init Duration: 99.65 ms\tPhase: init\n"


def test_json_has_no_end_and_three_decimals(make_version: MakeVersion) -> None:
    events = platform_lines(report(make_version(log_format="JSON"), 26.8434, 772.4431))
    start, done = (json.loads(event.message) for event in events)
    assert (start["type"], done["type"]) == ("platform.start", "platform.report")
    assert start["time"] == "2025-06-15T15:06:40.000Z"
    assert done["record"] == {"requestId": ID, "status": "success", "metrics": {
        "durationMs": 26.843, "billedDurationMs": 800, "memorySizeMB": 1024, "maxMemoryUsedMB": 95,
        "initDurationMs": 772.443}}


def test_at_level_warn_json_tells_only_what_failed(make_version: MakeVersion) -> None:
    quiet = make_version(log_format="JSON", log_level="WARN")
    assert platform_lines(report(quiet, 10.0)) == []
    assert "timeout" in platform_lines(report(quiet, 3000.0, timed_out=True))[0].message


def test_a_log_stream_is_named_by_day_version_and_environment(make_version: MakeVersion) -> None:
    assert log_stream(make_version("3"), "ab" * 16, AT) == f"2025/06/15/[3]{'ab' * 16}"


def served(make_exchange: MakeExchange, result_of: Callable[..., InvokeResult], kind: str = "rest",
           **known: Any) -> Exchange:
    return make_exchange(kind, **({"answer": Answer(200, [], b"12345"), "result": result_of(b"{}"), "latency_ms": 113.4,
                                   "integration_ms": 107.1, "function_status": 200} | known))


def test_an_access_line_is_the_format_with_its_variables(make_exchange: MakeExchange,
                                                         result_of: Callable[..., InvokeResult]) -> None:
    log_format = ('$context.identity.sourceIp [$context.requestTime]"$context.httpMethod $context.resourcePath '
                  '$context.protocol" $context.status $context.responseLength $context.requestId '
                  '$context.extendedRequestId $context.integration.requestId $context.responseLatency '
                  '$context.integrationLatency $context.integration.integrationStatus $context.integration.status')
    assert access_line(log_format, served(make_exchange, result_of)) == (
        '127.0.0.1 [15/Jun/2025:15:06:40 +0000]"GET /products HTTP/1.1" 200 5 '
        '11111111-2222-4333-a444-555555555555 K2G9wEbUoAMEvag= cccccccc-2222-4333-a444-555555555555 113 107 200 200')


def test_what_is_unset_or_unknown_prints_as_a_dash(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(answer=Answer(429, [], b""), error="Too Many Requests", error_type="THROTTLED")
    line = access_line("$context.status|$context.integrationStatus|$context.nonsense|$context.authorizer.latency|"
                       "$context.error.responseType|$context.error.messageString|$context.routeKey", exchange)
    assert line == '429|-|-|-|THROTTLED|"Too Many Requests"|-'


def test_a_lambda_throttle_shows_as_the_services_status(make_exchange: MakeExchange) -> None:
    throttled = InvokeResult(429, "id", b'{"message":"Rate Exceeded."}', error_code="TooManyRequestsException")
    exchange = make_exchange("http", answer=Answer(503, [], b""), result=throttled)
    line = access_line("$context.status $context.integration.integrationStatus $context.integration.status "
                       "$context.integrationErrorMessage", exchange)
    assert line == "503 429 - Rate Exceeded."


def test_an_http_api_logs_its_one_id_and_its_route_key(make_exchange: MakeExchange) -> None:
    exchange = make_exchange("http", answer=Answer(200, [], b""))
    assert access_line("$context.requestId $context.routeKey $context.resourcePath", exchange) == \
        "K2G9wEbUoAMEvag= GET /products -"


def test_rest_metrics_are_by_name_and_http_metrics_by_id(make_exchange: MakeExchange,
                                                         result_of: Callable[..., InvokeResult]) -> None:
    def told(kind: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {(name, dimensions) for _, name, dimensions, _, _ in api_metrics(served(make_exchange, result_of, kind))}

    rest, http = told("rest"), told("http")
    assert {name for name, _ in rest} == {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"}
    assert {dimensions for _, dimensions in rest} == {(("ApiName", "Shop"),), (("ApiName", "Shop"), ("Stage", "prod"))}
    assert {name for name, _ in http} == {"Count", "4xx", "5xx", "Latency", "IntegrationLatency", "DataProcessed"}
    assert {dimensions for _, dimensions in http} == {(("ApiId", "a1"),), (("ApiId", "a1"), ("Stage", "prod"))}


def test_a_hit_counts_as_a_hit_and_has_no_integration_latency(make_exchange: MakeExchange) -> None:
    exchange = make_exchange(answer=Answer(200, [], b""), cache_hit=True)
    values = {name: value for _, name, _, _, value in api_metrics(exchange)}
    assert (values["CacheHitCount"], values["CacheMissCount"]) == (1.0, 0.0)
    assert "IntegrationLatency" not in values


def test_a_throttled_invocation_is_neither_an_invocation_nor_an_error() -> None:
    assert {name for _, name, _, _, _ in throttle_metrics("f", "f:live")} == {"Throttles"}


def test_lambda_metrics_are_for_the_account_the_function_and_the_alias() -> None:
    values = lambda_metrics("f", "f:live", duration_ms=5.0, failed=True, concurrency=2, provisioned=None)
    invocations = [dimensions for _, name, dimensions, _, _ in values if name == "Invocations"]
    assert invocations == [(), (("FunctionName", "f"),), (("FunctionName", "f"), ("Resource", "f:live"))]
    assert all(value == 1.0 for _, name, _, _, value in values if name == "Errors")


@given(values=st.lists(st.floats(0.01, 900_000.0), min_size=1, max_size=200))
def test_a_minutes_durations_keep_their_sum_and_their_extremes_within_half_a_percent(values: list[float]) -> None:
    table = MetricTable()
    for value in values:
        table.add(AT, [("AWS/Lambda", "Duration", (), "Milliseconds", value)])
    (datum,) = table.take()
    assert sum(v * c for v, c in zip(datum.values, datum.counts, strict=True)) == pytest.approx(sum(values))
    assert sum(datum.counts) == len(values)
    assert max(datum.values) == pytest.approx(max(values), rel=0.005)
    assert min(datum.values) == pytest.approx(min(values), rel=0.005)


def test_values_are_summed_by_minute_and_taken_once() -> None:
    table = MetricTable()
    for at in (120.0, 179.9, 180.0):
        table.add(at, [("N", "Count", (), "Count", 1.0)])
    assert [(datum.at, datum.counts) for datum in table.take()] == [(120.0, (2.0,)), (180.0, (1.0,))]
    assert table.take() == []
