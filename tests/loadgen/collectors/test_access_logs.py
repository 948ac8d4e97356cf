from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.access_format import FORMATS
from loadgen.collectors.access_logs import LineReader
from loadgen.measurements.frames import ACCESS

LINES = [json.loads(line) for line in (Path(__file__).parent / "data" / "access_lines.jsonl").read_text().splitlines()]
VARIABLES = {"requestId": "requestId", "ip": "identity.sourceIp", "caller": "identity.caller", "user": "identity.user",
             "requestTime": "requestTime", "httpMethod": "httpMethod", "resourcePath": "resourcePath",
             "routeKey": "routeKey", "status": "status", "protocol": "protocol", "responseLength": "responseLength",
             "stage": "stage", "apiId": "apiId", "domainName": "domainName"}
REST_CLF = ('$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]'
            '"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength '
            '$context.requestId $context.extendedRequestId')
UNQUOTED = ('{"requestId":"$context.requestId","status":$context.status,"latency":$context.responseLatency,'
            '"lambdaStatus":$context.integrationStatus}')


def read(log_format: str, line: str, stage: str | None = None) -> dict[str, Any] | None:
    row = LineReader(log_format, stage).read(line, 1_000)
    return None if row is None else dict(zip(ACCESS.columns, row, strict=True))


@pytest.mark.parametrize("known", LINES, ids=[known["expected"]["request_id"] for known in LINES])
def test_a_published_json_line_is_read_by_its_own_format(known: dict[str, Any]) -> None:
    keys = json.loads(known["line"])
    spaced = (", ", ": ") if '": "' in known["line"] else (",", ":")
    log_format = json.dumps({key: f"$context.{VARIABLES[key]}" for key in keys}, separators=spaced)
    row, expected = read(log_format, known["line"]), known["expected"]
    assert row is not None
    assert row["gateway_request_id"] == expected["request_id"]
    assert row["status"] == expected["status"]
    assert row["response_bytes"] == expected["response_length"]
    assert row["stage"] == expected["stage"]
    method = "" if expected["api_type"] == "HTTP" else f"{expected['http_method']} "
    assert row["route"] == method + expected["route"]


def test_the_common_log_format_of_the_console_is_read() -> None:
    line = ('1.2.3.4 - - [26/Jul/2023:12:07:03 +0000]"GET /pets/{petId} HTTP/1.1" 200 48 '
            'c12d1542-b79e-4e79-a158-fdf36452a81b K2G9wEbUoAMEvag=')
    row = read(REST_CLF, line, "prod")
    assert row is not None
    assert (row["route"], row["status"], row["stage"]) == ("GET /pets/{petId}", 200, "prod")
    assert row["gateway_request_id"] == "c12d1542-b79e-4e79-a158-fdf36452a81b"
    assert row["at"] == 1_690_373_223_000_000


def test_an_unquoted_number_that_is_unset_makes_no_json_and_is_read_all_the_same() -> None:
    row = read(UNQUOTED, '{"requestId":"a","status":429,"latency":0,"lambdaStatus":-}')
    assert row is not None
    assert (row["status"], row["latency_ms"], row["lambda_status"]) == (429, 0.0, None)


def test_what_is_unset_is_null_and_never_zero() -> None:
    row = read('$context.requestId $context.integration.requestId $context.responseLatency', "a - -")
    assert row is not None
    assert row["lambda_request_id"] is None
    assert row["latency_ms"] is None


def test_time_is_the_requests_own_and_else_the_events() -> None:
    assert read("$context.requestId $context.requestTimeEpoch", "a 1690373223123")["at"] == 1_690_373_223_123_000  # type: ignore[index]
    assert read("$context.requestId", "a")["at"] == 1_000_000  # type: ignore[index]


@pytest.mark.parametrize("line", ["", "something else", '{"requestId":"a"}', '{"requestId":"a","status":OK,"latency":0,"lambdaStatus":-}'])
def test_a_line_of_another_format_is_nothing(line: str) -> None:
    assert read(UNQUOTED, line) is None


ids = st.from_regex(r"[A-Za-z0-9=_-]{2,30}", fullmatch=True)


@given(ids, ids, st.integers(100, 599), st.integers(0, 30_000), st.sampled_from([None, 200, 429]))
def test_the_format_that_discovery_gives_is_read_back(
        request_id: str, lambda_id: str, status: int, latency_ms: int, lambda_status: int | None) -> None:
    line = FORMATS["http"].replace("$context.requestId", request_id).replace("$context.integration.requestId", lambda_id)
    line = line.replace("$context.status", str(status)).replace("$context.responseLatency", str(latency_ms))
    line = line.replace("$context.integration.integrationStatus", "-" if lambda_status is None else str(lambda_status))
    line = line.replace("$context.requestTimeEpoch", "5").replace("$context.routeKey", "GET /products/{id}")
    for variable in ("httpMethod", "stage", "integrationLatency", "integration.status", "error.responseType",
                     "responseLength"):
        line = line.replace(f"$context.{variable}", "-")
    row = read(FORMATS["http"], line)
    assert row is not None
    assert row["gateway_request_id"] == request_id
    assert row["lambda_request_id"] == lambda_id
    assert row["status"] == status
    assert row["latency_ms"] == latency_ms
    assert row["lambda_status"] == lambda_status
    assert row["route"] == "GET /products/{id}"
