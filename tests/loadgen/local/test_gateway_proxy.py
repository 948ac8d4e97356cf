"""What the function's result becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from loadgen.local.account import RouteState
from loadgen.local.gateway import proxy
from loadgen.local.gateway.exchange import Answer, Exchange
from loadgen.local.invocation import InvokeResult

Make = Callable[..., Exchange]
ResultOf = Callable[..., InvokeResult]


@pytest.fixture
def rest(make_exchange: Make, result_of: ResultOf) -> Callable[[Any], Answer]:
    return lambda document: proxy.respond(make_exchange(), result_of(json.dumps(document).encode()))


@pytest.fixture
def http(make_exchange: Make, result_of: ResultOf) -> Callable[[Any], Answer]:
    route = RouteState("GET", "/products", "f", payload_format="2.0")
    return lambda document: proxy.respond(make_exchange("http", route=route), result_of(json.dumps(document).encode()))


@pytest.mark.parametrize(("document", "body"), [
    ({"statusCode": 200}, b""),
    ({"headers": {"test-header": "value"}}, b""),
    ({"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": True}, b"dGVzdC1kYXRh"),
    ({"statusCode": "200", "body": "text"}, b"text"),
])
def test_rest_takes_a_proxy_answer_and_does_not_decode_it(document: Any, body: bytes,
                                                          rest: Callable[[Any], Answer]) -> None:
    answer = rest(document)
    assert (answer.status, answer.body) == (200, body)
    assert ("Content-Type", "application/json") in answer.headers


@pytest.mark.parametrize("document", [
    {}, {"statusCode": 200, "wrongValue": "value"}, {"statusCode": "test"}, {"statusCode": 200, "body": {"a": 1}},
    "text", None, ["statusCode"], {"statusCode": 200, "headers": ["a"]}, {"statusCode": True},
])
def test_rest_answers_502_to_what_is_no_proxy_answer(document: Any, rest: Callable[[Any], Answer]) -> None:
    answer = rest(document)
    assert (answer.status, answer.body) == (502, b'{"message": "Internal server error"}')
    assert ("x-amzn-ErrorType", "InternalServerErrorException") in answer.headers


def test_rest_sends_multi_value_headers_first_and_booleans_as_text(rest: Callable[[Any], Answer]) -> None:
    answer = rest({"statusCode": 200, "headers": {"test-multi": "value-solo", "header-bool": True},
                   "multiValueHeaders": {"test-multi": ["value-multi"]}})
    assert answer.headers[1:] == [("test-multi", "value-multi"), ("test-multi", "value-solo"), ("header-bool", "true")]


def test_rest_renames_the_headers_that_are_its_own(rest: Callable[[Any], Answer]) -> None:
    names = [name for name, _ in rest({"statusCode": 200, "headers": {"Date": "x", "Server": "y", "Age": "1"}}).headers]
    assert names == ["Content-Type", "x-amzn-Remapped-Date", "x-amzn-Remapped-Server", "Age"]


@pytest.mark.parametrize(("document", "body"), [
    ({"id": 7}, b'{"id":7}'), (["a"], b'["a"]'), ("text", b"text"), (None, b"null"),
])
def test_format_2_takes_any_json_without_a_status_for_the_body(document: Any, body: bytes,
                                                               http: Callable[[Any], Answer]) -> None:
    answer = http(document)
    assert (answer.status, answer.body, answer.headers) == (200, body, [("Content-Type", "application/json")])


def test_format_2_decodes_base64_and_sends_cookies(http: Callable[[Any], Answer]) -> None:
    answer = http({"statusCode": 201, "body": "dGVzdA==", "isBase64Encoded": True, "cookies": ["a=1", "b=2"]})
    assert (answer.status, answer.body) == (201, b"test")
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("document", [{"statusCode": "x"}, {"statusCode": 200, "body": 5}])
def test_an_http_api_answers_500_in_its_own_words(document: Any, http: Callable[[Any], Answer]) -> None:
    answer = http(document)
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')


FAILED = InvokeResult(200, "id", b'{"errorType":"Exception"}', "1", "Unhandled")
THROTTLED = InvokeResult(429, "id", b'{"message":"Rate Exceeded."}', error_code="TooManyRequestsException")
MISSING = InvokeResult(404, "id", b"{}", error_code="ResourceNotFoundException")


@pytest.mark.parametrize(("kind", "result", "status", "body"), [
    ("rest", FAILED, 502, b'{"message": "Internal server error"}'),
    ("rest", THROTTLED, 500, b'{"message": "Internal server error"}'),
    ("rest", MISSING, 500, b'{"message": "Internal server error"}'),
    ("rest", None, 504, b'{"message": "Endpoint request timed out"}'),
    ("http", FAILED, 500, b'{"message":"Internal Server Error"}'),
    ("http", THROTTLED, 503, b'{"message":"Service Unavailable"}'),
    ("http", MISSING, 500, b'{"message":"Internal Server Error"}'),
    ("http", None, 503, b'{"message":"Service Unavailable"}'),
])
def test_a_failure_behind_the_gateway_has_the_recorded_answer(kind: str, result: InvokeResult | None, status: int,
                                                              body: bytes, make_exchange: Make) -> None:
    exchange = make_exchange(kind)
    answer = proxy.respond(exchange, result)
    assert (answer.status, answer.body) == (status, body)
    assert exchange.function_status is None


def test_the_status_of_an_http_api_on_a_lambda_throttle_is_an_option(make_exchange: Make) -> None:
    assert proxy.respond(make_exchange("http"), THROTTLED, 500).status == 500
    assert proxy.respond(make_exchange("http"), FAILED, 503).status == 500
