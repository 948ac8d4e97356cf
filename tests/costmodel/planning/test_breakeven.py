from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.activity import Activity, CacheTally, FunctionTally, ProvisionedTally, RouteTally, Tally
from costmodel.errors import PriceMissingError
from costmodel.metering import KIB, gb_s
from costmodel.planning.alternatives import (
    Side,
    Way,
    balanced_lambda,
    ec2,
    fargate,
    http_lambda,
    managed_instances,
    priced,
)
from costmodel.planning.breakeven import QUESTIONS, BreakEven, cheapest_by_traffic
from costmodel.planning.case import Case, Request
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.services.alb import LoadBalancerTally
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.services.data_transfer import TransferTally
from costmodel.pricing.services.ec2 import InstancesTally
from costmodel.pricing.services.fargate import TasksTally
from costmodel.pricing.services.lambda_features import ManagedInstancesTally, SnapStartTally
from costmodel.pricing.services.vpc import PublicAddressTally
from loadgen.deployment import ApiKind, Architecture

BOOK = PriceBook.load("us-east-1")
CASE = Case()
WARM = Request(cold_share=0.0)
MAKERS: list[Callable[[Case], Way]] = [http_lambda, balanced_lambda, fargate, ec2, managed_instances]

cases = st.builds(
    Case,
    request=st.builds(
        Request, billed_ms=st.floats(1, 3000), memory_mb=st.integers(128, 10_240),
        architecture=st.sampled_from(["x86_64", "arm64"]), response_bytes=st.floats(0, 6e6), log_bytes=st.floats(0, 1e5),
        cold_share=st.floats(0, 1), init_ms=st.floats(0, 5000)),
    requests_per_month=st.floats(0, 1e11), cache_gb=st.sampled_from([0.5, 1.6, 237.0]), hit_ratio=st.floats(0, 1),
    environments=st.integers(1, 1000), slowdown=st.floats(0.5, 3), versions=st.integers(0, 100),
    utilisation=st.floats(0.05, 1), least=st.integers(0, 10), free_tier=st.booleans(),
    savings_plan_years=st.sampled_from([None, None, 1]))


def ask(word: str, case: Case = CASE) -> BreakEven:
    if case.savings_plan_years:  # the book has a plan's price of this one alone
        case = replace(case, instance="m7g.large")
    return QUESTIONS[word](case, BOOK)


def of(make: Callable[[Case], Way], case: Case = CASE) -> Side:
    return priced(make(case), case, BOOK)


def only(answer: BreakEven) -> float:
    (crossing,) = answer.crossings
    return float(crossing.at)


@pytest.mark.parametrize("word", QUESTIONS)
@settings(deadline=None, max_examples=12)
@given(case=cases)
def test_at_a_crossing_both_cost_the_same_and_the_cheaper_side_changes(word: str, case: Case) -> None:
    answer = ask(word, case)
    for number, crossing in enumerate(answer.crossings):
        assert answer.difference(crossing.at) == 0
        assert answer.left.usd(crossing.at) == crossing.left_usd == crossing.right_usd == answer.right.usd(crossing.at)
        assert {crossing.below, crossing.above} == {answer.left.name, answer.right.name}
        if number:
            assert answer.crossings[number - 1].above == crossing.below
    assert (answer.always is None) == bool(answer.crossings)


@pytest.mark.parametrize("word", QUESTIONS)
@settings(deadline=None, max_examples=12)
@given(case=cases, share=st.fractions(0, 1))
def test_what_is_said_to_be_always_cheaper_is_nowhere_dearer(word: str, case: Case, share: Fraction) -> None:
    answer = ask(word, case)
    if answer.always not in (None, "equal"):
        at = share * (answer.end if answer.end is not None else 10**12)
        assert answer.cheaper(at) in (answer.always, "equal")


def test_http_is_cheaper_than_rest_at_any_traffic_of_small_requests() -> None:
    answer = ask("rest-http")
    assert (answer.crossings, answer.always) == ((), "HTTP API")


def test_rest_overtakes_http_beyond_its_cheaper_tiers_when_a_request_is_three_units() -> None:
    """1,301 KB are 3 units: REST 3,033.10 + 2.38 (x - 1,000), HTTP 300 + 0.9 (3 x - 300) USD for x million."""
    answer = ask("rest-http", replace(CASE, request=Request(response_bytes=1_300 * KIB)))
    assert only(answer) == pytest.approx(1e6 * (3033.1 - 2380 - 300 + 270) / (2.7 - 2.38))
    assert (answer.crossings[0].below, answer.crossings[0].above) == ("HTTP API", "REST API")


def test_a_function_url_never_costs_as_much_as_an_http_api() -> None:
    assert ask("url-http").always == "function URL"


def test_a_cache_pays_where_its_hours_equal_what_the_hits_spare() -> None:
    request = Request(billed_ms=100, memory_mb=1024, log_bytes=0.0, cold_share=0.0)
    answer = ask("cache", replace(CASE, request=request, requests_per_month=20e6))
    assert only(answer) == pytest.approx(14.60 / (20 * (0.2 + 0.1 * 16.6667)), rel=1e-9)
    assert float(answer.difference(0)) == pytest.approx(-14.60)


def test_the_two_questions_about_the_cache_agree() -> None:
    hit_ratio = only(ask("cache"))
    assert only(ask("cache-traffic", replace(CASE, hit_ratio=hit_ratio))) == pytest.approx(CASE.requests_per_month)


def test_a_cache_without_enough_to_spare_never_pays() -> None:
    assert ask("cache", replace(CASE, requests_per_month=1e6)).always == "no cache"


@pytest.mark.parametrize(("architecture", "utilisation"), [
    ("x86_64", 4.1667 / (16.6667 - 9.7222)), ("arm64", 3.3334 / (13.3334 - 7.7778))])
def test_provisioned_concurrency_pays_from_six_tenths_of_its_time_on(architecture: str, utilisation: float) -> None:
    request = replace(WARM, architecture=architecture)  # type: ignore[arg-type]
    assert only(ask("provisioned", replace(CASE, request=request))) == pytest.approx(utilisation, rel=1e-9)


def test_provisioned_concurrency_pays_later_in_the_cheaper_tiers_of_a_large_account() -> None:
    small, large = (only(ask("provisioned", replace(CASE, request=WARM, environments=n))) for n in (10, 20_000))
    assert large > small


def test_arm_pays_up_to_a_slowdown_of_the_prices_ratio() -> None:
    answer = ask("arm64", replace(CASE, request=WARM, slowdown=1.2))
    assert only(answer) == pytest.approx(16.6667 / 13.3334, rel=1e-9)
    assert answer.given is not None and answer.cheaper(answer.given) == "arm64"


def test_snapstart_loses_earlier_the_more_versions_are_kept() -> None:
    found = [only(ask("snapstart", replace(CASE, versions=n))) for n in (1, 5, 10)]
    assert found == sorted(found, reverse=True)
    assert ask("snapstart", replace(CASE, versions=100)).always == "provisioned"


def test_a_kept_version_costs_its_cache_all_month() -> None:
    answer = ask("snapstart", replace(CASE, versions=3))
    assert float(answer.left.floor) == pytest.approx(3 * 730 * 3600 * 0.0000015046)


def test_every_place_to_run_has_its_floor() -> None:
    """ALB: 730 h x 0.0225 and two addresses x 730 h x 0.005; two tasks of 1 vCPU and 2 GB; instances of 0.1008 USD."""
    balancer = 730 * 0.0225 + 2 * 730 * 0.005
    assert float(of(http_lambda, CASE).floor) == 0
    assert float(of(balanced_lambda, CASE).floor) == pytest.approx(balancer)
    assert float(of(fargate, CASE).floor) == pytest.approx(balancer + 2 * 730 * (0.04048 + 2 * 0.004445))
    assert float(of(ec2, CASE).floor) == pytest.approx(balancer + 2 * 730 * 0.1008)
    assert float(of(managed_instances, CASE).floor) == pytest.approx(3 * 730 * 0.1008 * 1.15)


def test_beyond_the_floor_instances_follow_the_traffic() -> None:
    """100 ms at 1,024 MB is 0.0579 vCPU-s: at half utilisation 1 M requests need 32.2 vCPU-hours."""
    case = replace(CASE, request=Request(log_bytes=0.0, response_bytes=0.0, request_bytes=0.0))
    more = of(fargate, case).usd(400_000_000) - of(fargate, case).usd(399_000_000)
    hours = 1e6 * 0.1 * 1024 / 1769 / 0.5 / 3600
    lcu_hours = 1e6 / 25 / 3600
    assert float(more) == pytest.approx(hours * (0.04048 + 2 * 0.004445) + lcu_hours * 0.008)


def test_what_waits_rather_than_computes_needs_fewer_instances() -> None:
    waiting, computing = (replace(CASE, cpu_share=share) for share in (0.1, 1.0))
    assert only(ask("managed-instances", replace(waiting, instance="m7g.large"))) < 1e9
    assert of(ec2, waiting).usd(10**9) < of(ec2, computing).usd(10**9)
    assert of(ec2, waiting).floor == of(ec2, computing).floor


@settings(deadline=None, max_examples=10)
@given(case=cases, requests=st.fractions(0, 10**10))
def test_no_side_is_cheaper_than_the_one_that_is_called_cheapest(case: Case, requests: Fraction) -> None:
    case = replace(case, instance="m7g.large")
    sides = [of(make, case) for make in MAKERS]
    ranges = cheapest_by_traffic(sides)
    assert ranges[0][0] == 0
    best = [side for start, side in ranges if start <= requests][-1]
    assert best.usd(requests) == min(side.usd(requests) for side in sides)


def test_the_costs_are_those_of_the_bill() -> None:
    requests = 1_234_567_890.0
    tallies = (RouteTally("http", "GET /", requests, units=requests, response_bytes=requests * 10 * KIB),
               FunctionTally("F", "GET /", "x86_64", 1024, requests, gb_s=requests * 0.1, log_bytes=requests * 500))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK)
    side = of(http_lambda, replace(CASE, request=WARM))
    assert float(side.usd(Fraction(requests))) == pytest.approx(float(bill.total), rel=1e-12)


def test_provisioned_costs_are_those_of_the_bill() -> None:
    busy = 10 * 730 * 3600 * 10 * 0.25
    tallies = (FunctionTally("F", "GET /", "x86_64", 1024, busy, provisioned_gb_s=busy * 0.1, log_bytes=busy * 500),
               ProvisionedTally("F", "x86_64", 10 * 730 * 3600.0))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK)
    assert float(ask("provisioned").right.usd(Fraction(1, 4))) == pytest.approx(float(bill.total), rel=1e-12)


def test_where_the_book_knows_few_tiers_the_range_ends_there() -> None:
    known = {("apigateway", item): BOOK.price("apigateway", item) for item in ("rest_requests", "http_requests")}
    first = {key: replace(found, tiers=found.tiers[:1]) for key, found in known.items()}
    answer = QUESTIONS["rest-http"](CASE, replace(BOOK, prices={**BOOK.prices, **first}))
    assert answer.end == 300_000_000
    assert answer.always == "HTTP API"


def test_whole_instances_make_several_crossings_each_dearer_side_named() -> None:
    case = replace(CASE, request=Request(architecture="arm64"), whole=True, savings_plan_years=1)
    answer = ask("managed-instances", case)
    assert len(answer.crossings) > 2
    jump = next(crossing for crossing in answer.crossings if crossing.left_usd != crossing.right_usd)
    assert (jump.below, jump.above) == ("managed instances", "Lambda")
    assert jump.left_usd > jump.right_usd
    assert all(one.above == other.below for one, other in pairwise(answer.crossings))
    assert answer.cheaper(jump.at + 1) == "Lambda" and answer.cheaper(jump.at - 1) == "managed instances"


@pytest.mark.parametrize("requests", [1e6, 60e6, 200e6, 1e9])
@pytest.mark.parametrize("terms", [{}, {"free_tier": True, "savings_plan_years": 1}])
def test_whole_instances_cost_what_the_bill_of_such_instances_is(requests: float, terms: dict[str, Any]) -> None:
    request = Request(architecture="arm64")
    case = replace(CASE, request=request, whole=True, instance="m7g.large", **terms)
    busy_vcpus = requests * 0.1 * 1024 / 1769 / (730 * 3600)
    plan = case.savings_plan
    tallies = (
        InstancesTally(resource="I", instance_type="m7g.large", hours=730.0, busy_vcpus=busy_vcpus, vcpus=2.0,
                       utilisation=0.5, least=2, purchase="savings_plan_1_year" if plan else "on_demand"),
        LoadBalancerTally(resource="B", hours=730.0, new_connections=requests, connection_minutes=requests * 0.1 / 60,
                          processed_gb=requests * 11 / KIB / KIB),
        PublicAddressTally(resource="B", addresses=2, hours=730.0),
        TransferTally(resource="B", internet_gb=requests * 10 / KIB / KIB),
        LogsTally(resource="L", ingested_gb=requests * 500 / KIB**3))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK, free_tier=case.free_tier, savings_plan=plan)
    assert float(of(ec2, case).usd(Fraction(requests))) == pytest.approx(float(bill.total), rel=1e-9)


def test_fargate_costs_what_the_bill_of_its_tasks_is() -> None:
    requests = 300e6
    hours = requests * 0.1 * 1024 / 1769 / 0.5 / 3600
    tallies = (TasksTally(resource="T", vcpu=1.0, memory_gb=2.0, tasks=1.0, hours=hours),
               LoadBalancerTally(resource="B", hours=730.0, new_connections=requests, connection_minutes=requests * 0.1 / 60,
                                 processed_gb=requests * 11 / KIB / KIB),
               PublicAddressTally(resource="B", addresses=2, hours=730.0),
               TransferTally(resource="B", internet_gb=requests * 10 / KIB / KIB),
               LogsTally(resource="L", ingested_gb=requests * 500 / KIB**3))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK)
    assert float(of(fargate).usd(Fraction(requests))) == pytest.approx(float(bill.total), rel=1e-9)


@pytest.mark.parametrize("hit_ratio", [0.0, 0.5, 1.0])
def test_a_cache_costs_what_the_bill_with_it_is_and_nothing_is_below_zero(hit_ratio: float) -> None:
    n, run = 10e6, 10e6 * (1 - hit_ratio)
    tallies = (RouteTally("rest", "GET /", n, cache_hits=n - run, response_bytes=n * 10 * KIB),
               CacheTally("rest", 0.5, 730.0),
               FunctionTally("F", "GET /", "x86_64", 1024, run, gb_s=run * gb_s(105.0, 1024), log_bytes=run * 500))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK)
    assert float(ask("cache").right.usd(Fraction(hit_ratio))) == pytest.approx(float(bill.total), rel=1e-9)


def test_the_free_tier_moves_where_arm_pays() -> None:
    """10 M x 0.1 s less 400,000 GB-s: (600,000 x 16.6667 / 13.3334 + 400,000) / 1,000,000 times as long."""
    answer = ask("arm64", replace(CASE, request=WARM, free_tier=True))
    assert only(answer) == pytest.approx(0.6 * 16.6667 / 13.3334 + 0.4, rel=1e-9)


def test_what_both_sides_use_alike_needs_no_price_and_is_named() -> None:
    lacking = {key: found for key, found in BOOK.prices.items() if key != ("cloudwatch", "logs_ingest_lambda_standard")}
    answer = QUESTIONS["arm64"](CASE, replace(BOOK, prices=lacking))
    assert only(answer) == only(ask("arm64"))
    assert answer.notes[-1].endswith("have no full price for it: cloudwatch logs_ingest_lambda_standard")
    assert ("cloudwatch", "logs_ingest_lambda_standard") not in answer.left.cost.items
    with pytest.raises(PriceMissingError, match="cloudwatch logs_ingest_lambda_standard: "):
        QUESTIONS["cache"](CASE, replace(BOOK, prices=lacking))


def test_beyond_what_is_known_no_side_is_called_cheaper() -> None:
    answer = ask("provisioned", replace(CASE, requests_per_month=1e9))
    assert answer.given is not None and answer.cheaper(answer.given) == "not known"


def test_a_floor_says_every_component() -> None:
    floor = {" ".join(key): float(usd) for key, usd in of(balanced_lambda).cost.at(0).items()}
    assert floor == {"alb hour": pytest.approx(730 * 0.0225), "vpc public_ipv4_hour": pytest.approx(2 * 730 * 0.005)}


def served(kind: ApiKind, x: float, architecture: Architecture = "x86_64", ms: float = 105.0) -> list[Tally]:
    """x requests of the case's, on demand, INIT in their duration."""
    return [RouteTally(kind, "GET /", x, units=x, response_bytes=x * 10 * KIB), *run_alone(x, architecture, ms)]


def run_alone(x: float, architecture: Architecture = "x86_64", ms: float = 105.0) -> list[Tally]:
    return [FunctionTally("F", "GET /", architecture, 1024, x, gb_s=x * ms / 1000, log_bytes=x * 500)]


def kept_warm(x: float) -> list[Tally]:
    return [FunctionTally("F", "GET /", "x86_64", 1024, x, provisioned_gb_s=x * 0.1, log_bytes=x * 500),
            ProvisionedTally("F", "x86_64", 10 * 730 * 3600.0)]


def balanced(x: float, targets: Literal["lambda", "instances"]) -> list[Tally]:
    return [LoadBalancerTally(resource="B", targets=targets, hours=730.0, new_connections=x,
                              connection_minutes=x * 0.1 / 60, processed_gb=x * 11 / KIB / KIB),
            PublicAddressTally(resource="B", addresses=2, hours=730.0)]


def answered(x: float) -> list[Tally]:
    return [TransferTally(resource="B", internet_gb=x * 10 / KIB / KIB),
            LogsTally(resource="L", ingested_gb=x * 500 / KIB**3)]


def instances(x: float) -> float:
    return max(2.0, x * 0.1 * 1024 / 1769 / 0.5 / 2 / 3600 / 730)


BY_HAND: dict[str, tuple[Callable[[float], list[Tally]], Callable[[float], list[Tally]]]] = {
    "cache-traffic": (lambda x: served("rest", x),
                      lambda x: [RouteTally("rest", "GET /", x, cache_hits=0.8 * x, response_bytes=x * 10 * KIB),
                                 *run_alone(0.2 * x), CacheTally("rest", 0.5, 730.0)]),
    "provisioned": (lambda x: run_alone(x * 262.8e6), lambda x: kept_warm(x * 262.8e6)),
    "arm64": (lambda x: run_alone(10e6), lambda x: run_alone(10e6, "arm64", 105.0 * x)),
    "snapstart": (lambda x: [*run_alone(x, ms=100.0),
                             SnapStartTally(resource="F", memory_mb=1024, versions=1, hours=730.0, restores=0.01 * x)],
                  kept_warm),
    "alb": (lambda x: served("http", x), lambda x: [*served("url", x), *balanced(x, "lambda")]),
    "fargate": (lambda x: served("http", x),
                lambda x: [TasksTally(resource="T", vcpu=1.0, memory_gb=2.0, tasks=2.0, hours=730.0),
                           *balanced(x, "instances"), *answered(x)]),
    "ec2": (lambda x: served("http", x),
            lambda x: [InstancesTally(resource="I", instance_type="m7i.large", hours=730.0, instances=instances(x)),
                       *balanced(x, "instances"), *answered(x)]),
}


@pytest.mark.parametrize("word", BY_HAND)
def test_at_a_crossing_the_bills_of_both_sides_made_by_hand_are_the_same(word: str) -> None:
    (crossing,) = ask(word).crossings
    left, right = (float(price(meter(Activity("us-east-1", 730.0, tuple(made(float(crossing.at))), "given")), BOOK).total)
                   for made in BY_HAND[word])
    assert left == pytest.approx(right, rel=1e-9) == pytest.approx(float(crossing.left_usd), rel=1e-9)


@pytest.mark.parametrize("requests", [1e6, 100e6])
def test_managed_instances_cost_what_their_bill_is(requests: float) -> None:
    hours = 730 * max(3.0, instances(requests))
    fleet = ManagedInstancesTally(resource="F", instance_type="m7i.large", requests=requests, instance_hours=hours)
    door = RouteTally("http", "GET /", requests, units=requests, response_bytes=requests * 10 * KIB)
    logs = FunctionTally("F", "GET /", "x86_64", 1024, 0.0, log_bytes=requests * 500)
    bill = price(meter(Activity("us-east-1", 730.0, (fleet, door, logs), "given")), BOOK)
    assert float(of(managed_instances).usd(Fraction(requests))) == pytest.approx(float(bill.total), rel=1e-9)
