"""What `price` says of a window's traffic beside its bill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.cli.windows import traffic_lines, window_traffic
from costmodel.production import read_traffic
from loadgen.measurements.production import Production

Build = Callable[..., Any]


def invoke(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).output


@pytest.fixture
def two_days(build_window: Build) -> Production:
    """A request a second, Poisson by the minute."""
    built, requests = build_window(days=2), np.random.default_rng(3).poisson(60.0, 2880).astype(float)
    built.api("rest", "Count", *requests)
    built.ran("Products", *requests, mean_ms=20.0)
    written: Production = built.write()
    return written


def test_price_tells_the_traffic_beside_the_bill(two_days: Production) -> None:
    shown = json.loads(invoke("price", str(two_days.path), "--json"))
    peak = shown["traffic"]["peak_minute"]
    assert shown["total_usd"] > 0 and shown["traffic"]["api"] == "rest"
    assert 60 < peak["low"] <= peak["value"] <= peak["high"] < 200, "two days tell neither growth nor a weekend"
    lines = [line for line in invoke("price", str(two_days.path)).splitlines() if line.startswith("traffic: ")]
    assert "REST API measured" in lines[0] and "a second; x " in lines[0]
    assert any("The month is made from 2.0 days of counts." in line for line in lines)


def test_the_month_and_its_busiest_minute_have_a_unit_an_interval_and_an_origin(two_days: Production) -> None:
    traffic = window_traffic(two_days.path)
    assert traffic is not None
    month, expected = traffic["month_requests"], read_traffic(two_days).traffic.month_requests()
    assert month == {"value": expected.value, "low": expected.low, "high": expected.high, "level": 0.9}
    assert month["value"] == pytest.approx(730 * 3600, rel=0.02)
    lines = list(traffic_lines({**traffic, "month_requests": {"value": 2_628_000.4, "low": 2_000_000.0, "high": 3_100_000.0},
                                "peak_minute": {"value": 104.0, "low": 98.0, "high": 131.0}}))
    assert lines[1:3] == ["traffic: next month of 730 h, predicted: 2,628,000 requests (90 %: 2,000,000 to 3,100,000)",
                          "traffic: busiest minute of the next month, predicted: 104 requests (90 %: 98 to 131)"]


def test_a_short_window_says_why_there_is_no_traffic(build_window: Build) -> None:
    built = build_window(days=0.5)
    built.api("rest", "Count", 5)
    built.ran("Orders", 5, mean_ms=1.0)
    assert "traffic: not known: traffic: 12.0 h of counts" in invoke("price", str(built.write().path))


def test_what_is_no_window_has_no_traffic(tmp_path: Path) -> None:
    assert window_traffic(tmp_path) is None
