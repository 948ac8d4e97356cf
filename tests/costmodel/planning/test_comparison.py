from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from costmodel.activity import FunctionTally, RouteTally
from costmodel.errors import PriceMissingError
from costmodel.performance.model import PerformanceModel
from costmodel.planning.comparison import compare
from costmodel.prediction.predictor import predict
from costmodel.pricing.bill import price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.workload import Demand, Workload
from loadgen.configuration import Configuration, grid
from loadgen.errors import ConfigurationError
from loadgen.shapes import Constant

BOOK = PriceBook.load("us-east-1")
PERIOD = Workload({"GET /products": Demand(Constant(rps=20.0, duration_s=60.0))}, period_s=60.0)
MONTH = PERIOD.scaled(1_000_000)


def test_today_is_a_candidate_once_whether_it_was_asked_for_or_not(model: PerformanceModel, today: Configuration) -> None:
    other = today.with_functions(memory_mb=1024)
    without = compare(model, MONTH, [other], BOOK, today=today, replications=2)
    with_it = compare(model, MONTH, [other, today], BOOK, today=today, replications=2)
    assert [c.configuration for c in without.candidates] == [c.configuration for c in with_it.candidates] == [today, other]
    assert without.today is without.candidates[0]


def test_each_candidate_is_what_predict_meter_and_price_give(model: PerformanceModel, today: Configuration) -> None:
    candidate = compare(model, MONTH, [], BOOK, today=today, seed=3, replications=2).today
    prediction = predict(model, MONTH, today, seed=3, replications=2)
    assert candidate.bill == price(meter(prediction.activity), BOOK)
    assert candidate.prediction.latency == prediction.latency
    assert float(candidate.bill.requests) == pytest.approx(1_000_000)


def test_configurations_meet_the_same_arrivals(model: PerformanceModel, today: Configuration) -> None:
    compared = compare(model, MONTH, [today.with_functions(memory_mb=1024), today.with_api(kind="http")], BOOK,
                       today=today, replications=2)
    counts = [next(c.prediction.activity.of(RouteTally)).requests for c in compared.candidates]
    assert counts[0] == counts[1] == counts[2]
    slow, _, http = compared.candidates
    assert slow.bill.by("service")["lambda"] == http.bill.by("service")["lambda"]


def test_the_interval_holds_the_bill_and_is_wider_where_less_was_measured(model: PerformanceModel,
                                                                         today: Configuration) -> None:
    between, beyond = today.with_functions(memory_mb=512), today.with_functions(memory_mb=4096)
    by_a_prior = today.with_functions(architecture="arm64")
    compared = compare(model, MONTH, [between, beyond, by_a_prior], BOOK, today=today, replications=4)
    widths = {}
    for candidate in compared.candidates:
        interval, usd = candidate.usd_per_million_interval, float(candidate.bill.usd_per_million)
        assert interval.low < usd < interval.high and interval.level == 0.9
        widths[candidate.configuration] = (interval.high - interval.low) / usd
    assert widths[today] < widths[between] and widths[today] < widths[by_a_prior] and widths[between] < widths[beyond]


def test_the_bills_of_the_replications_widen_the_interval(model: PerformanceModel, today: Configuration) -> None:
    """Of one run's own period the spread of a single one counts, of a month that of the mean."""
    alone, run, month = (compare(model, workload, [], BOOK, today=today, replications=n).today.usd_per_million_interval
                         for workload, n in ((PERIOD, 1), (PERIOD, 4), (MONTH, 4)))
    assert run.high - run.low > 1.1 * (month.high - month.low)
    assert run.high - run.low > 1.1 * (alone.high - alone.low)


def test_a_period_that_is_no_month_is_billed_as_one(model: PerformanceModel, today: Configuration) -> None:
    compared = compare(model, PERIOD, [], BOOK, today=today, replications=2)
    assert compared.today.bill.hours == 730.0
    assert float(compared.today.bill.requests) == pytest.approx(20 * 730 * 3600, rel=0.1)
    assert any("730 h of this period" in line for line in compared.assumptions)


def test_provisioned_concurrency_and_a_cache_cost_their_hours_of_the_month(model: PerformanceModel,
                                                                          today: Configuration) -> None:
    candidate = compare(model, MONTH, [today.with_functions(provisioned=2).with_api(cache_gb=0.5)], BOOK, today=today,
                        replications=2).candidates[1]
    items = candidate.bill.by("item")
    assert float(items["cache_0.5_gb"]) == pytest.approx(14.60)
    assert float(items["provisioned_concurrency_x86_64"]) == pytest.approx(2 * 0.25 * 730 * 3600 * 0.0000041667)


def test_what_was_run_is_marked_measured(model: PerformanceModel, today: Configuration) -> None:
    other = today.with_functions(memory_mb=1024)
    fitted_on = compare(model, MONTH, [other], BOOK, today=today, replications=2)
    told = compare(model, MONTH, [other], BOOK, today=today, measured=[other], replications=2)
    assert [candidate.measured for candidate in fitted_on.candidates] == [True, False]
    assert [candidate.measured for candidate in told.candidates] == [False, True]


def test_an_executor_changes_nothing_but_the_time(model: PerformanceModel, today: Configuration) -> None:
    others = [today.with_functions(memory_mb=size) for size in (512, 1024)]
    with ThreadPoolExecutor(2) as executor:
        parallel = compare(model, MONTH, others, BOOK, today=today, replications=2, executor=executor)
    alone = compare(model, MONTH, others, BOOK, today=today, replications=2)
    assert [candidate.bill for candidate in parallel.candidates] == [candidate.bill for candidate in alone.candidates]


def test_progress_is_told_candidate_by_candidate(model: PerformanceModel, today: Configuration) -> None:
    said: list[str] = []
    compare(model, MONTH, [today.with_api(kind="http")], BOOK, today=today, replications=2, progress=said.append)
    assert said == ["1 of 2 configurations predicted: REST 256 MB", "2 of 2 configurations predicted: HTTP 256 MB"]


def test_assumptions_tell_traffic_prices_draws_and_what_the_model_notes(model: PerformanceModel,
                                                                       today: Configuration) -> None:
    assumptions = " ".join(compare(model, MONTH, [], BOOK, today=today, seed=5, replications=2).assumptions)
    for said in ("A month is 730 h and 1,000,000 requests", "us-east-1, without free tier", "seed 5, 2 replications",
                 "a note of the model"):
        assert said in assumptions


def test_a_single_replication_is_said_to_show_nothing_of_chance(model: PerformanceModel, today: Configuration) -> None:
    once = compare(model, MONTH, [], BOOK, today=today, seed=5, replications=1)
    assert any("draws once (seed 5)" in line and "nothing of chance" in line for line in once.assumptions)


def test_what_the_deployment_cannot_take_is_refused(model: PerformanceModel, today: Configuration) -> None:
    with pytest.raises(ConfigurationError):
        compare(model, MONTH, [today.with_api(kind="url")], BOOK, today=today, replications=1)


def test_an_item_without_a_price_is_refused_and_not_left_out(model: PerformanceModel, today: Configuration) -> None:
    lacking = {key: found for key, found in BOOK.prices.items() if key != ("apigateway", "http_requests")}
    with pytest.raises(PriceMissingError, match=r"apigateway http_requests: .* in us-east-1"):
        compare(model, MONTH, [today.with_api(kind="http")], PriceBook("us-east-1", lacking), today=today, replications=1)


def test_a_grid_of_configurations_is_compared_in_its_order(model: PerformanceModel, today: Configuration) -> None:
    configurations = grid(model.deployment, api=("rest", "http"), memory_mb=(256, 1024))
    compared = compare(model, MONTH, configurations, BOOK, today=today, replications=2)
    assert [candidate.configuration for candidate in compared.candidates] == configurations
    assert all(next(c.prediction.activity.of(FunctionTally)).gb_s > 0 for c in compared.candidates)
