"""What API Gateway answers by itself: status, error type, response type and the exact body, for REST and HTTP APIs.

Some bodies have a space after the colon and some do not, as AWS sends them. Sources: recorded answers published with
localstack (2024 to 2026), curl transcripts of a REST API (2025), API Gateway developer guide, "Gateway response
types" and "HTTP API routes". Unproven: the body of an HTTP API's 503 on a Lambda throttle and of its 413.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loadgen.local.gateway.exchange import Answer, Exchange, Headers

Failure = Literal["no_stage", "no_route", "throttled", "bad_parameters", "bad_body", "too_large", "too_long",
                  "function_missing", "function_throttled", "function_failed", "timeout"]


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """One row: `body` is a template for the message where it has a `%s`."""

    status: int
    message: str
    body: str
    error_type: str | None = None
    """REST: the header x-amzn-ErrorType."""
    response_type: str | None = None
    """`$context.error.responseType`."""
    traced: bool = True
    """REST: whether X-Amzn-Trace-Id is sent; not on what is refused before the method."""


def _tight(status: int, message: str, error_type: str | None = None,
           response_type: str | None = None) -> GatewayResponse:
    return GatewayResponse(status, message, '{"message":"%s"}', error_type, response_type, traced=False)


def _spaced(status: int, message: str, error_type: str, response_type: str | None = None,
            traced: bool = True) -> GatewayResponse:
    return GatewayResponse(status, message, '{"message": "%s"}', error_type, response_type, traced)


_INTERNAL = "InternalServerErrorException"
REST: dict[Failure, GatewayResponse] = {
    "no_stage": _tight(403, "Forbidden", "ForbiddenException"),
    "no_route": _tight(403, "Missing Authentication Token", "MissingAuthenticationTokenException",
                       "MISSING_AUTHENTICATION_TOKEN"),
    "throttled": _tight(429, "Too Many Requests", "TooManyRequestsException", "THROTTLED"),
    "bad_parameters": _spaced(400, "Missing required request parameters: [%s]", "BadRequestException",
                              "BAD_REQUEST_PARAMETERS"),
    "bad_body": _spaced(400, "Invalid request body", "BadRequestException", "BAD_REQUEST_BODY"),
    "too_large": GatewayResponse(413, "HTTP content length exceeded 10485760 bytes.", "%s", None, "REQUEST_TOO_LARGE"),
    "too_long": _spaced(413, "Request Too Long", "BadRequestException", traced=False),
    "function_missing": _spaced(500, "Internal server error", _INTERNAL, "API_CONFIGURATION_ERROR"),
    "function_throttled": _spaced(500, "Internal server error", _INTERNAL, "INTEGRATION_FAILURE"),
    "function_failed": _spaced(502, "Internal server error", _INTERNAL),
    "timeout": _spaced(504, "Endpoint request timed out", _INTERNAL, "INTEGRATION_TIMEOUT"),
}
HTTP: dict[Failure, GatewayResponse] = {
    "no_stage": _tight(404, "Not Found"),
    "no_route": _tight(404, "Not Found"),
    "throttled": _tight(429, "Too Many Requests", None, "THROTTLED"),
    "too_large": _tight(413, "Request Entity Too Large", None, "REQUEST_TOO_LARGE"),
    "too_long": _tight(413, "Request Entity Too Large", None, "REQUEST_TOO_LARGE"),
    "function_missing": _tight(500, "Internal Server Error", None, "API_CONFIGURATION_ERROR"),
    "function_throttled": _tight(503, "Service Unavailable", None, "INTEGRATION_FAILURE"),
    "function_failed": _tight(500, "Internal Server Error"),
    "timeout": _tight(503, "Service Unavailable", None, "INTEGRATION_TIMEOUT"),
}


def refuse(exchange: Exchange, failure: Failure, detail: str = "", status: int | None = None) -> Answer:
    """The gateway's own answer, noted on the exchange for the access log. `status` overrides the table's."""
    table = HTTP if exchange.kind == "http" else REST
    response = table[failure]
    message = response.message % detail if detail else response.message
    exchange.error, exchange.error_type = message, response.response_type
    body = (response.body % message).encode()
    return Answer(status or response.status, _headers(exchange, response, failure), body)


def identify(exchange: Exchange, *, traced: bool = True) -> Headers:
    """The headers by which a request is found again: REST sends three, an HTTP API one."""
    if exchange.kind == "http":
        return [("apigw-requestid", exchange.extended_id)]
    headers = [("x-amzn-RequestId", exchange.request_id), ("x-amz-apigw-id", exchange.extended_id)]
    return [*headers, ("X-Amzn-Trace-Id", exchange.trace_id)] if traced else headers


def _headers(exchange: Exchange, response: GatewayResponse, failure: Failure) -> Headers:
    if exchange.kind != "http" and failure == "too_large":
        return [("Content-Type", "text; charset=utf-8")]
    headers = [("Content-Type", "application/json"), *identify(exchange, traced=response.traced)]
    return [*headers, ("x-amzn-ErrorType", response.error_type)] if response.error_type else headers
