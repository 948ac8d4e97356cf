from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, NothingMeetsError

Fitted = Any
GRID = ["--api", "rest", "--memory", "256,512,1024", "--requests-per-month", "1e6"]


def test_a_plan_is_the_cheapest_under_the_slo_with_reasons_and_the_whole_comparison(fitted: Fitted) -> None:
    arguments = ["optimise", *fitted.arguments, *GRID, "--slo", "p95 < 200 ms", "--json"]
    plan = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    figures = {candidate["label"]: candidate for candidate in plan["candidates"]}
    meeting = {label for label, candidate in figures.items() if candidate["p95_ms"] < 200}
    assert "REST 256 MB" not in meeting
    assert plan["choice"] == min(meeting, key=lambda label: figures[label]["usd_per_month"])
    assert plan["why_lost"]["REST 256 MB"].startswith("misses p95 by ")
    saving = figures[plan["today"]]["usd_per_month"] - figures[plan["choice"]]["usd_per_month"]
    assert abs(plan["saving_usd_per_month"] - saving) < 1e-6


def test_a_plan_in_words_says_today_the_choice_and_why_not_the_others(fitted: Fitted) -> None:
    arguments = ["optimise", *fitted.arguments, *GRID, "--slo", "p95 < 200 ms", "--objective", "latency"]
    output = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert output.splitlines()[0].startswith("today      REST 1024 MB: p95 ")
    assert "fastest    under p95 < 200 ms: REST 1024 MB" in output
    assert "REST 256 MB  misses p95 by " in output


def test_an_slo_that_nothing_meets_is_an_error_that_names_the_nearest(fitted: Fitted) -> None:
    error = CliRunner().invoke(app, ["optimise", *fitted.arguments, *GRID, "--slo", "p95 < 1 ms"]).exception
    assert isinstance(error, NothingMeetsError) and "nearest of 3 is REST 1024 MB: misses p95 by" in str(error)


def test_an_slo_that_cannot_be_read_is_refused_before_anything_is_predicted(fitted: Fitted) -> None:
    error = CliRunner().invoke(app, ["optimise", "nothing.json", "--run", "nowhere", "--slo", "p95 > 1 ms"]).exception
    assert isinstance(error, InputError) and "upper limit" in str(error)


def test_a_choice_that_is_today_s_stays(fitted: Fitted) -> None:
    arguments = ["optimise", *fitted.arguments, "--memory", "256,1024", "--requests-per-month", "1e6"]
    kept = CliRunner().invoke(app, [*arguments, "--slo", "p95 < 150 ms"], catch_exceptions=False).stdout
    assert "; today's stays" in kept and "; misses" not in kept.splitlines()[0]


def test_a_metric_that_is_never_predicted_is_refused_before_anything_is_predicted() -> None:
    error = CliRunner().invoke(app, ["optimise", "nothing.json", "--run", "nowhere", "--slo", "p99.9 < 1 s"]).exception
    assert isinstance(error, InputError) and "p99.9 is not predicted (there are: p50, " in str(error)


@pytest.mark.parametrize(("option", "value", "said"), [
    ("--objective", "speed", "objective = 'speed': no such objective (there are: cost, latency)"),
    ("--budget", "nan", "budget = nan: give USD a month, 0 or more"),
    ("--budget", "-1", "budget = -1.0: give USD a month, 0 or more"),
    ("--budget", "inf", "budget = inf: give USD a month, 0 or more"),
])
def test_what_cannot_be_optimised_is_refused_before_anything_is_predicted(option: str, value: str, said: str) -> None:
    arguments = ["optimise", "nothing.json", "--run", "nowhere", "--slo", "p95 < 1 s", option, value]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, InputError) and str(error) == said


def test_today_s_line_says_what_it_misses(fitted: Fitted) -> None:
    arguments = ["optimise", *fitted.arguments, "--memory", "1024,3008", "--requests-per-month", "1e6"]
    output = CliRunner().invoke(app, [*arguments, "--slo", "p95 < 80 ms"], catch_exceptions=False).stdout
    assert "; misses p95 by " in output.splitlines()[0] and " more a month" in output.splitlines()[1]


def test_a_budget_is_a_limit_too(fitted: Fitted) -> None:
    arguments = ["optimise", *fitted.arguments, *GRID, "--slo", "p95 < 1 s", "--budget", "0.5"]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, NothingMeetsError) and "more than the budget of $0.50" in str(error)


def test_the_size_to_measure_next_is_said_with_what_it_may_save(fitted: Fitted) -> None:
    arguments = ["optimise", *fitted.arguments, *GRID, "--slo", "p95 < 1 s", "--requests-per-month", "20_000_000"]
    output = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert "measure next: Orders at 512 MB x86_64: expected to save $" in output
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert {size["function"] for size in document["next_sizes"]} == {"Orders", "Products"}
    assert all(size["saving_usd"] <= size["regret_usd"] for size in document["next_sizes"])
