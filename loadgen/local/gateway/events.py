"""The event that a proxy integration hands to the function: format 1.0 (REST, and HTTP APIs that ask for it) or 2.0.

REST: no `version`, absent maps are null, header case is kept but for Authorization, the last of repeated values wins.
2.0: lower-case headers, repeated values joined by commas, absent members omitted. Sources: API Gateway developer
guide, "Lambda proxy integrations" and "Working with Lambda proxy integrations for HTTP APIs"; a recorded REST event
(2024). Unproven: which content types an HTTP API takes for text (text/*, JSON, XML, JavaScript here; all else is
base64).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import time
from typing import Any

from loadgen.local.account import ApiState, StageState
from loadgen.local.gateway.exchange import DEFAULT, Exchange, route_key

_NOT_PASSED = frozenset({"connection", "content-length", "expect", "max-forwards", "te", "trailer", "transfer-encoding",
                         "upgrade", "server", "proxy-authenticate", "keep-alive", "x-amzn-trace-id", "x-forwarded-for",
                         "x-forwarded-port", "x-forwarded-proto"})
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
_NO_IDENTITY = ("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
                "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn")


def build(exchange: Exchange, region: str, account_id: str) -> None:
    """Put the integration's event on the exchange."""
    assert exchange.route is not None
    wants_2 = exchange.kind == "http" and exchange.route.payload_format == "2.0"
    exchange.event = _format_2(exchange, region, account_id) if wants_2 else _format_1(exchange, region, account_id)


def clf_time(at: float) -> str:
    """`09/Apr/2025:12:34:56 +0000`, as `$context.requestTime` has it; `at` in epoch seconds."""
    return _clf_second(int(at))


def full_path(exchange: Exchange) -> str:
    """The path with its stage, as the client of the execute-api address sees it."""
    assert exchange.stage is not None
    return exchange.path if exchange.stage.name == DEFAULT else f"/{exchange.stage.name}{exchange.path}"


@functools.lru_cache(maxsize=8)
def _clf_second(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


def _format_1(exchange: Exchange, region: str, account_id: str) -> dict[str, Any]:
    assert exchange.api and exchange.stage and exchange.route
    headers = _passed_headers(exchange)
    multi_headers, multi_query = _gather(headers), _gather(exchange.query)
    body, encoded = _body(exchange)
    event = {"version": "1.0"} if exchange.kind == "http" else {}
    return event | {
        "resource": exchange.route.path,
        "path": exchange.path if exchange.kind == "rest" else full_path(exchange),
        "httpMethod": exchange.request.method,
        "headers": dict(headers),
        "multiValueHeaders": multi_headers,
        "queryStringParameters": dict(exchange.query) or None,
        "multiValueQueryStringParameters": multi_query or None,
        "pathParameters": dict(exchange.path_parameters) or None,
        "stageVariables": None,
        "requestContext": _context_1(exchange, exchange.api, exchange.stage, region, account_id),
        "body": body,
        "isBase64Encoded": encoded,
    }


def _context_1(exchange: Exchange, api: ApiState, stage: StageState, region: str, account_id: str) -> dict[str, Any]:
    assert exchange.route is not None
    identity = dict.fromkeys(_NO_IDENTITY) | {
        "sourceIp": exchange.request.source_ip, "userAgent": exchange.lower.get("user-agent")}
    return {
        "accountId": account_id,
        "apiId": api.id,
        "deploymentId": _short_id(f"{api.id}/{stage.name}"),
        "domainName": _domain(api, region),
        "domainPrefix": api.id,
        "extendedRequestId": exchange.extended_id,
        "httpMethod": exchange.request.method,
        "identity": identity,
        "path": full_path(exchange),
        "protocol": "HTTP/1.1",
        "requestId": exchange.request_id,
        "requestTime": clf_time(exchange.at),
        "requestTimeEpoch": int(exchange.at * 1000),
        "resourceId": _short_id(f"{api.id}{exchange.route.path}"),
        "resourcePath": exchange.route.path,
        "stage": stage.name,
    }


def _format_2(exchange: Exchange, region: str, account_id: str) -> dict[str, Any]:
    assert exchange.api and exchange.stage and exchange.route
    headers = [(name.lower(), value) for name, value in _passed_headers(exchange)]
    cookies = [part for name, value in headers if name == "cookie" for part in value.split("; ")]
    body, encoded = _body(exchange)
    path = full_path(exchange)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key(exchange.route),
        "rawPath": path,
        "rawQueryString": exchange.request.target.partition("?")[2],
        "headers": {name: ",".join(values) for name, values in _gather(headers).items() if name != "cookie"},
        "requestContext": {
            "accountId": account_id,
            "apiId": exchange.api.id,
            "domainName": _domain(exchange.api, region),
            "domainPrefix": exchange.api.id,
            "http": {"method": exchange.request.method, "path": path, "protocol": "HTTP/1.1",
                     "sourceIp": exchange.request.source_ip, "userAgent": exchange.lower.get("user-agent", "")},
            "requestId": exchange.extended_id,
            "routeKey": route_key(exchange.route),
            "stage": exchange.stage.name,
            "time": clf_time(exchange.at),
            "timeEpoch": int(exchange.at * 1000),
        },
        "isBase64Encoded": encoded,
    }
    query = {name: ",".join(values) for name, values in _gather(exchange.query).items()}
    more = {"cookies": cookies, "queryStringParameters": query, "pathParameters": dict(exchange.path_parameters),
            "body": body}
    return event | {name: value for name, value in more.items() if value}


def _passed_headers(exchange: Exchange) -> list[tuple[str, str]]:
    sent = [("Authorization" if name.lower() == "authorization" else name, value)
            for name, value in exchange.request.headers if name.lower() not in _NOT_PASSED]
    forwarded = ", ".join(filter(None, (exchange.lower.get("x-forwarded-for"), exchange.request.source_ip)))
    trace_id = exchange.trace_id if exchange.kind == "rest" else exchange.trace_id.partition(";")[0]
    return [*sent, ("X-Amzn-Trace-Id", trace_id), ("X-Forwarded-For", forwarded),
            ("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")]


def _body(exchange: Exchange) -> tuple[str | None, bool]:
    raw = exchange.request.body
    if not raw:
        return None, False
    if exchange.kind == "rest" or exchange.lower.get("content-type", "").startswith(_TEXT_TYPES):
        return raw.decode("utf-8", errors="replace"), False
    return base64.b64encode(raw).decode(), True


def _gather(pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _domain(api: ApiState, region: str) -> str:
    return f"{api.id}.execute-api.{region}.amazonaws.com"


@functools.lru_cache
def _short_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
