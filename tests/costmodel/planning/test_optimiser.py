from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from costmodel.errors import InputError, NothingMeetsError
from costmodel.planning.optimiser import judge, optimise
from costmodel.planning.plan import Candidate, Comparison
from loadgen.slo import SLO

Make = Callable[..., Candidate]


@pytest.fixture
def comparison(candidate: Make) -> Comparison:
    """Slow and cheap, middling, fast and dear; today is the dear one."""
    candidates = (candidate(256, usd=3.0, p95_ms=340.0), candidate(512, usd=4.0, p95_ms=250.0),
                  candidate(1024, usd=6.5, p95_ms=120.0))
    return Comparison(candidates, candidates[2], ())


def test_the_cheapest_that_meets_the_slo_is_the_choice(comparison: Comparison) -> None:
    plan = optimise(comparison, SLO.parse("p95 < 300 ms"))
    assert plan.choice.label == "REST 512 MB"
    assert plan.runner_up is not None and plan.runner_up.label == "REST 1024 MB"
    assert plan.saving_usd_per_month == Decimal("2.5")


def test_every_other_candidate_has_a_sentence_on_why_it_lost(comparison: Comparison) -> None:
    plan = optimise(comparison, SLO.parse("p95 < 300 ms"))
    assert plan.why_lost == {
        "REST 256 MB": "misses p95 by 40 ms",
        "REST 1024 MB": "costs $2.50 more a month; its p95 is 130 ms lower",
    }


def test_the_latency_objective_takes_the_fastest_that_meets_the_slo(comparison: Comparison) -> None:
    plan = optimise(comparison, SLO.parse("p95 < 300 ms"), "latency")
    assert plan.choice.label == "REST 1024 MB"
    assert plan.why_lost["REST 512 MB"] == "its p95 is 130 ms higher; costs $2.50 less a month"


def test_of_two_that_cost_the_same_the_faster_wins(candidate: Make) -> None:
    candidates = (candidate(256, usd=3.0, p95_ms=200.0), candidate(512, usd=3.0, p95_ms=150.0))
    plan = optimise(Comparison(candidates, candidates[0], ()), SLO.parse("p95 < 300 ms"))
    assert plan.choice.label == "REST 512 MB"


def test_a_single_candidate_has_no_runner_up(candidate: Make) -> None:
    only = candidate(256, usd=3.0, p95_ms=200.0)
    plan = optimise(Comparison((only,), only, ()), SLO.parse("p95 < 300 ms"))
    assert plan.runner_up is None and plan.why_lost == {}


def test_all_that_is_missed_is_said_routes_and_shares_too(candidate: Make) -> None:
    verdict = judge(candidate(256, usd=3.0, p95_ms=340.0, throttled=0.05, error_share=0.06),
                    SLO.parse("p95 < 300 ms, GET /products: p99 < 1 s, GET /products: p99 < 500 ms, throttles < 1 %, "
                              "errors < 10 %, cold < 0.5 %"))
    assert verdict.misses == ("misses p95 by 40 ms", "misses GET /products p99 by 400 ms", "misses throttles by 4 %",
                              "misses cold by 0.5 %")


@pytest.mark.parametrize("threshold", ["p99.9 < 1 s", "errors < 1 %", "GET /nowhere: p95 < 1 s", "GET /products: cold < 1 %"])
def test_what_nothing_predicts_is_not_met(candidate: Make, threshold: str) -> None:
    verdict = judge(candidate(256, usd=3.0, p95_ms=10.0), SLO.parse(threshold))
    assert not verdict.meets and "is not known" in verdict.misses[0]


def test_an_slo_that_nothing_meets_names_the_nearest_and_what_it_misses(comparison: Comparison) -> None:
    with pytest.raises(NothingMeetsError) as error:
        optimise(comparison, SLO.parse("p95 < 100 ms, cold < 5 %"))
    assert str(error.value) == ("nothing meets p95 < 100 ms, cold < 5 %: nearest of 3 is REST 1024 MB: "
                                "misses p95 by 20 ms")
    assert error.value.__dict__["nearest"] is comparison.candidates[2]


def test_the_nearest_is_measured_by_its_worst_threshold(candidate: Make) -> None:
    candidates = (candidate(256, usd=1.0, p95_ms=110.0, throttled=0.5), candidate(512, usd=2.0, p95_ms=150.0))
    with pytest.raises(NothingMeetsError, match="nearest of 2 is REST 512 MB"):
        optimise(Comparison(candidates, candidates[0], ()), SLO.parse("p95 < 100 ms, throttles < 10 %"))


def test_an_unknown_objective_is_refused_with_the_known_ones(comparison: Comparison) -> None:
    with pytest.raises(InputError, match=r"objective = 'beauty': .*there are: cost, latency"):
        optimise(comparison, SLO.parse("p95 < 1 s"), "beauty")


@pytest.mark.parametrize(("text", "said"), [
    ("p99.9 < 1 s", r"p99.9 is not predicted \(there are: p50, p90, p95, p99, mean, errors, throttles, cold\)"),
    ("errors < 1 %", r"errors is not predicted \(there are: p50, .*throttles, cold\)"),
    ("GET /nowhere: p95 < 1 s", r"no such route \(there are: GET /products\)"),
    ("GET /products: cold < 1 %", r"GET /products cold is not predicted \(there are: p50, p90, p95, p99, mean\)")])
def test_a_threshold_on_what_nothing_predicts_is_refused_with_what_there_is(comparison: Comparison, text: str,
                                                                            said: str) -> None:
    with pytest.raises(InputError, match=said):
        optimise(comparison, SLO.parse(text))


def test_of_two_that_are_alike_in_all_today_s_stays(candidate: Make) -> None:
    candidates = (candidate(256, usd=3.0, p95_ms=200.0), candidate(512, usd=3.0, p95_ms=200.0))
    plan = optimise(Comparison(candidates, candidates[1], ()), SLO.parse("p95 < 300 ms"))
    assert plan.choice is candidates[1] and plan.saving_usd_per_month == 0


def test_the_fastest_within_a_budget_is_found_and_what_is_beyond_it_said(comparison: Comparison) -> None:
    plan = optimise(comparison, SLO.parse("p95 < 400 ms"), "latency", budget_usd=5.0)
    assert plan.choice.label == "REST 512 MB"
    assert plan.why_lost["REST 1024 MB"] == "costs $1.50 a month more than the budget of $5.00"
    with pytest.raises(NothingMeetsError, match=r"nothing meets p95 < 400 ms within \$2.00 a month: nearest of 3 is REST"):
        optimise(comparison, SLO.parse("p95 < 400 ms"), budget_usd=2.0)


def test_what_the_intervals_leave_open_is_a_doubt(comparison: Comparison) -> None:
    """p95 of 250 ms reaches to 275 ms; a cost of 4 USD to 4.40, the next one begins at 5.85."""
    assert optimise(comparison, SLO.parse("p95 < 300 ms")).doubts == ()
    (doubt,) = optimise(comparison, SLO.parse("p95 < 260 ms")).doubts
    assert doubt == "p95 of the choice may be up to 275 ms (90 % interval): p95 < 260 ms is not certain"


def test_two_whose_costs_overlap_are_not_told_apart(candidate: Make) -> None:
    candidates = (candidate(256, usd=3.0, p95_ms=200.0), candidate(512, usd=3.2, p95_ms=150.0))
    (doubt,) = optimise(Comparison(candidates, candidates[0], ()), SLO.parse("p95 < 300 ms")).doubts
    assert "which of the two is cheaper is not certain" in doubt
