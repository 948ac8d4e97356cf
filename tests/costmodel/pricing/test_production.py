"""The bill of a window of production: what metrics tell, what they do not, and that it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InsufficientDataError
from costmodel.metering import billed_ms, gb_s
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.production import observed_window
from costmodel.pricing.services import meter
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.window_notes import ROUNDED_MS
from loadgen.configuration import FunctionSettings
from loadgen.errors import RunError
from loadgen.measurements.production import FINISHED, route_dimensions

BOOK = PriceBook.load("us-east-1")
Build = Callable[..., Any]


def function(activity: Activity, name: str) -> FunctionTally:
    (tally,) = (each for each in activity.of(FunctionTally) if each.function == name)
    return tally


def has(sentences: tuple[str, ...], *words: str) -> bool:
    return any(all(word in sentence for word in words) for sentence in sentences)


def test_a_month_in_dollars_by_hand(build_window: Build) -> None:
    """1M requests of 100 ms at 512 MB x86: 1M x 0.1005 s x 0.5 GB = 50,250 GB-s; HTTP at $1.00 and Lambda at $0.20 a million."""
    built = build_window(days=30)
    built.api("http", "Count", 400_000, 600_000)
    built.ran("Orders", 400_000, 600_000, mean_ms=100.0)
    built.ingested("/aws/lambda/Orders", 2 * 1024**3)
    activity = observed_window(built.write())
    bill = price(meter(activity), BOOK)
    assert (activity.hours, activity.origin, activity.region) == (720.0, "measured", "us-east-1")
    costs = {(each.item, each.resource): each.cost for each in bill.components}
    assert costs == {("http_requests", "HTTP API"): Decimal("1.00"), ("requests", "Orders"): Decimal("0.20"),
                     ("duration_x86_64", "Orders"): Decimal("50250") * Decimal("0.0000166667"),
                     ("logs_ingest_lambda_standard", "Orders"): Decimal("1.00")}
    assert bill.usd_per_million == bill.total


@given(durations_ms=st.lists(st.floats(0.01, 5_000), min_size=1, max_size=30))
def test_what_lambda_bills_is_within_the_bound_that_is_said(durations_ms: list[float]) -> None:
    """Warm: the sum of ceilings is within n / 2 of Duration + n / 2."""
    billed = sum(billed_ms(each) for each in durations_ms)
    taken = sum(durations_ms) + ROUNDED_MS * len(durations_ms)
    assert abs(billed - taken) <= ROUNDED_MS * len(durations_ms) + 1e-6


def test_an_empty_window_is_refused_with_what_to_do(build_window: Build) -> None:
    with pytest.raises(InsufficientDataError, match=r"no datapoint of shop \(a1/prod\), .* read a window with traffic"):
        observed_window(build_window().write())


def test_a_stopped_reading_has_no_bill(build_window: Build) -> None:
    built = build_window()
    built.api("rest", "Count", 5)
    production = built.write()
    (production.path / FINISHED).unlink()
    with pytest.raises(RunError, match="its reading was stopped"):
        observed_window(production)


def test_what_metrics_do_not_have_is_said_and_init_with_its_size(build_window: Build) -> None:
    built = build_window()
    built.api("rest", "Count", 100)
    built.api("rest", "4XXError", 3)
    built.ran("Products", 97, mean_ms=20.0)
    activity = observed_window(built.write())
    assert has(activity.missing, "REST API", "data transfer out is not on the bill")
    assert has(activity.missing, "Products: INIT is in no metric", "each 1 % of cold starts would add", "--log-days")
    assert has(activity.missing, "no IncomingBytes of log group /aws/lambda/Products")
    assert has(activity.notes, "no metric tells its routes apart")
    assert has(activity.notes, "at most the 3 answers 4xx of 100")
    assert has(activity.notes, "Duration + 0.5 ms", "within 2.44%")
    assert function(activity, "Products").init_gb_s == 0


def test_invocations_without_a_published_duration_are_missing_not_free(build_window: Build) -> None:
    built = build_window()
    built.put((("FunctionName", "Products"),), "Invocations", 10)
    activity = observed_window(built.write())
    tally = function(activity, "Products")
    assert (tally.invocations, tally.gb_s) == (10, 0)
    assert has(activity.missing, "no Duration of it: its GB-seconds are not on the bill")


def test_routes_are_billed_apart_where_the_stage_tells_them_and_the_rest_without_one(build_window: Build) -> None:
    built = build_window(by_route=("rest",))
    built.api("rest", "Count", 100)
    api, deployment = built.asked.target.api("rest"), built.asked.target.deployment
    for route, count in zip(deployment.routes("rest"), (60, 30), strict=True):
        built.put(route_dimensions(api, route), "Count", count)
    tallies = {tally.route: tally.requests for tally in observed_window(built.write()).of(RouteTally)}
    assert tallies == {"GET /products": 60, "POST /orders": 30, "": 10}


def test_http_payloads_bound_the_units_and_the_transfer(build_window: Build) -> None:
    built = build_window()
    built.api("http", "Count", 10)
    built.api("http", "DataProcessed", 25 * 512 * 1024)
    activity = observed_window(built.write())
    (tally,) = activity.of(RouteTally)
    assert (tally.units, tally.response_bytes) == (25, 25 * 512 * 1024)
    assert has(activity.notes, "up to 25 requests more")


def test_reported_days_are_billed_as_reported_and_init_of_the_others_at_their_rate(build_window: Build) -> None:
    built = build_window(days=2, log_days=1)
    built.ran("Products", 80, mean_ms=20.0)
    built.ran("Products", 10, mean_ms=20.0, first=1440)
    for n in range(10):
        built.report("Products", built.asked.logs_from + timedelta(minutes=n), init_ms=190.5 if n < 2 else None)
    activity = observed_window(built.write())
    tally = function(activity, "Products")
    assert tally.cold_starts == pytest.approx(2 + 80 * 0.2)
    reported_ms, init_each_ms = 8 * 10 + 2 * 200, 2 * 190 / 10
    assert tally.gb_s == pytest.approx(gb_s(reported_ms + 80 * (20.5 + init_each_ms), 1024))
    assert tally.init_gb_s == pytest.approx(gb_s(2 * 190 + 80 * init_each_ms, 1024))
    assert has(activity.notes, "INIT of 80 invocations is estimated from the 10 whose logs were read")
    assert not has(activity.missing, "INIT")


def test_a_size_that_was_in_force_before_a_change_is_billed_as_its_reports_say(build_window: Build) -> None:
    built = build_window(log_days=1)
    built.ran("Products", 2, mean_ms=9.5)
    built.report("Products", built.asked.start, memory_mb=512)
    built.report("Products", built.asked.start, memory_mb=1024)
    assert function(observed_window(built.write()), "Products").gb_s == pytest.approx(0.01 * 1.5)


def test_reports_that_are_missing_are_taken_at_the_mean_and_said(build_window: Build) -> None:
    built = build_window(log_days=1)
    built.ran("Products", 5, mean_ms=20.0)
    for _ in range(3):
        built.report("Products", built.asked.start)
    activity = observed_window(built.write())
    assert function(activity, "Products").gb_s == pytest.approx(gb_s(30 + 2 * 20.5, 1024))
    assert has(activity.notes, "2 invocations in the logs' days have no REPORT line")


def test_provisioned_concurrency_follows_what_was_allocated(build_window: Build) -> None:
    """4 of 8 in use, nothing for an hour, then 3 of 3: 8 for the first 62 minutes, 3 from then on."""
    built = build_window({"Products": FunctionSettings(1024, "arm64", provisioned=3), "Orders": FunctionSettings(512)})
    built.ran("Products", 100, mean_ms=20.0)
    built.provisioned("Products", "ProvisionedConcurrencyInvocations", 75)
    for metric, early, late in (("ProvisionedConcurrentExecutions", 4, 3), ("ProvisionedConcurrencyUtilization", 0.5, 1.0)):
        built.provisioned("Products", metric, early, early)
        built.provisioned("Products", metric, late, first=62)
    activity = observed_window(built.write())
    (kept,) = activity.of(ProvisionedTally)
    assert kept.gb_s == pytest.approx(60 * (62 * 8 + (1440 - 62) * 3))
    tally = function(activity, "Products")
    assert tally.provisioned_gb_s == pytest.approx(gb_s(75 * 20.5, 1024))
    assert tally.gb_s == pytest.approx(gb_s(25 * 20.5, 1024))
    assert has(activity.notes, "Products: 3 to 8 provisioned environments", "in 1,437 of 1,440 periods nothing ran on them")


def test_a_cache_stands_all_the_time_and_one_that_is_gone_is_said(build_window: Build) -> None:
    built = build_window(cache_gb=0.5)
    built.api("rest", "Count", 10)
    built.api("rest", "CacheHitCount", 4)
    activity = observed_window(built.write())
    assert [tally.hours for tally in activity.of(CacheTally)] == [24.0]
    assert [tally.cache_hits for tally in activity.of(RouteTally)] == [4.0]
    assert has(activity.notes, "as deployed now, is taken to have been there")
    gone = build_window()
    gone.api("rest", "Count", 10)
    gone.api("rest", "CacheHitCount", 4)
    assert has(observed_window(gone.write()).missing, "is gone now: its hours are not on the bill")


def test_a_change_within_the_window_and_partial_data_are_said(build_window: Build) -> None:
    built = build_window(changed={"Products": (build_window().asked.start + timedelta(hours=2))})
    built.ran("Products", 5, mean_ms=20.0)
    built.partial = True
    activity = observed_window(built.write())
    assert has(activity.notes, "Products: changed at 2026-11-24 14:00 UTC", "priced at 1024 MB arm64")
    assert has(activity.missing, "partial data")


def test_an_access_log_has_a_line_of_its_own_and_a_function_s_log_stands_with_the_function(build_window: Build) -> None:
    built = build_window()
    target = built.asked.target
    apis = {**target.apis, "rest": replace(target.api("rest"), log_group="/access")}
    built.asked = replace(built.asked, target=replace(target, apis=apis))
    built.ran("Orders", 5, mean_ms=20.0)
    built.ingested("/access", 2 * 1024**3)
    built.ingested("/aws/lambda/Orders", 1024**3)
    activity = observed_window(built.write())
    assert [(tally.resource, tally.source, tally.ingested_gb) for tally in activity.of(LogsTally)] == [("/access", "vended", 2.0)]
    assert function(activity, "Orders").log_bytes == 1024**3
