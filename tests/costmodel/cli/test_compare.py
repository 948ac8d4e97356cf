from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError

Fitted = Any
GRID = ["--api", "rest", "--memory", "256,512,1024", "--architecture", "x86_64,arm64"]


def _compared(fitted: Fitted, *options: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["compare", *fitted.arguments, *options, "--json"], catch_exceptions=False)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_grid_of_the_options_is_compared_with_today_s_first(fitted: Fitted) -> None:
    document = _compared(fitted, *GRID, "--requests-per-month", "1e6")
    labels = [candidate["label"] for candidate in document["candidates"]]
    assert document["today"] == labels[0] == "REST 1024 MB"
    assert set(labels) == {f"REST {size} MB{cpu}" for size in (256, 512, 1024) for cpu in ("", " arm64")}
    today = document["candidates"][0]
    assert today["measured"] and today["usd_per_month"] == pytest.approx(today["usd_per_million"], rel=1e-6)
    assert today["p50_ms"] == pytest.approx(72, rel=0.1)
    assert any("1,000,000 requests" in line for line in document["assumptions"])


def test_provisioned_concurrency_and_caches_are_lists_too(fitted: Fitted) -> None:
    labels = {candidate["label"] for candidate in _compared(fitted, "--memory", "1024", "--cache", "none,0.5")["candidates"]}
    assert labels == {"REST 1024 MB", "REST 1024 MB cache0.5"}


def test_the_table_is_printed_cheapest_first_with_its_assumptions(fitted: Fitted) -> None:
    result = CliRunner().invoke(app, ["compare", *fitted.arguments, *GRID], catch_exceptions=False)
    lines = [line for line in result.stdout.splitlines() if line.startswith("REST") and "$" in line]
    monthly = [float(line.split("$")[1].split()[0].replace(",", "")) for line in lines]
    assert len(lines) == 6 and monthly == sorted(monthly)
    assert "today, measured" in next(line for line in lines if line.startswith("REST 1024 MB  "))
    assert "List prices of us-east-1" in result.stdout


@pytest.mark.parametrize(("option", "value"), [
    ("--memory", "256,big"), ("--api", "soap"), ("--architecture", "riscv"), ("--cache", "small"),
])
def test_a_value_that_cannot_be_read_is_refused_by_its_option(fitted: Fitted, option: str, value: str) -> None:
    error = CliRunner().invoke(app, ["compare", *fitted.arguments, option, value]).exception
    assert isinstance(error, InputError) and str(error).startswith(f"{option} = {value!r}")


def test_a_missing_model_is_refused(fitted: Fitted) -> None:
    error = CliRunner().invoke(app, ["compare", "nothing.json", "--run", str(fitted.today)]).exception
    assert isinstance(error, InputError) and "nothing.json" in str(error)


def test_a_cache_without_a_rest_api_is_refused(fitted: Fitted) -> None:
    error = CliRunner().invoke(app, ["compare", *fitted.arguments, "--api", "http", "--cache", "0.5"]).exception
    assert isinstance(error, InputError) and str(error).startswith("--cache = '0.5': only a REST API has a cache")


def test_the_http_api_is_compared_without_the_cache_of_the_rest_api(fitted: Fitted) -> None:
    from costmodel.performance.model import PerformanceModel

    model = PerformanceModel.load(fitted.model)
    replace(model, overheads={**model.overheads, "http": model.overheads["rest"]}).save(fitted.model)
    document = _compared(fitted, "--memory", "1024", "--api", "rest,http", "--cache", "0.5")
    assert [each["label"] for each in document["candidates"]] == ["REST 1024 MB", "REST 1024 MB cache0.5", "HTTP 1024 MB"]


def test_provisioned_concurrency_that_a_function_cannot_have_is_said(fitted: Fitted) -> None:
    document = _compared(fitted, "--memory", "1024", "--provisioned", "0,2")
    assert "Orders has no alias, hence no provisioned concurrency: it stays at 0." in document["assumptions"]
