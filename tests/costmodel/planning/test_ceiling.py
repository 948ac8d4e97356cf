from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.planning.ceiling import Ceiling, Exposure, caps, ceiling
from costmodel.pricing.price_book import PriceBook
from loadgen.deployment import Api, Deployment, Function, Route
from loadgen.quotas import Quotas

BOOK = PriceBook.load("us-east-1")
NOTHING = Exposure(0.0, 0.0, 0.0)
GB_S = 0.0000166667


def deployment(*functions: Function, kind: Any = "rest", routed: bool = True, **api: Any) -> Deployment:
    apis = {"Api": Api("Api", kind, "prod", **api)} if routed else {}
    routes = tuple(Route("Api", "GET", f"/{function.name}", function.name) for function in functions) if routed else ()
    return Deployment({function.name: function for function in functions}, apis, routes)


def function(name: str = "F", **settings: Any) -> Function:
    return Function(name, **{"memory_mb": 1024, "timeout_s": 3.0, **settings})


def usd(worst: Ceiling) -> float:
    return float(worst.hour.total)


def binding(worst: Ceiling) -> set[str]:
    return {limit.name for limit in worst.limits if limit.binds}


def test_an_open_rest_api_is_stopped_by_the_account_alone() -> None:
    """10,000 requests a second, all invoke (10 x 1,000), 1,000 environments busy."""
    worst = ceiling(deployment(function()), BOOK, exposure=NOTHING)
    assert usd(worst) == pytest.approx(3600 * (1e4 * 3.5e-6 + 1e4 * 2e-7 + 1000 * GB_S))
    assert "the account's unreserved concurrency" in binding(worst)
    assert worst.flows["busy environments of F"] == pytest.approx(1000)


def test_a_stage_throttle_stops_requests_and_what_their_timeouts_keep_busy() -> None:
    """100 requests a second of at most 3 s keep 300 environments busy."""
    worst = ceiling(deployment(function(), throttle_rps=100.0), BOOK, exposure=NOTHING)
    assert usd(worst) == pytest.approx(3600 * (100 * 3.5e-6 + 100 * 2e-7 + 300 * GB_S))
    assert binding(worst) == {"stage throttle of Api"}
    (limit,) = [limit for limit in worst.limits if limit.binds]
    assert limit.usd_per_hour == pytest.approx(3600 * (3.5e-6 + 2e-7 + 3 * GB_S))


def test_what_lambda_throttles_behind_the_gateway_is_still_paid_there() -> None:
    """One reserved environment runs 10 invocations a second; the gateway bills all 10,000."""
    worst = ceiling(deployment(function(reserved=1)), BOOK, exposure=NOTHING)
    assert usd(worst) == pytest.approx(3600 * (1e4 * 3.5e-6 + 10 * 2e-7 + GB_S))
    assert "reserved concurrency of F" in binding(worst)


def test_a_function_without_a_route_is_stopped_by_concurrency() -> None:
    worst = ceiling(deployment(function(), routed=False), BOOK, exposure=NOTHING)
    assert usd(worst) == pytest.approx(3600 * (1e4 * 2e-7 + 1000 * GB_S))


def test_each_event_that_fails_runs_three_times() -> None:
    worst = ceiling(deployment(function(), routed=False), BOOK, exposure=replace(NOTHING, events_per_s=5.0))
    assert worst.flows["invocations of F"] == pytest.approx(15)
    assert usd(worst) == pytest.approx(3600 * (15 * 2e-7 + 45 * GB_S))
    assert binding(worst) == {"events of F, 3 attempts each"}


def test_a_function_url_is_stopped_by_its_function_s_reserved_concurrency() -> None:
    worst = ceiling(deployment(function(reserved=2), kind="url"), BOOK, exposure=NOTHING)
    assert usd(worst) == pytest.approx(3600 * (20 * 2e-7 + 2 * GB_S))
    assert not any("API Gateway" in limit.name for limit in worst.limits)


def test_all_share_what_is_not_reserved_and_the_dearest_takes_it() -> None:
    worst = ceiling(deployment(function("Small", memory_mb=128), function("Large", memory_mb=2048)), BOOK, exposure=NOTHING)
    assert worst.flows["busy environments of Large"] == pytest.approx(1000)
    assert worst.flows["busy environments of Small"] == pytest.approx(0)


def test_provisioned_environments_stand_and_are_busy_at_their_own_price() -> None:
    worst = ceiling(deployment(function(provisioned=10, reserved=10), throttle_rps=1000.0), BOOK, exposure=NOTHING)
    expected = 3600 * (1000 * 3.5e-6 + 100 * 2e-7 + 10 * (0.0000041667 + 0.0000097222))
    assert usd(worst) == pytest.approx(expected)


def test_answers_and_logs_are_paid_for_what_runs() -> None:
    exposure = Exposure(0.0, 2.0**20, 2.0**10)
    worst = ceiling(deployment(function(reserved=1), throttle_rps=1.0), BOOK, exposure=exposure)
    assert usd(worst) == pytest.approx(3600 * (3.5e-6 + 2e-7 + GB_S + 0.09 / 1024 + 0.50 / 1024**2))


def test_large_answers_count_as_units_of_an_http_api() -> None:
    small, large = (ceiling(deployment(function(), kind="http", throttle_rps=1.0), BOOK,
                            exposure=replace(NOTHING, response_bytes=size)) for size in (0.0, 4.5 * 2**20))
    assert float(large.hour.by("service")["apigateway"] / small.hour.by("service")["apigateway"]) == pytest.approx(9)


def test_a_day_counts_its_tiers() -> None:
    """864 M requests: 333 M at 3.50 and the rest at 2.80 a million."""
    worst = ceiling(deployment(function()), BOOK, exposure=NOTHING)
    assert float(worst.day.by("service")["apigateway"]) == pytest.approx(333 * 3.5 + (864 - 333) * 2.8)


@settings(deadline=None, max_examples=30)
@given(st.floats(1, 20_000), st.floats(1, 20_000), st.integers(1, 900), st.floats(0.1, 900))
def test_raising_a_throttle_never_lowers_the_ceiling(one: float, other: float, reserved: int, timeout_s: float) -> None:
    made = function(reserved=reserved, timeout_s=timeout_s)
    low, high = (usd(ceiling(deployment(made, throttle_rps=rps), BOOK, exposure=NOTHING)) for rps in sorted((one, other)))
    assert low <= high * (1 + 1e-9)


@settings(deadline=None, max_examples=20)
@given(st.floats(10, 5000), st.integers(1, 500))
def test_a_limit_is_worth_what_one_more_of_it_adds(rps: float, reserved: int) -> None:
    made = function(reserved=reserved, timeout_s=2.0)
    worst = ceiling(deployment(made, throttle_rps=rps), BOOK, exposure=NOTHING)
    step = 1e-3
    more = ceiling(deployment(made, throttle_rps=rps + step), BOOK, exposure=NOTHING)
    (limit,) = [limit for limit in worst.limits if limit.name.startswith("stage throttle")]
    assert (usd(more) - usd(worst)) / step <= limit.usd_per_hour * (1 + 1e-6) + 1e-9


def test_a_cap_is_the_largest_value_that_stays_below() -> None:
    open_api = deployment(function())
    by_setting = {cap.setting: cap for cap in caps(open_api, BOOK, Decimal(10), exposure=NOTHING)}
    throttle = by_setting["throttle of stage Api"]
    assert throttle.value is not None and throttle.usd_per_hour <= 10
    above = deployment(function(), throttle_rps=throttle.value + 1.0)
    assert ceiling(above, BOOK, exposure=NOTHING).hour.total > 10


def test_a_setting_that_cannot_hold_it_says_what_it_leaves() -> None:
    """Reserved 0: nothing runs, the gateway bills every throttled request."""
    found = {cap.setting: cap for cap in caps(deployment(function()), BOOK, Decimal(10), exposure=NOTHING)}
    reserved = found["reserved concurrency of F"]
    assert reserved.value is None and reserved.usd_per_hour == Decimal("126")


def test_settings_that_hold_it_come_first() -> None:
    found = caps(deployment(function("F"), function("G")), BOOK, Decimal(10), exposure=NOTHING)
    assert [cap.value is None for cap in found] == sorted(cap.value is None for cap in found)
    assert "the same reserved concurrency of each function" in {cap.setting for cap in found}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="no Lambda function"):
        ceiling(Deployment({}, {}, ()), BOOK)
    with pytest.raises(InputError, match="reserved concurrency: 950 in all leaves fewer than 100"):
        ceiling(deployment(function(reserved=950), function("G")), BOOK)
    with pytest.raises(InputError, match="response_bytes = -1"):
        Exposure(response_bytes=-1)
    assert usd(ceiling(deployment(function(reserved=950), function("G")), BOOK, Quotas(account_concurrency=2000))) > 0
