"""A stage's access log and API metrics: one line a request, the stage's format with its `$context` variables filled in.

An unset variable prints as `-`; all values are text, durations whole milliseconds. `status` is what the client got,
`integration.status` what the function's code returned, `integration.integrationStatus` (= `integrationStatus`) the
Lambda service's own status, 429 when throttled. `integration.requestId` (= `awsEndpointRequestId`) is Lambda's
request id, the key that joins an access line to its REPORT. Sources: API Gateway developer guide, "Variables for
access logging" (REST and HTTP), "Metrics and dimensions". Times: epoch seconds.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Sequence

from loadgen.local.gateway.events import clf_time, full_path
from loadgen.local.gateway.exchange import Exchange, route_key
from loadgen.local.telemetry import MetricValue

Variable = Callable[[Exchange], object]


def _integration(exchange: Exchange) -> str | None:
    return None if exchange.integration_ms is None else str(round(exchange.integration_ms))


def _request_id(exchange: Exchange) -> str:
    return exchange.extended_id if exchange.kind == "http" else exchange.request_id


def _service_status(exchange: Exchange) -> int | None:
    return exchange.result.status if exchange.result else None


def _lambda_request_id(exchange: Exchange) -> str | None:
    return exchange.result.request_id if exchange.result else None


def _function_error(exchange: Exchange) -> str | None:
    result = exchange.result
    if result is None or result.error_code is None:
        return None
    return str(json.loads(result.payload).get("message") or "") or None


def _rest(read: Variable) -> Variable:
    return lambda exchange: read(exchange) if exchange.kind == "rest" else None


def _http(read: Variable) -> Variable:
    return lambda exchange: read(exchange) if exchange.kind == "http" else None


VARIABLES: dict[str, Variable] = {
    "accountId": lambda e: None,
    "apiId": lambda e: e.api.id if e.api else None,
    "awsEndpointRequestId": _lambda_request_id,
    "dataProcessed": _http(lambda e: len(e.request.body) + (len(e.answer.body) if e.answer else 0)),
    "error.message": lambda e: e.error,
    "error.messageString": lambda e: json.dumps(e.error) if e.error else None,
    "error.responseType": lambda e: e.error_type,
    "extendedRequestId": lambda e: e.extended_id,
    "httpMethod": lambda e: e.request.method,
    "identity.sourceIp": lambda e: e.request.source_ip,
    "identity.userAgent": lambda e: e.lower.get("user-agent"),
    "integration.error": _http(_function_error),
    "integration.integrationStatus": _service_status,
    "integration.latency": _integration,
    "integration.requestId": _lambda_request_id,
    "integration.status": lambda e: e.function_status,
    "integrationErrorMessage": _http(_function_error),
    "integrationLatency": _integration,
    "integrationStatus": _service_status,
    "path": lambda e: full_path(e) if e.stage else None,
    "protocol": lambda e: "HTTP/1.1",
    "requestId": _request_id,
    "requestTime": lambda e: clf_time(e.at),
    "requestTimeEpoch": lambda e: int(e.at * 1000),
    "resourcePath": _rest(lambda e: e.route.path if e.route else None),
    "responseLatency": lambda e: round(e.latency_ms),
    "responseLength": lambda e: len(e.answer.body) if e.answer else None,
    "routeKey": _http(lambda e: route_key(e.route) if e.route else None),
    "stage": lambda e: e.stage.name if e.stage else None,
    "status": lambda e: e.answer.status if e.answer else None,
    "xrayTraceId": lambda e: None,
}
"""Variables without their `$context.`; whatever is not here is unset."""
_NAME = re.compile(r"\$context\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")


def access_line(log_format: str, exchange: Exchange) -> str:
    """The line of one finished request."""
    parts = []
    for literal, variable in _compiled(log_format):
        value = variable(exchange) if variable else None
        parts.append(literal if variable is None else f"{literal}{'-' if value is None or value == '' else value}")
    return "".join(parts)


def api_metrics(exchange: Exchange) -> list[MetricValue]:
    """The metrics of one finished request: of its API, and of the stage. Durations in ms."""
    assert exchange.api and exchange.stage and exchange.answer
    rest, status = exchange.kind == "rest", exchange.answer.status
    values: list[tuple[str, str, float]] = [
        ("Count", "Count", 1.0),
        ("4XXError" if rest else "4xx", "Count", float(400 <= status < 500)),
        ("5XXError" if rest else "5xx", "Count", float(status >= 500)),
        ("Latency", "Milliseconds", float(round(exchange.latency_ms))),
    ]
    if exchange.integration_ms is not None:
        values.append(("IntegrationLatency", "Milliseconds", float(round(exchange.integration_ms))))
    if exchange.cache_hit is not None:
        values.append(("CacheHitCount", "Count", float(exchange.cache_hit)))
        values.append(("CacheMissCount", "Count", float(not exchange.cache_hit)))
    if not rest:
        values.append(("DataProcessed", "Bytes", float(len(exchange.request.body) + len(exchange.answer.body))))
    key = ("ApiName", exchange.api.name) if rest else ("ApiId", exchange.api.id)
    return [("AWS/ApiGateway", name, dimensions, unit, value)
            for dimensions in ((key,), (key, ("Stage", exchange.stage.name))) for name, unit, value in values]


@functools.lru_cache(maxsize=64)
def _compiled(log_format: str) -> Sequence[tuple[str, Variable | None]]:
    """The format as literals, each with the variable that follows it."""
    parts: list[tuple[str, Variable | None]] = []
    end = 0
    for found in _NAME.finditer(log_format):
        parts.append((log_format[end:found.start()], VARIABLES.get(found[1], lambda exchange: None)))
        end = found.end()
    return [*parts, (log_format[end:], None)]
