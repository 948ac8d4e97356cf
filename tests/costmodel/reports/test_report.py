"""The report as text; in a browser in tests/pipeline."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from costmodel.accuracy import check
from costmodel.performance.model import PerformanceModel
from costmodel.planning.comparison import compare
from costmodel.planning.optimiser import optimise
from costmodel.planning.plan import Plan
from costmodel.pricing.price_book import PriceBook
from costmodel.reports.report import figure, render_report, usd, write_report
from costmodel.workload import Workload
from loadgen.configuration import grid
from loadgen.measurements.run import Run
from loadgen.slo import SLO

BOOK = PriceBook.load("us-east-1")
Fitted = Any


@pytest.fixture
def run(fitted: Fitted) -> Run:
    return Run(fitted.today)


@pytest.fixture
def model(fitted: Fitted) -> PerformanceModel:
    return PerformanceModel.load(fitted.model)


@pytest.fixture
def plan(model: PerformanceModel, run: Run) -> Plan:
    candidates = grid(model.deployment, memory_mb=(256, 512, 2048))
    comparison = compare(model, Workload.from_run(run).scaled(1_000_000), candidates, BOOK,
                         today=run.intent.configuration, replications=2)
    return optimise(comparison, SLO.parse("p95 < 200 ms"))


def test_it_is_one_file_that_loads_nothing_and_runs_nothing(plan: Plan, run: Run, model: PerformanceModel) -> None:
    html = render_report(plan, [run], model=model)
    assert "<script" not in html
    assert re.findall(r'(?:src|href|xlink:href)="(?!#)([^"]*)"', html) == []
    assert "@import" not in html and "url(http" not in html


def test_the_same_plan_gives_the_same_bytes(plan: Plan, run: Run, model: PerformanceModel) -> None:
    assert render_report(plan, [run], model=model) == render_report(plan, [run], model=model)


def test_every_candidate_is_there_with_why_it_lost_and_what_it_rests_on(
        plan: Plan, run: Run, model: PerformanceModel) -> None:
    html = render_report(plan, [run], model=model)
    table = html[html.index('id="candidates"'):html.index('id="bill"')]
    for candidate in plan.comparison.candidates:
        assert candidate.label in table
    assert table.count("<tr") == 1 + len(plan.comparison.candidates)
    assert "extrapolated" in table and "measured" in table and "the choice" in table


def test_a_caveat_of_many_candidates_is_said_once(plan: Plan, run: Run, model: PerformanceModel) -> None:
    html = render_report(plan, [run], model=model)
    notes = html[html.index('id="assumptions"'):html.index('id="provenance"')]
    lines = re.findall("<li>(.*?)</li>", notes)
    assert len(lines) == len(set(lines)) == len(plan.comparison.notes)


def test_the_checks_stand_beside_what_was_measured(plan: Plan, run: Run, model: PerformanceModel) -> None:
    checks = check(run, model, BOOK, replications=2)
    html = render_report(plan, [run], model=model, checks=checks)
    table = html[html.index('id="accuracy"'):]
    assert all(each.difference in table for each in checks)
    assert 'id="accuracy"' not in render_report(plan, [run], model=model)


def test_names_are_escaped(plan: Plan, run: Run, model: PerformanceModel) -> None:
    from costmodel.accuracy import Check

    html = render_report(plan, [run], model=model, checks=[Check("<b>x", "p95", "ms", 1.0, 1.0)])
    assert "<td>&lt;b&gt;x</td>" in html


def test_it_is_written_where_asked_folders_and_all(plan: Plan, run: Run, model: PerformanceModel, tmp_path: Path) -> None:
    path = write_report(plan, [run], tmp_path / "a" / "b" / "plan.html", model=model)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(("amount", "shown"), [(0, "$0.00"), (1234.5, "$1,234.50"), (0.012345, "$0.01235")])
def test_amounts(amount: float, shown: str) -> None:
    assert usd(amount) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "unknown"), (float("nan"), "unknown"), (1.23456, "1.235"),
                                              (12345.6, "12,346")])
def test_figures(value: float | None, shown: str) -> None:
    assert figure(value) == shown
