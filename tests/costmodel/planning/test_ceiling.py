from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError
from costmodel.planning.caps import caps
from costmodel.planning.ceiling import Ceiling, Entries, Exposure, ceiling, entries_of, notes_of
from costmodel.planning.event_sources import EventSource
from costmodel.planning.resource_types import Resource
from costmodel.planning.site import Doubt, Site
from costmodel.planning.throttles import Throttle, throttles
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


def by(*sources: EventSource) -> Entries:
    return Entries(sources)


def test_a_stage_s_throttle_holds_for_each_route_by_itself() -> None:
    worst = ceiling(deployment(function("F"), function("G"), throttle_rps=10.0), BOOK, exposure=NOTHING)
    assert worst.flows["requests of Api GET /F"] == worst.flows["requests of Api GET /G"] == pytest.approx(10)
    (limit,) = [limit for limit in worst.limits if limit.binds]
    assert limit.usd_per_hour == pytest.approx(2 * 3600 * (3.5e-6 + 2e-7 + 3 * GB_S))


def test_a_queue_s_maximum_concurrency_stops_its_function() -> None:
    """Two batches at once: 20 invocations a second at most, two environments busy."""
    worst = ceiling(deployment(function(), routed=False), BOOK, exposure=NOTHING,
                    entries=by(EventSource("F", "SQS queue", "Map", "Jobs", at_once=2.0)))
    assert usd(worst) == pytest.approx(3600 * (20 * 2e-7 + 2 * GB_S))
    assert binding(worst) == {"maximum concurrency of SQS queue Jobs"}


def test_an_open_queue_is_capped_by_its_maximum_concurrency() -> None:
    open_queue = by(EventSource("F", "SQS queue", "Map", "Jobs"))
    found = {cap.setting: cap for cap in caps(deployment(function(), routed=False), BOOK, Decimal(1), exposure=NOTHING,
                                              entries=open_queue)}
    cap = found["maximum concurrency of SQS queue Jobs"]
    assert cap.value == int(1 / (3600 * (10 * 2e-7 + GB_S))) and cap.usd_per_hour <= 1


def test_a_schedule_fires_as_often_as_it_says_and_is_tried_again() -> None:
    worst = ceiling(deployment(function(), routed=False), BOOK, exposure=NOTHING,
                    entries=by(EventSource("F", "schedule", "Tick", per_hour=60.0, attempts=3)))
    assert usd(worst) == pytest.approx(180 * (2e-7 + 3 * GB_S))
    assert binding(worst) == {"schedule Tick, 3 attempts each"}


def test_events_of_unknown_rate_are_stopped_by_concurrency_unless_it_is_given() -> None:
    topic = by(EventSource("F", "SNS topic", "Sub", "Topic", attempts=3))
    assert usd(ceiling(deployment(function(), routed=False), BOOK, exposure=NOTHING, entries=topic)) == pytest.approx(
        3600 * (1e4 * 2e-7 + 1000 * GB_S))
    given_rate = ceiling(deployment(function(), routed=False), BOOK, exposure=replace(NOTHING, events_per_s=5.0), entries=topic)
    assert binding(given_rate) == {"SNS topic Topic of F, 3 attempts each"}


def test_messages_of_a_websocket_api_are_billed_and_share_the_account_s_limit() -> None:
    worst = ceiling(deployment(function(), routed=False), BOOK, exposure=NOTHING,
                    entries=by(EventSource("F", "WebSocket messages", "To", "Chat", api="Chat")))
    assert float(worst.hour.by("service")["apigateway"]) == pytest.approx(3600 * 1e4 * 1e-6)
    assert any(limit.name == "the account's API Gateway limit" for limit in worst.limits)


def test_an_api_without_a_function_of_the_template_costs_too() -> None:
    worst = ceiling(Deployment({}, {"Api": Api("Api", "rest", "prod")}, ()), BOOK, exposure=NOTHING)
    assert usd(worst) == pytest.approx(3600 * 1e4 * 3.5e-6)


def test_method_throttles_and_usage_plans_bind() -> None:
    made = deployment(function(), throttle_rps=100.0)
    single = Entries((), (Throttle("method throttle of Api GET /F", (("Api", "GET /F"),), 500.0),))
    assert binding(ceiling(made, BOOK, exposure=NOTHING, entries=single)) == {
        "the account's unreserved concurrency", "method throttle of Api GET /F"}
    plan = Entries((), (Throttle("usage plan Plan", (("Api", "GET /F"),), 5.0),))
    assert binding(ceiling(made, BOOK, exposure=NOTHING, entries=plan)) == {"usage plan Plan"}


def test_a_quota_is_used_up_in_an_hour_and_not_again_that_day() -> None:
    quota = Entries((), (Throttle("quota", (("Api", "GET /F"),), quota=36_000.0),))
    worst = ceiling(deployment(function()), BOOK, exposure=NOTHING, entries=quota)
    assert worst.flows["requests of Api GET /F"] == pytest.approx(10)
    assert float(worst.day.total) == pytest.approx(usd(worst))


def test_throttles_and_plans_are_read_from_the_resources() -> None:
    keyed = deployment(function())
    keyed = replace(keyed, triggers=tuple(replace(route, api_key_required=True) for route in keyed.triggers))
    resources = {
        "Stage": Resource("AWS::ApiGateway::Stage", {"RestApiId": "Api", "MethodSettings": [
            {"HttpMethod": "GET", "ResourcePath": "/F", "ThrottlingRateLimit": 7},
            {"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingRateLimit": 9}]}),
        "Plan": Resource("AWS::ApiGateway::UsagePlan", {"ApiStages": [{"ApiId": "Api"}], "Throttle": {"RateLimit": 5},
                                                        "Quota": {"Limit": 100, "Period": "DAY"}}),
        "A": Resource("AWS::ApiGateway::UsagePlanKey", {"UsagePlanId": "Plan"}),
        "B": Resource("AWS::ApiGateway::UsagePlanKey", {"UsagePlanId": "Plan"})}
    assert throttles(resources, keyed) == (
        Throttle("method throttle of Api GET /F", (("Api", "GET /F"),), 7.0),
        Throttle("usage plan Plan, 2 keys", (("Api", "GET /F"),), 10.0),
        Throttle("quota of usage plan Plan, 2 keys, a day", (("Api", "GET /F"),), quota=200.0))


def test_what_is_not_in_a_template_s_ceiling_is_said() -> None:
    site = Site(deployment(function(), routed=False), {"Shared": Resource("AWS::CloudFormation::Stack", {"TemplateURL": "./s.yaml"})},
                {"F": Resource("AWS::Lambda::Function", {"TracingConfig": {"Mode": "Active"}}),
                 "Sub": Resource("AWS::SNS::Subscription", {"Protocol": "lambda", "Endpoint": "F.Arn", "TopicArn": "Topic"})},
                (Doubt("F.Timeout = x: not a number"),))
    assert list(notes_of(site, entries_of(site), NOTHING)) == [
        "not in it: Shared (AWS::CloudFormation::Stack) at ./s.yaml: a template of its own",
        "not known: F.Timeout = x: not a number", "no limit of their own is known: SNS topic Topic; give --events-per-s",
        "not in it: X-Ray traces of F (of sampled requests alone: 5 % by default)"]
