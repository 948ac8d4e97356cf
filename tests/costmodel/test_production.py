"""The month's traffic that a window of production makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InsufficientDataError
from costmodel.production import read_traffic
from loadgen.measurements.production import Production, route_dimensions

Build = Callable[..., Any]
MINUTES = 1440


def two_days(build_window: Build, *, orders: float = 20.0, products: float = 40.0, hits: float = 0.0, **more: Any) -> Any:
    """Poisson counts by the minute: so many orders and products a minute, and what the cache answers."""
    rng, built = np.random.default_rng(3), build_window(days=2, **more)
    asked, listed, cached = (rng.poisson(mean, 2 * MINUTES).astype(float) for mean in (orders, products, hits))
    built.api("rest", "Count", *(asked + listed + cached))
    built.ran("Orders", *asked, mean_ms=30.0)
    built.ran("Products", *listed, mean_ms=20.0)
    return built


def test_each_function_s_routes_have_its_share_of_the_api_s_count(build_window: Build) -> None:
    found = read_traffic(two_days(build_window).write())
    assert found.kind == "rest" and found.configuration.api.kind == "rest"
    rates = {trigger: each.level_rps for trigger, each in found.by_trigger.items()}
    assert rates == {"GET /products": pytest.approx(40 / 60, rel=0.02), "POST /orders": pytest.approx(20 / 60, rel=0.02)}
    assert found.traffic.level_rps == pytest.approx(1.0, rel=0.02)
    assert found.notes == ()
    month = found.workload()
    assert month.cyclic and month.requests == pytest.approx(found.traffic.level_rps * 730 * 3600, rel=1e-6)


def test_what_no_function_ran_for_is_spread_and_said(build_window: Build) -> None:
    found = read_traffic(two_days(build_window, hits=30.0).write())
    assert sum(each.level_rps for each in found.by_trigger.values()) == pytest.approx(found.traffic.level_rps)
    assert any("its functions" in note and "share of the former" in note for note in found.notes)
    assert any("its functions" in note for note in found.workload().assumptions)


def test_detailed_metrics_tell_the_routes(build_window: Build) -> None:
    built = two_days(build_window, by_route=("rest",))
    api, deployment = built.asked.target.api("rest"), built.asked.target.deployment
    for route, count in zip(deployment.routes("rest"), (50.0, 10.0), strict=True):
        built.put(route_dimensions(api, route), "Count", *[count] * (2 * MINUTES))
    rates = {trigger: each.level_rps for trigger, each in read_traffic(built.write()).by_trigger.items()}
    assert rates["GET /products"] / rates["POST /orders"] == pytest.approx(5.0)


def test_the_busier_api_is_taken_and_the_other_is_named(build_window: Build) -> None:
    built = two_days(build_window)
    built.api("http", "Count", 5)
    assert any("HTTP API is left out" in note for note in read_traffic(built.write()).notes)


def test_hours_without_datapoints_are_hours_without_requests(build_window: Build) -> None:
    built = build_window(days=2)
    built.api("rest", "Count", *[60.0] * MINUTES)
    built.ran("Products", *[60.0] * MINUTES, mean_ms=20.0)
    found = read_traffic(built.write())
    assert found.traffic.level_rps == pytest.approx(0.5)
    assert any("1,440 periods had no datapoint" in note for note in found.traffic.notes)


def test_a_window_that_begins_without_requests_says_what_is_left_out(build_window: Build) -> None:
    built = build_window(days=3)
    requests = [0.0] * MINUTES + [60.0] * (2 * MINUTES)
    built.api("rest", "Count", *requests)
    built.ran("Products", *requests, mean_ms=20.0)
    production = built.write()
    frame = production.metrics()
    kept = frame[(frame["value"] > 0) | ~frame["metric"].isin(["Count", "Invocations"])]
    silent = type("Silent", (), {"asked": production.asked, "path": production.path, "metrics": lambda self: kept})()
    found = read_traffic(silent)
    assert found.traffic.level_rps == pytest.approx(1.0, rel=0.01)
    assert any("first 24 h have no request" in note for note in found.notes)


@pytest.mark.parametrize(("fill", "said"), [
    (lambda built: built.api("http", "Latency", 5), "no request of any API"),
    (lambda built: built.api("rest", "Count", 5), "no function ran"),
])
def test_a_window_that_says_too_little_is_refused(build_window: Build, fill: Callable[[Any], None], said: str) -> None:
    built = build_window()
    fill(built)
    with pytest.raises(InsufficientDataError, match=said):
        read_traffic(built.write())


def test_less_than_a_day_is_refused(build_window: Build) -> None:
    built = build_window(days=0.5)
    built.api("rest", "Count", 5)
    built.ran("Orders", 5, mean_ms=1.0)
    with pytest.raises(InsufficientDataError, match="at least a day"):
        read_traffic(built.write())


# The command line


def invoke(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).output


def test_compare_takes_its_traffic_and_today_s_setting_from_a_window(build_window: Build, fitted: Any) -> None:
    production: Production = two_days(build_window, orders=2.0, products=4.0).write()
    shown = json.loads(invoke("compare", str(fitted.model), "--run", str(production.path), "--replications", "1", "--json"))
    assert shown["today"] == production.asked.configurations["rest"].label
    assert any("The month is made from 2.0 days of counts." in each for each in shown["assumptions"])


def test_an_exported_window_begins_where_it_began(build_window: Build, tmp_path: Path) -> None:
    import pandas as pd

    production = two_days(build_window).write()
    invoke("export", str(production.path), "-o", str(tmp_path / "focus.csv"))
    rows = pd.read_csv(tmp_path / "focus.csv")
    assert set(pd.to_datetime(rows["ChargePeriodStart"])) == {pd.Timestamp(production.asked.start)}


def test_a_report_takes_its_month_from_a_window_and_its_checks_from_runs(
        build_window: Build, fitted: Any, tmp_path: Path) -> None:
    window = str(two_days(build_window, orders=2.0, products=4.0).write().path)
    shown = json.loads(invoke("report", str(fitted.model), "--run", window, "--run", str(fitted.today), "--slo", "p95 < 900 ms",
                              "--replications", "1", "-o", str(tmp_path / "plan.html"), "--json"))
    assert any("The month is made from 2.0 days of counts." in each for each in shown["assumptions"])
    assert "made from 2.0 days of counts" in (tmp_path / "plan.html").read_text(encoding="utf-8")
