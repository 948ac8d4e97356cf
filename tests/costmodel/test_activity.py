from __future__ import annotations

import numpy as np
import pytest

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally

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
