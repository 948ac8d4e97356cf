"""Which route a request finds, and what is answered when there is none."""

from __future__ import annotations

import pytest

from loadgen.local.account import ApiState, RouteState, StageState
from loadgen.local.gateway import routing
from loadgen.local.gateway.exchange import Exchange, Request, route_key


def api(kind: str, *routes: str) -> ApiState:
    states = tuple(RouteState(*route.split(" "), "f") for route in routes)
    name = "prod" if kind == "rest" else "$default"
    return ApiState("a1", "Shop", kind, states, {name: StageState(name)})


def found(state: ApiState, target: str, method: str = "GET") -> Exchange:
    exchange = Exchange(Request(method, target), 0.0, "id", "extended=", "Root=1-2-3")
    exchange.answer = routing.locate(exchange, {"a1": state}) or routing.route(exchange, routing.Router(state))
    return exchange


SHOP = ("GET /products", "GET /products/{id}", "GET /products/top", "GET /{proxy+}", "POST /orders")


@pytest.mark.parametrize("kind", ["rest", "http"])
@pytest.mark.parametrize(("path", "route", "parameters"), [
    ("/products", "/products", {}),
    ("/products/7", "/products/{id}", {"id": "7"}),
    ("/products/top", "/products/top", {}),
    ("/products/7/reviews", "/{proxy+}", {"proxy": "products/7/reviews"}),
    ("/other", "/{proxy+}", {"proxy": "other"}),
])
def test_a_literal_beats_a_parameter_which_beats_the_proxy(kind: str, path: str, route: str,
                                                           parameters: dict[str, str]) -> None:
    exchange = found(api(kind, *SHOP), ("/a1/prod" if kind == "rest" else "/a1") + path)
    assert exchange.route is not None
    assert (exchange.route.path, exchange.path_parameters) == (route, parameters)


def test_the_default_route_of_an_http_api_takes_what_nothing_else_does() -> None:
    exchange = found(api("http", "GET /products", "$default $default"), "/a1/elsewhere", "DELETE")
    assert exchange.route is not None
    assert route_key(exchange.route) == "$default"


def test_any_takes_every_method_and_a_named_method_goes_first() -> None:
    state = api("http", "ANY /products/{id}", "GET /products/{id}")
    assert [found(state, "/a1/products/1", method).route.method for method in ("GET", "PUT")] == ["GET", "ANY"]  # type: ignore[union-attr]


def test_rest_answers_an_unknown_path_with_missing_authentication_token() -> None:
    answer = found(api("rest", "GET /products"), "/a1/prod/nothing").answer
    assert answer is not None
    assert (answer.status, answer.body) == (403, b'{"message":"Missing Authentication Token"}')
    headers = dict(answer.headers)
    assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert "X-Amzn-Trace-Id" not in headers


def test_rest_answers_a_method_that_the_resource_lacks_as_it_answers_an_unknown_path() -> None:
    answer = found(api("rest", "GET /products/{id}", "POST /{proxy+}"), "/a1/prod/products/1", "POST").answer
    assert answer is not None and answer.status == 403


def test_an_http_api_answers_an_unknown_path_with_not_found_and_one_header_of_its_own() -> None:
    answer = found(api("http", "GET /products"), "/a1/nothing").answer
    assert answer is not None
    assert (answer.status, answer.body) == (404, b'{"message":"Not Found"}')
    assert answer.headers == [("Content-Type", "application/json"), ("apigw-requestid", "extended=")]


@pytest.mark.parametrize("target", ["/a1/test/products", "/zz/prod/products"])
def test_a_stage_or_an_api_that_does_not_exist_is_forbidden(target: str) -> None:
    answer = found(api("rest", "GET /products"), target).answer
    assert answer is not None
    assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')


@pytest.mark.parametrize(("below", "path", "proxy"), [
    ("/proxy-value/", "/proxy-value/", "proxy-value"),
    ("/proxy-value//double-slash", "/proxy-value//double-slash", "proxy-value//double-slash"),
    ("/p/test%2Balias@b.com/a+b@c", "/p/test%2Balias@b.com/a+b@c", "p/test%2Balias@b.com/a+b@c"),
])
def test_the_proxy_parameter_loses_the_trailing_slash_and_nothing_else(below: str, path: str, proxy: str) -> None:
    exchange = found(api("rest", "GET /{proxy+}"), "/a1/prod" + below)
    assert (exchange.path, exchange.path_parameters) == (path, {"proxy": proxy})


def test_a_slash_too_many_before_the_stage_does_not_matter() -> None:
    assert found(api("rest", "GET /products"), "/a1//prod/products").answer is None
