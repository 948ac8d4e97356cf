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
