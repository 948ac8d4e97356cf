from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.price_book import PRICES


def run(*words: str) -> str:
    return CliRunner().invoke(app, ["breakeven", *words], catch_exceptions=False).output


@pytest.fixture
def poor(tmp_path: Path) -> list[str]:
    """Options for a price book that knows neither API Gateway's requests, nor logs, nor public addresses."""
    folder = tmp_path / "poor"
    shutil.copytree(PRICES, folder)
    path = folder / "regions" / "us-east-1.json"
    book = json.loads(path.read_text(encoding="utf-8"))
    for service, item in (("apigateway", "rest_requests"), ("apigateway", "http_requests"), ("vpc", "public_ipv4_hour"),
                          ("cloudwatch", "logs_ingest_lambda_standard")):
        del book["services"][service][item]
    path.write_text(json.dumps(book), encoding="utf-8")
    return ["--prices", str(folder)]


def test_never_is_said_where_nothing_crosses() -> None:
    (row,) = [line for line in run("rest-http").splitlines() if line.startswith("REST = HTTP  ")]
    assert "never" in row and "always HTTP API" in row


def test_a_crossing_is_printed_with_its_cost_and_its_sides() -> None:
    (row,) = [line.split() for line in run("provisioned", "--cold-share", "0").splitlines() if "pays  " in line]
    assert "0.6000" in row and row[-7:] == ["on", "demand", "provisioned", "on", "demand", "at", "0.0381"]


def test_the_assumptions_stand_above() -> None:
    first = run("url-http", "--duration", "45", "--memory", "512").splitlines()[0]
    assert "us-east-1, 730 h a month, free tier off: 45 ms at 512 MB x86_64" in first


def test_all_questions_are_answered_with_the_floors_of_each_place() -> None:
    output = run()
    assert "not answered" not in output
    assert "before the first request nothing: REST API, HTTP API, function URL, no cache, Lambda" in output
    assert "cheapest by requests a month: Lambda from 0" in output
    assert "the cache saves a month by hit ratio: 0 %: -$14.60" in output


def test_json_has_the_crossing_exactly_and_the_curve() -> None:
    shown = json.loads(run("cache", "arm64", "--json"))
    (crossing,) = shown["answers"]["cache"]["crossings"]
    assert float(Fraction(crossing["exact"])) == crossing["at"]
    assert shown["answers"]["cache"]["difference_usd"][0] == {"at": 0.0, "usd": pytest.approx(-14.6)}
    assert shown["answers"]["arm64"]["here"] == {"at": 1.0, "cheaper": "arm64"}


def test_an_unknown_question_is_refused_with_the_known_ones() -> None:
    error = CliRunner().invoke(app, ["breakeven", "lunch"]).exception
    assert isinstance(error, InputError) and "there are: rest-http, url-http, cache" in str(error)


def test_a_question_by_name_without_its_price_is_an_error_and_else_it_is_said(poor: list[str]) -> None:
    asked = CliRunner().invoke(app, ["breakeven", "rest-http", *poor])
    assert isinstance(asked.exception, PriceMissingError)
    output = run(*poor)
    assert "not answered: rest-http: apigateway rest_requests, apigateway http_requests: the price book has no price" in output
    assert any(line.startswith("arm64 pays") and "1.2500" in line for line in output.splitlines())
    assert "arm64 pays: left out of both sides, which use it alike and have no full price for it: cloudwatch logs" in output


def test_a_place_without_prices_is_not_among_the_cheapest_and_it_is_said(poor: list[str]) -> None:
    output = run("--log-bytes", "0", *poor)
    assert "cheapest by requests a month: without prices, hence not compared: Lambda, Lambda + ALB, Fargate, EC2" in output
    assert "Lambda from 0" not in output


def test_of_several_questions_those_that_have_prices_are_answered(poor: list[str]) -> None:
    shown = json.loads(run("arm64", "rest-http", *poor, "--json"))
    assert list(shown["answers"]) == ["arm64"] and list(shown["unanswered"]) == ["rest-http"]


def test_a_price_book_that_was_refreshed_is_used(tmp_path: Path) -> None:
    shutil.copytree(PRICES, tmp_path / "prices")
    book = tmp_path / "prices" / "regions" / "us-east-1.json"
    book.write_text(book.read_text(encoding="utf-8").replace("0.0000133334", "0.0000083333"), encoding="utf-8")
    assert "2.0000" in run("arm64", "--cold-share", "0", "--prices", str(tmp_path / "prices"))


def test_floors_are_said_component_by_component() -> None:
    output = run("alb", "fargate")
    assert "before the first request Lambda + ALB $23.73 a month: vpc public_ipv4_hour $7.30 + alb hour $16.43" in output
    assert "before the first request Fargate $95.81 a month: fargate vcpu_x86_64 $59.10 + fargate memory_x86_64 $12.98" in output


def test_a_kb_is_1024_bytes_as_in_a_usage_file() -> None:
    shown = run("rest-http", "--request-kb", "0", "--response-kb", "512")
    assert "512 KB out (KB = 1,024 B)" in shown and "1 unit of 512 KB" in shown
    assert "2 units of 512 KB" in run("rest-http", "--request-kb", "0", "--response-kb", "512.1")


def test_each_crossing_in_json_has_both_sides_item_by_item() -> None:
    (crossing,) = json.loads(run("fargate", "--json"))["answers"]["fargate"]["crossings"]
    assert sum(crossing["left_items_usd"].values()) == pytest.approx(crossing["usd"])
    assert sum(crossing["right_items_usd"].values()) == pytest.approx(crossing["right_usd"]) == pytest.approx(crossing["usd"])
    assert crossing["right_items_usd"]["vpc public_ipv4_hour"] == pytest.approx(7.30)


def test_many_crossings_are_cut_short_in_the_table_and_jumps_explained() -> None:
    output = run("managed-instances", "--whole", "--architecture", "arm64", "--savings-plan", "1")
    rows = [line for line in output.splitlines() if line.startswith("Lambda = managed instances  ")]
    assert len(rows) == 6 and "23 more" in output
    assert "two amounts: there a side jumps" in output and "whole ones" in output


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_chart_is_drawn(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"chart{suffix}"
    run("cache", "fargate", "--chart", str(path))
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_a_chart_of_another_kind_is_refused(tmp_path: Path) -> None:
    error = CliRunner().invoke(app, ["breakeven", "arm64", "--chart", str(tmp_path / "chart.doc")]).exception
    assert isinstance(error, InputError) and "a chart is a .png or .svg file" in str(error)


def test_the_slowdown_can_be_a_model_s(fitted: Any) -> None:
    output = run("arm64", "--model", str(fitted.model), "--function", "Orders", "--memory", "256")
    assert "of Orders at 256 MB by" in output and "arm64 is" in output
    error = CliRunner().invoke(app, ["breakeven", "arm64", "--model", str(fitted.model)]).exception
    assert isinstance(error, InputError) and "--function: which of the model's: " in str(error)


def test_an_arm_run_needs_the_x86_run() -> None:
    error = CliRunner().invoke(app, ["breakeven", "--arm-run", "runs/arm"]).exception
    assert isinstance(error, InputError) and "--arm-run: needs --run" in str(error)
