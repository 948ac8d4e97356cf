from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from costmodel.cli import app

Fitted = Any


def test_predictions_of_the_asked_configurations_with_intervals_and_caveats(fitted: Fitted) -> None:
    arguments = ["predict", *fitted.arguments, "--memory", "512,1024,2048", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    assert [each["configuration"] for each in found] == ["REST 512 MB", "REST 1024 MB", "REST 2048 MB"]
    small, measured, large = found
    assert small["latency"]["all"]["p50_ms"] > measured["latency"]["all"]["p50_ms"] > 60
    assert measured["intervals"]["p95_ms"]["low"] <= measured["latency"]["all"]["p95_ms"]
    assert any("2048 MB is extrapolated" in caveat for caveat in large["caveats"])


def test_the_table_has_no_price(fitted: Fitted) -> None:
    output = CliRunner().invoke(app, ["predict", *fitted.arguments, "--memory", "2048"], catch_exceptions=False).stdout
    assert output.splitlines()[0].split()[:3] == ["configuration", "p50", "ms"]
    assert "REST 2048 MB" in output and "extrapolated" in output and "$" not in output


def test_of_the_sizes_asked_for_it_says_which_to_measure_next(fitted: Fitted) -> None:
    output = CliRunner().invoke(app, ["predict", *fitted.arguments, "--memory", "1024,2048"], catch_exceptions=False).stdout
    assert "measure next: Products at 2048 MB x86_64" in output
    measured = CliRunner().invoke(app, ["predict", *fitted.arguments, "--memory", "1024"], catch_exceptions=False).stdout
    assert "measure next" not in measured
