from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally
from costmodel.planning.alternatives import balanced_lambda, ec2, fargate, http_lambda, managed_instances
from costmodel.planning.breakeven import QUESTIONS, BreakEven, cheapest_by_traffic
from costmodel.planning.case import Case, Request
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter

BOOK = PriceBook.load("us-east-1")
CASE = Case()
WARM = Request(cold_share=0.0)
MAKERS: list[Callable[[Case, PriceBook], object]] = [http_lambda, balanced_lambda, fargate, ec2, managed_instances]

cases = st.builds(
    Case,
    request=st.builds(
        Request, billed_ms=st.floats(1, 3000), memory_mb=st.integers(128, 10_240),
        architecture=st.sampled_from(["x86_64", "arm64"]), response_bytes=st.floats(0, 6e6), log_bytes=st.floats(0, 1e5),
        cold_share=st.floats(0, 1), init_ms=st.floats(0, 5000)),
    requests_per_month=st.floats(0, 1e11), cache_gb=st.sampled_from([0.5, 1.6, 237.0]), hit_ratio=st.floats(0, 1),
    environments=st.integers(1, 1000), slowdown=st.floats(0.5, 3), versions=st.integers(0, 100),
    utilisation=st.floats(0.05, 1), least=st.integers(0, 10))


def ask(word: str, case: Case = CASE) -> BreakEven:
    return QUESTIONS[word](case, BOOK)


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
        assert answer.left.usd(crossing.at) == crossing.usd == answer.right.usd(crossing.at)
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
    """1,300 KB are 3 units: REST 3,033.10 + 2.38 (x - 1,000), HTTP 300 + 0.9 (3 x - 300) USD for x million."""
    answer = ask("rest-http", replace(CASE, request=Request(response_bytes=1.3e6)))
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
    assert float(http_lambda(CASE, BOOK).floor) == 0
    assert float(balanced_lambda(CASE, BOOK).floor) == pytest.approx(balancer)
    assert float(fargate(CASE, BOOK).floor) == pytest.approx(balancer + 2 * 730 * (0.04048 + 2 * 0.004445))
    assert float(ec2(CASE, BOOK).floor) == pytest.approx(balancer + 2 * 730 * 0.1008)
    assert float(managed_instances(CASE, BOOK).floor) == pytest.approx(3 * 730 * 0.1008 * 1.15)


def test_beyond_the_floor_instances_follow_the_traffic() -> None:
    """100 ms at 1,024 MB is 0.0579 vCPU-s: at half utilisation 1 M requests need 32.2 vCPU-hours."""
    case = replace(CASE, request=Request(log_bytes=0.0, response_bytes=0.0, request_bytes=0.0))
    more = fargate(case, BOOK).usd(400_000_000) - fargate(case, BOOK).usd(399_000_000)
    hours = 1e6 * 0.1 * 1024 / 1769 / 0.5 / 3600
    lcu_hours = 1e6 / 25 / 3600
    assert float(more) == pytest.approx(hours * (0.04048 + 2 * 0.004445) + lcu_hours * 0.008)


def test_what_waits_rather_than_computes_needs_fewer_instances() -> None:
    waiting, computing = (replace(CASE, cpu_share=share) for share in (0.1, 1.0))
    assert only(ask("managed-instances", replace(waiting, instance="m7g.large"))) < 1e9
    assert ec2(waiting, BOOK).usd(10**9) < ec2(computing, BOOK).usd(10**9)
    assert ec2(waiting, BOOK).floor == ec2(computing, BOOK).floor


@settings(deadline=None, max_examples=10)
@given(case=cases, requests=st.fractions(0, 10**10))
def test_no_side_is_cheaper_than_the_one_that_is_called_cheapest(case: Case, requests: Fraction) -> None:
    sides = [make(case, BOOK) for make in (http_lambda, balanced_lambda, fargate, ec2, managed_instances)]
    ranges = cheapest_by_traffic(sides)
    assert ranges[0][0] == 0
    best = [side for start, side in ranges if start <= requests][-1]
    assert best.usd(requests) == min(side.usd(requests) for side in sides)


def test_the_costs_are_those_of_the_bill() -> None:
    requests = 1_234_567_890.0
    tallies = (RouteTally("http", "GET /", requests, units=requests, response_bytes=requests * 10_000),
               FunctionTally("F", "GET /", "x86_64", 1024, requests, gb_s=requests * 0.1, log_bytes=requests * 500))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK)
    side = http_lambda(replace(CASE, request=WARM), BOOK)
    assert float(side.usd(Fraction(requests))) == pytest.approx(float(bill.total), rel=1e-12)


def test_provisioned_costs_are_those_of_the_bill() -> None:
    busy = 10 * 730 * 3600 * 10 * 0.25
    tallies = (FunctionTally("F", "GET /", "x86_64", 1024, busy, provisioned_gb_s=busy * 0.1, log_bytes=busy * 500),
               ProvisionedTally("F", "x86_64", 10 * 730 * 3600.0))
    bill = price(meter(Activity("us-east-1", 730.0, tallies, "given")), BOOK)
    assert float(ask("provisioned").right.usd(Fraction(1, 4))) == pytest.approx(float(bill.total), rel=1e-12)


def test_where_the_book_knows_few_tiers_the_range_ends_there() -> None:
    book = PriceBook.load("eu-central-1")
    lines = replace(CASE, request=Request(response_bytes=0.0, log_bytes=0.0))
    answer = QUESTIONS["rest-http"](lines, book)
    assert answer.end is not None and answer.end <= 333_000_000
    assert answer.always == "HTTP API"
