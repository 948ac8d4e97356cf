"""The event that the function gets."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from loadgen.local.account import RouteState, StageState
from loadgen.local.gateway import events
from loadgen.local.gateway.exchange import Exchange

Make = Callable[..., Exchange]
HEADERS = [("Host", "a1.example"), ("tEsT-HEADeR", "aValUE"), ("authorization", "random-value"),
           ("Connection", "close"), ("Content-Length", "0"),
           ("User-Agent", "pytest"), ("X-Twice", "1"), ("X-Twice", "2")]
QUERY = (("category", "electronics"), ("category", "books"), ("empty", ""))


def built(exchange: Exchange) -> dict[str, Any]:
    events.build(exchange, "us-east-1", "123456789012")
    assert exchange.event is not None
    return exchange.event


def test_a_rest_event_has_the_recorded_members_and_no_version(make_exchange: Make) -> None:
    event = built(make_exchange(headers=HEADERS))
    assert set(event) == {"resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters",
                          "multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext",
                          "body", "isBase64Encoded"}
    assert [event[name] for name in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters",
                                     "stageVariables", "body", "isBase64Encoded")] == [None] * 5 + [False]
    assert set(event["requestContext"]) == {
        "accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod",
        "identity", "path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath",
        "stage"}
    assert event["requestContext"]["path"] == "/prod/products"
    assert event["requestContext"]["requestTime"] == "15/Jun/2025:15:06:40 +0000"


def test_rest_keeps_the_case_of_headers_and_the_last_of_repeated_ones(make_exchange: Make) -> None:
    event = built(make_exchange(headers=HEADERS))
    assert event["headers"]["tEsT-HEADeR"] == "aValUE"
    assert event["headers"]["Authorization"] == "random-value"
    assert (event["headers"]["X-Twice"], event["multiValueHeaders"]["X-Twice"]) == ("2", ["1", "2"])
    assert not {"Connection", "Content-Length"} & set(event["headers"])
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"


def test_rest_gives_the_last_of_repeated_query_parameters_and_all_of_them(make_exchange: Make) -> None:
    event = built(make_exchange(query=QUERY))
    assert event["queryStringParameters"] == {"category": "books", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"category": ["electronics", "books"], "empty": [""]}


def test_rest_hands_text_on_and_replaces_what_is_no_utf_8(make_exchange: Make) -> None:
    event = built(make_exchange(body=b"\x1f\x8bok"))
    assert (event["body"], event["isBase64Encoded"]) == ("\x1f\ufffdok", False)


def http_exchange(make_exchange: Make, payload_format: Any = "2.0", **known: Any) -> Exchange:
    route = RouteState("GET", "/products", "f", payload_format=payload_format)
    return make_exchange("http", route=route, stage=StageState("$default"), **known)


def test_format_2_omits_what_is_absent_and_lowers_header_names(make_exchange: Make) -> None:
    event = built(http_exchange(make_exchange, headers=[*HEADERS, ("Cookie", "a=1; b=2")]))
    assert set(event) == {"version", "routeKey", "rawPath", "rawQueryString", "cookies", "headers", "requestContext",
                          "isBase64Encoded"}
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "GET /products", "/products")
    assert (event["headers"]["x-twice"], event["cookies"]) == ("1,2", ["a=1", "b=2"])
    assert "cookie" not in event["headers"]


def test_format_2_joins_repeated_query_parameters_by_commas(make_exchange: Make) -> None:
    event = built(http_exchange(make_exchange, query=QUERY, target="/a1/products?category=electronics&category=books"))
    assert event["queryStringParameters"]["category"] == "electronics,books"
    assert event["rawQueryString"] == "category=electronics&category=books"


def test_an_http_api_encodes_a_body_that_is_no_text(make_exchange: Make) -> None:
    binary = built(http_exchange(make_exchange, body=b"\x00\x01", headers=[("Content-Type", "image/png")]))
    text = built(http_exchange(make_exchange, body=b"{}", headers=[("Content-Type", "application/json")]))
    assert (binary["body"], binary["isBase64Encoded"]) == (base64.b64encode(b"\x00\x01").decode(), True)
    assert (text["body"], text["isBase64Encoded"]) == ("{}", False)


def test_an_http_api_with_format_1_adds_the_version(make_exchange: Make) -> None:
    event = built(http_exchange(make_exchange, "1.0"))
    assert (event["version"], event["resource"], event["queryStringParameters"]) == ("1.0", "/products", None)
