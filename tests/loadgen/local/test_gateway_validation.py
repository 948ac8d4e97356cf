"""What REST refuses before the function is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadgen.local.account import RouteState
from loadgen.local.gateway.exchange import Exchange
from loadgen.local.gateway.validation import Validators
from loadgen.quotas import Quotas

Make = Callable[..., Exchange]
SCHEMA = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "required": ["a", "b"],
          "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
ORDERS = RouteState("POST", "/orders", "f", body_schema=SCHEMA)
JSON = [("Content-Type", "application/json; charset=utf-8")]


@pytest.fixture
def validators() -> Validators:
    return Validators(Quotas())


def test_missing_parameters_are_named_header_path_query(make_exchange: Make, validators: Validators) -> None:
    names = ("method.request.querystring.qs1", "method.request.path.issuer", "method.request.header.x-header-param")
    route = RouteState("POST", "/issuers", "f", body_schema=SCHEMA, required_parameters=names)
    exchange = make_exchange(method="POST", route=route)
    answer = validators.check(exchange)
    assert answer is not None and answer.status == 400
    assert answer.body == b'{"message": "Missing required request parameters: [x-header-param, issuer, qs1]"}'
    assert exchange.error_type == "BAD_REQUEST_PARAMETERS"


@pytest.mark.parametrize(("query", "fits"), [((), False), ((("page", " "),), False), ((("page", "1"),), True)])
def test_a_blank_parameter_is_a_missing_one(query: tuple[tuple[str, str], ...], fits: bool, make_exchange: Make,
                                            validators: Validators) -> None:
    route = RouteState("GET", "/products", "f", required_parameters=("querystring.page",))
    assert (validators.check(make_exchange(route=route, query=query)) is None) is fits


@pytest.mark.parametrize(("headers", "body", "fits"), [
    (JSON, b'{"a": 1, "b": "x"}', True),
    (JSON, b'{"test": "test"}', False),
    (JSON, b'{"a": 1', False),
    (JSON, b"", False),
    ([], b'{"a": "1", "b": "x"}', False),
    ([], b"", False),
    ([("Content-Type", "text/plain")], b"anything", True),
])
def test_the_body_must_fit_the_schema_when_it_is_json_or_says_nothing(
        headers: list[tuple[str, str]], body: bytes, fits: bool, make_exchange: Make, validators: Validators) -> None:
    answer = validators.check(make_exchange(method="POST", route=ORDERS, headers=headers, body=body))
    assert (answer is None) is fits
    if answer is not None:
        assert (answer.status, answer.body) == (400, b'{"message": "Invalid request body"}')
        assert "X-Amzn-Trace-Id" in dict(answer.headers)


def test_an_http_api_validates_nothing(make_exchange: Make, validators: Validators) -> None:
    assert validators.check(make_exchange("http", method="POST", route=ORDERS, body=b"nothing")) is None


def test_a_body_above_10_mb_is_refused_in_plain_text_without_ids(make_exchange: Make) -> None:
    answer = Validators(Quotas(gateway_payload_bytes=10)).check_size(make_exchange(body=b"x" * 11))
    assert answer is not None
    assert (answer.status, answer.body) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert answer.headers == [("Content-Type", "text; charset=utf-8")]


def test_a_body_above_what_lambda_takes_is_too_long(make_exchange: Make, validators: Validators) -> None:
    answer = validators.check_size(make_exchange(body=b"x" * (6 * 1024 * 1024 + 1)))
    assert answer is not None
    assert (answer.status, answer.body) == (413, b'{"message": "Request Too Long"}')
    assert validators.check_size(make_exchange(body=b"x" * (6 * 1024 * 1024))) is None
