from __future__ import annotations

import json
from fractions import Fraction

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, PriceMissingError


def run(*words: str) -> str:
    return CliRunner().invoke(app, ["breakeven", *words], catch_exceptions=False).output


def test_never_is_said_where_nothing_crosses() -> None:
    (row,) = [line for line in run("rest-http").splitlines() if line.startswith("REST = HTTP")]
    assert "never" in row and "always HTTP API" in row


def test_a_crossing_is_printed_with_its_cost_and_its_sides() -> None:
    (row,) = [line.split() for line in run("provisioned", "--cold-share", "0").splitlines() if "pays" in line]
    assert "0.6000" in row and row[-3:] == ["on", "demand", "provisioned"]


def test_the_assumptions_stand_above() -> None:
    first = run("url-http", "--duration", "45", "--memory", "512").splitlines()[0]
    assert "us-east-1, 730 h a month, free tier off: 45 ms at 512 MB x86_64" in first


def test_all_questions_are_answered_with_the_floors_of_each_place() -> None:
    output = run()
    assert "not answered" not in output
    assert "before the first request a month costs: Lambda $0.00, Lambda + ALB $23.73, Fargate $95.81" in output
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


def test_a_question_by_name_without_its_price_is_an_error_and_else_it_is_said() -> None:
    asked = CliRunner().invoke(app, ["breakeven", "rest-http", "--region", "sa-east-1"])
    assert isinstance(asked.exception, PriceMissingError)
    assert "not answered: rest-http: apigateway rest_requests" in run("--region", "sa-east-1")


def test_an_arm_run_needs_the_x86_run() -> None:
    error = CliRunner().invoke(app, ["breakeven", "--arm-run", "runs/arm"]).exception
    assert isinstance(error, InputError) and "--arm-run: needs --run" in str(error)
