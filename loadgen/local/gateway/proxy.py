"""What a proxy integration's result becomes: the function's answer, or 502 (REST) / 500 (HTTP) when it failed or is
malformed.

REST takes `{isBase64Encoded, statusCode, headers, multiValueHeaders, body}`: one unknown key is enough to be
malformed, and so is `{}`; statusCode is optional; base64 is not decoded (no binary media types here);
multiValueHeaders come before headers. An HTTP API with format 2.0 also takes any JSON without statusCode as the body,
and `cookies`. Sources: recorded answers (2024); API Gateway developer guide, "Lambda proxy integrations", "HTTP API:
Lambda integrations". Unproven: text/plain as the content type of an HTTP API's answer that names none, and that a
string result of format 2.0 is sent without its quotes.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from loadgen.local.gateway.errors import Failure, refuse
from loadgen.local.gateway.exchange import Answer, Exchange, Headers
from loadgen.local.invocation import InvokeResult

_KEYS = {"isBase64Encoded", "statusCode", "headers", "multiValueHeaders", "body"}
_REMAPPED = frozenset({"authorization", "connection", "content-length", "content-md5", "date", "expect", "host",
                       "max-forwards", "proxy-authenticate", "server", "trailer", "upgrade", "user-agent",
                       "www-authenticate"})


class MalformedError(ValueError):
    """The function's result is no proxy answer."""


def respond(exchange: Exchange, result: InvokeResult | None, throttled_status: int | None = None) -> Answer:
    """The answer to an integration's result; None: it did not come in time.

    `throttled_status` replaces the status with which an HTTP API answers a Lambda throttle.
    """
    exchange.result = result
    failure = _failure(result)
    if failure is not None or result is None:
        status = throttled_status if failure == "function_throttled" and exchange.kind == "http" else None
        return refuse(exchange, failure or "timeout", status=status)
    try:
        answer = _read(exchange, json.loads(result.payload))
    except ValueError:
        return refuse(exchange, "function_failed")
    exchange.function_status = answer.status
    return answer


def _failure(result: InvokeResult | None) -> Failure | None:
    if result is None:
        return "timeout"
    if result.status == 429:
        return "function_throttled"
    if result.status == 413:
        return "too_long"
    if result.status != 200:
        return "function_missing"
    return "function_failed" if result.function_error else None


def _read(exchange: Exchange, document: Any) -> Answer:
    if exchange.kind == "rest":
        return _read_rest(document)
    assert exchange.route is not None
    if exchange.route.payload_format == "2.0" and not (isinstance(document, dict) and "statusCode" in document):
        compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        text = document if isinstance(document, str) else compact
        return Answer(200, [("Content-Type", "application/json")], text.encode())
    return _read_http(document)


def _read_rest(document: Any) -> Answer:
    if not isinstance(document, dict) or not document or not document.keys() <= _KEYS:
        raise MalformedError
    headers = [("x-amzn-Remapped-" + name if name.lower() in _REMAPPED else name, value)
               for name, value in _headers(document)]
    status = _status(document.get("statusCode", 200))
    return Answer(status, _typed(headers, "application/json"), _text(document).encode())


def _read_http(document: Any) -> Answer:
    if not isinstance(document, dict) or "statusCode" not in document:
        raise MalformedError
    body = _text(document).encode()
    headers = _headers(document) + [("set-cookie", str(cookie)) for cookie in document.get("cookies") or ()]
    if document.get("isBase64Encoded") is True:
        body = base64.b64decode(body, validate=True)
    return Answer(_status(document["statusCode"]), _typed(headers, "text/plain; charset=utf-8"), body)


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise MalformedError
    return value


def _text(document: dict[str, Any]) -> str:
    body = document.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedError
    return body or ""


def _headers(document: dict[str, Any]) -> Headers:
    many, one = document.get("multiValueHeaders") or {}, document.get("headers") or {}
    if not isinstance(many, dict) or not isinstance(one, dict):
        raise MalformedError
    pairs = [(name, value) for name, values in many.items() for value in values] + list(one.items())
    return [(name, _printed(value)) for name, value in pairs if value is not None]


def _printed(value: Any) -> str:
    if isinstance(value, dict | list):
        raise MalformedError
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise MalformedError
    return text


def _typed(headers: Headers, default: str) -> Headers:
    if any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return [("Content-Type", default), *headers]
