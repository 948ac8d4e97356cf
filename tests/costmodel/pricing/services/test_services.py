"""What each service meters of an activity, and that every unit is the price book's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import SERVICES, meter
from costmodel.pricing.usage import UsageLine

GIB = 2**30
EVERYTHING = Activity("us-east-1", 730.0, (
    RouteTally("rest", "GET /a", requests=100.0, rejected=7.0, cache_hits=40.0, response_bytes=3.0 * GIB),
    RouteTally("http", "GET /b", requests=10.0, units=25.0, response_bytes=2.0 * GIB),
    RouteTally("url", "ANY /", requests=5.0, response_bytes=1.0 * GIB),
    FunctionTally("A", "GET /a", "x86_64", 1024, invocations=57.0, throttled=3.0, cold_starts=2.0, gb_s=11.0,
                  init_gb_s=1.0, provisioned_gb_s=13.0, log_bytes=0.5 * GIB),
    FunctionTally("B", "GET /b", "arm64", 512, invocations=10.0, gb_s=17.0),
    ProvisionedTally("A", "x86_64", gb_s=19.0),
    CacheTally("rest", 118.0, hours=730.0),
), "predicted", missing=("something",))


def _lines(activity: Activity, service: str) -> dict[tuple[str, str, str | None], object]:
    return {(line.item, line.resource, line.route): line.quantity for line in SERVICES[service](activity)
            if np.any(line.quantity)}


def test_lambda_bills_what_ran_by_architecture_and_what_is_provisioned() -> None:
    assert _lines(EVERYTHING, "lambda") == {
        ("requests", "A", "GET /a"): 57.0,
        ("duration_x86_64", "A", "GET /a"): 11.0,
        ("provisioned_duration_x86_64", "A", "GET /a"): 13.0,
        ("requests", "B", "GET /b"): 10.0,
        ("duration_arm64", "B", "GET /b"): 17.0,
        ("provisioned_concurrency_x86_64", "A", None): 19.0,
        ("function_url", "function URL", "ANY /"): 5.0,
    }


def test_the_gateway_bills_accepted_requests_cache_hits_in_them_http_in_units_and_cache_hours() -> None:
    assert _lines(EVERYTHING, "apigateway") == {
        ("rest_requests", "REST API", "GET /a"): 100.0,
        ("http_requests", "HTTP API", "GET /b"): 25.0,
        ("cache_118_gb", "REST API", None): 730.0,
    }


def test_an_http_request_whose_payload_was_not_counted_is_still_one_unit() -> None:
    activity = replace(EVERYTHING, tallies=(RouteTally("http", "GET /b", requests=10.0),))
    assert _lines(activity, "apigateway") == {("http_requests", "HTTP API", "GET /b"): 10.0}


def test_logs_and_transfer_are_in_binary_gb() -> None:
    assert _lines(EVERYTHING, "cloudwatch") == {("logs_ingest_lambda_standard", "A", "GET /a"): 0.5}
    assert _lines(EVERYTHING, "data_transfer_out") == {
        ("internet", "REST API", "GET /a"): 3.0, ("internet", "HTTP API", "GET /b"): 2.0,
        ("internet", "function URL", "ANY /"): 1.0}


def test_the_denominator_is_what_the_front_doors_accepted_or_else_what_the_functions_ran() -> None:
    assert meter(EVERYTHING).requests == 115.0
    functions = tuple(tally for tally in EVERYTHING.tallies if isinstance(tally, FunctionTally))
    assert meter(replace(EVERYTHING, tallies=functions)).requests == 67.0


def test_what_was_not_used_has_no_line_and_what_is_missing_stays_said() -> None:
    usage = meter(EVERYTHING)
    assert all(line.quantity for line in usage.lines)
    assert usage.missing == ("something",)


def test_arrays_over_configurations_are_metered_elementwise() -> None:
    tally = FunctionTally("A", "GET /a", "x86_64", 1024, invocations=np.array([0.0, 4.0]), gb_s=np.array([1.0, 2.0]))
    usage = meter(replace(EVERYTHING, tallies=(tally,)))
    assert [(line.item, list(np.atleast_1d(line.quantity))) for line in usage.lines] == [
        ("requests", [0.0, 4.0]), ("duration_x86_64", [1.0, 2.0])]


@pytest.mark.parametrize("line", meter(EVERYTHING).lines, ids=lambda line: line.item)
def test_the_unit_of_a_line_is_the_unit_that_the_price_book_prices(line: UsageLine) -> None:
    assert PriceBook.load("us-east-1").price(line.service, line.item).unit == line.unit


@pytest.mark.parametrize("size_gb", [0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118.0, 237.0])
def test_every_cache_size_has_its_price(size_gb: float) -> None:
    activity = replace(EVERYTHING, tallies=(CacheTally("rest", size_gb, hours=1.0),))
    (line,) = meter(activity).lines
    assert PriceBook.load("us-east-1").price(line.service, line.item).unit == "hour"
