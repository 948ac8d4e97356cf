from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError
from loadgen.configuration import FunctionSettings
from loadgen.errors import RunError

RunBuilder = Any
BuildRun = Callable[..., RunBuilder]

HOUR = Activity("us-east-1", 1.0, (
    RouteTally("rest", "GET /a", requests=10.0, rejected=2.0, units=11.0, cache_hits=4.0, response_bytes=100.0),
    FunctionTally("A", "GET /a", "arm64", 512, invocations=6.0, throttled=1.0, cold_starts=1.0, gb_s=3.0, init_gb_s=0.5,
                  provisioned_gb_s=0.25, log_bytes=600.0),
    ProvisionedTally("A", "arm64", gb_s=1800.0),
    CacheTally("rest", 0.5, hours=1.0),
), "measured", missing=("no line of one request",))


def test_traffic_grows_with_the_flow_and_standing_resources_with_the_hours() -> None:
    month = HOUR.scaled(flow=100.0, hours=730.0)
    route, function = next(month.of(RouteTally)), next(month.of(FunctionTally))
    assert (route.requests, route.rejected, route.units, route.cache_hits, route.response_bytes) == (
        1000.0, 200.0, 1100.0, 400.0, 10_000.0)
    assert (function.invocations, function.gb_s, function.log_bytes) == (600.0, 300.0, 60_000.0)
    assert next(month.of(ProvisionedTally)).gb_s == 1800.0 * 730
    assert next(month.of(CacheTally)).hours == 730.0
    assert month.hours == 730.0


def test_names_and_sizes_do_not_scale_and_what_is_missing_stays_said() -> None:
    month = HOUR.scaled(flow=100.0, hours=730.0)
    function = next(month.of(FunctionTally))
    assert (function.function, function.architecture, function.memory_mb) == ("A", "arm64", 512)
    assert next(month.of(CacheTally)).size_gb == 0.5
    assert month.missing == HOUR.missing


def test_quantities_may_be_arrays_over_configurations() -> None:
    activity = Activity("us-east-1", 2.0, (RouteTally("http", "GET /a", requests=np.array([1.0, 2.0])),), "predicted")
    assert next(activity.scaled(3.0, 2.0).of(RouteTally)).requests == pytest.approx([3.0, 6.0])


@pytest.mark.parametrize("hours", [0.0, -1.0, math.nan])
def test_a_period_without_a_length_cannot_become_a_month(hours: float) -> None:
    with pytest.raises(InputError, match=f"activity: hours={hours}: give the period's length") as problem:
        replace(HOUR, hours=hours).scaled(flow=100.0, hours=730.0)
    assert "\n" not in str(problem.value)


@pytest.fixture
def seen(build_run: BuildRun) -> RunBuilder:
    return build_run()


def _functions(activity: Activity) -> dict[tuple[str, str], FunctionTally]:
    return {(tally.function, tally.trigger): tally for tally in activity.of(FunctionTally)}


def test_the_gateway_bills_what_it_passed_on_or_had_in_its_cache_and_not_what_it_refused(build_run: BuildRun) -> None:
    seen = build_run(cache_gb=0.5)
    seen.report(seen.request(phase="warm"))
    seen.report(seen.request())
    seen.answered_by_the_gateway(status=200)
    seen.answered_by_the_gateway(status=429)
    seen.answered_by_the_gateway(status=403, error_type="INVALID_API_KEY")
    seen.answered_by_the_gateway(status=400, error_type="BAD_REQUEST_BODY")
    (route,) = seen.observed().of(RouteTally)
    assert (route.api, route.route) == ("rest", "GET /products")
    assert (route.requests, route.rejected, route.cache_hits, route.response_bytes) == (4, 2, 1, 4000)


def test_a_429_of_the_function_itself_is_billed(seen: RunBuilder) -> None:
    seen.report(seen.request(status=429, function_status=429))
    (route,) = seen.observed().of(RouteTally)
    assert (route.requests, route.rejected) == (1, 0)


def test_what_lambda_throttles_is_an_api_request_and_no_invocation(seen: RunBuilder) -> None:
    seen.report(seen.request())
    seen.request(status=500, lambda_status=429, function_status=None)
    seen.request("POST /orders", status=500, lambda_status=429, function_status=None)
    activity = seen.observed()
    routes = {route.route: route.requests for route in activity.of(RouteTally)}
    assert routes == {"GET /products": 2, "POST /orders": 1}
    functions = _functions(activity)
    assert functions["Products", "GET /products"].throttled == 1
    assert functions["Products", "GET /products"].invocations == 1
    orders = functions["Orders", "POST /orders"]
    assert (orders.invocations, orders.throttled, orders.gb_s, orders.memory_mb) == (0, 1, 0, 512)


def test_gb_seconds_are_of_the_billed_duration_that_was_reported(seen: RunBuilder) -> None:
    seen.report(seen.request(), duration_ms=155.0, billed_ms=156)
    seen.report(seen.request(), duration_ms=250.06, init_ms=100.77, billed_ms=351)
    tally = _functions(seen.observed())["Products", "GET /products"]
    assert tally.gb_s == pytest.approx(0.507) and tally.init_gb_s == pytest.approx(0.1)
    assert (tally.invocations, tally.cold_starts, tally.log_bytes) == (2, 1, 600)
    assert (tally.architecture, tally.memory_mb) == ("arm64", 1024)


def test_an_init_that_was_not_billed_is_no_part_of_the_gb_seconds(seen: RunBuilder) -> None:
    seen.report(seen.request(), duration_ms=152.63, init_ms=95.46, billed_ms=153)
    tally = _functions(seen.observed())["Products", "GET /products"]
    assert (tally.cold_starts, tally.init_gb_s) == (1, 0) and tally.gb_s == pytest.approx(0.153)


def test_a_changed_memory_size_is_told_apart_by_its_report_lines(seen: RunBuilder) -> None:
    seen.report(seen.request(), memory_mb=1024, billed_ms=1000)
    seen.report(seen.request(), memory_mb=512, billed_ms=1000)
    assert [(tally.memory_mb, tally.gb_s) for tally in seen.observed().of(FunctionTally)] == [(512, 0.5), (1024, 1.0)]


def test_provisioned_duration_is_apart_from_what_spilled_over(seen: RunBuilder) -> None:
    seen.report(seen.request(), initialization="provisioned", billed_ms=1000)
    seen.report(seen.request(), billed_ms=500)
    tally = _functions(seen.observed())["Products", "GET /products"]
    assert (tally.provisioned_gb_s, tally.gb_s, tally.invocations) == (1.0, 0.5, 2)


def test_provisioned_concurrency_and_the_cache_stand_for_the_run_s_own_time(build_run: BuildRun) -> None:
    functions = {"Products": FunctionSettings(2048, "arm64", provisioned=3), "Orders": FunctionSettings(512)}
    seen = build_run(functions, cache_gb=1.6)
    seen.report(seen.request())
    activity = seen.observed()
    assert activity.hours == pytest.approx(0.01)
    assert list(activity.of(ProvisionedTally)) == [ProvisionedTally("Products", "arm64", pytest.approx(2 * 3 * 36.0))]
    assert list(activity.of(CacheTally)) == [CacheTally("rest", 1.6, pytest.approx(0.01))]


def test_an_initialisation_that_nobody_waited_for_is_billed_by_its_kind(seen: RunBuilder) -> None:
    seen.report(seen.request())
    for kind in ("on-demand", "provisioned"):
        row = {"environment": kind, "function": "Products", "init_ms": 499.5, "initialization": kind}
        seen.rows["inits"].append(row)
    tally = _functions(seen.observed())["Products", "init"]
    assert (tally.gb_s, tally.init_gb_s, tally.provisioned_gb_s, tally.invocations) == (0.5, 0.5, 0.5, 0)


def test_http_units_count_payloads_in_512_kb(build_run: BuildRun) -> None:
    seen = build_run(kind="http")
    seen.report(seen.request())
    seen.report(seen.request(request_bytes=500_000, response_bytes=600_000))
    (route,) = seen.observed().of(RouteTally)
    assert (route.api, route.requests, route.units) == ("http", 2, 4)


def test_a_size_that_the_access_log_does_not_hold_is_the_client_s(seen: RunBuilder) -> None:
    seen.report(seen.request(response_bytes=None))
    (route,) = seen.observed().of(RouteTally)
    assert route.response_bytes == 7


def test_direct_invocations_need_no_access_log(seen: RunBuilder) -> None:
    for n, status in enumerate((200, 429)):
        seen.rows["requests"].append({
            "worker": 0, "seq": n, "route": "INVOKE Orders", "status": status, "scheduled_at": datetime(2026, 11, 24, tzinfo=UTC),
            "lambda_request_id": f"d{n}"})
    seen.report("d0", "Orders", source="invoke", memory_mb=512, billed_ms=100)
    del seen.rows["access"]
    activity = seen.observed()
    (tally,) = activity.of(FunctionTally)
    assert (tally.function, tally.trigger, tally.invocations, tally.throttled) == ("Orders", "INVOKE Orders", 1, 1)
    assert not list(activity.of(RouteTally)) and activity.missing == ()


def test_what_nothing_reported_is_said_and_not_counted_as_nothing(seen: RunBuilder) -> None:
    seen.report(seen.request())
    seen.report(seen.request(), billed_ms=None, log_bytes=None)
    seen.request()
    seen.request(logged=False)
    seen.rows["inits"].append({"environment": "x", "function": "Products", "initialization": "on-demand"})
    assert seen.observed().missing == (
        "1 answered requests have no access-log row: not on the bill",
        "1 invocations have no REPORT line: not on the bill",
        "1 invocations report no billed duration: not on the bill",
        "1 invocations have no known log size: not on the bill",
        "1 initialisations report no duration: not on the bill",
        "the size of the gateway's access log is not recorded: its ingestion is not on the bill",
    )


def test_a_run_that_was_not_collected_is_refused_with_what_to_do(seen: RunBuilder) -> None:
    seen.request()
    seen.rows = {"requests": seen.rows["requests"]}
    with pytest.raises(RunError, match="no access: run `loadgen collect` on it first"):
        seen.observed()
