"""The quote of a load test, from what is deployed and the scenario's description alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from costmodel.planning.quote import Quote, quote
from costmodel.pricing.price_book import PriceBook
from loadgen.configuration import Configuration, declared
from loadgen.deployment import Api, Deployment, Function, Route

BOOK = PriceBook.load("us-east-1")
DEPLOYMENT = Deployment(
    functions={"Products": Function("Products", alias="live", memory_mb=1024, timeout_s=10.0)},
    apis={"Rest": Api("Rest", "rest", "prod"), "Http": Api("Http", "http", "$default")},
    triggers=tuple(Route(api, "GET", "/products", "Products") for api in ("Rest", "Http")))
REST, HTTP = declared(DEPLOYMENT, "rest"), declared(DEPLOYMENT, "http")


def of(*configurations: Configuration, route: str = "GET /products", requests: float = 1_000_000.0) -> Quote:
    return quote(DEPLOYMENT, configurations, {route: 1.0}, requests, BOOK)


def test_a_million_requests_at_half_a_second_are_billed_as_the_price_list_says() -> None:
    # requests of REST and Lambda; 1e6 x 0.5 s x 1 GB; 1 KB of logs and 10 KB out, in GB of 1,024 x 1,024 KB
    duration, logs, out = 500_000 * 0.0000166667, 0.50 / 1.048576, 0.90 / 1.048576
    assert float(of(REST).expected) == pytest.approx(3.50 + 0.20 + duration + logs + out)


def test_the_ceiling_is_every_invocation_at_its_timeout_and_more_arrivals_than_expected() -> None:
    assert float(of(REST).ceiling) == pytest.approx((3.50 + 0.20 + 166.667 + 1.40 / 1.048576) * 1.004)


def test_several_runs_add_up() -> None:
    both = of(REST, HTTP)
    assert both.requests == 2_000_000
    assert both.expected == of(REST).expected + of(HTTP).expected
    assert of(HTTP).expected < of(REST).expected


def test_provisioned_concurrency_and_a_cache_are_billed_for_the_time_they_stand() -> None:
    provisioned = REST.with_functions(provisioned=10)
    assert of(provisioned).expected - of(REST).expected > 0
    assert of(REST.with_api(cache_gb=0.5)).expected - of(REST).expected == Decimal("0.01")


def test_a_route_that_the_deployment_lacks_is_taken_for_the_dearest_function() -> None:
    assert of(REST, route="GET /{proxy+}").expected == of(REST).expected


def test_an_invocation_past_the_gateway_pays_no_gateway() -> None:
    assert float(of(REST).expected - of(REST, route="INVOKE Products").expected) == pytest.approx(3.50 + 0.90 / 1.048576)


def test_in_words_it_says_what_is_assumed() -> None:
    assert str(of(REST, requests=2_720)) == (
        "about 2,720 requests on AWS: about $0.04 at 500 ms an invocation, at most $0.50 if every one runs to its timeout; "
        "10 KB a response assumed, free tier and the collectors' own calls not counted")
