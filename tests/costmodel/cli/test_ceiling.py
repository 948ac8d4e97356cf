from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError, PriceMissingError
from costmodel.pricing.price_book import PRICES
from loadgen.errors import TemplateError

SHOP = "scenarios/shop/template.yaml"


def run(*words: str) -> str:
    return CliRunner().invoke(app, ["ceiling", *words], catch_exceptions=False).output


def test_the_worst_hour_and_day_are_printed_with_what_binds() -> None:
    lines = run(SHOP).splitlines()
    assert lines[0].startswith("at most $") and " an hour, $" in lines[0] and " a day (us-east-1; apigateway $126.00" in lines[0]
    (gateway,) = [line for line in lines if line.startswith("the account's API Gateway limit")]
    assert "10,000" in gateway and "$0.0181" in gateway


def test_a_cap_names_the_setting_that_is_enough() -> None:
    output = run(SHOP, "--cap", "5")
    assert "to stay at $5.00 an hour, one of these is enough:" in output
    assert "the same throttle of each stage" in output


def test_it_is_said_when_no_single_setting_is_enough(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("""
Resources:
  A: {Type: "AWS::Lambda::Function", Properties: {Runtime: python3.13, Handler: a.b, Code: {ZipFile: x}}}
  B:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.13, Handler: a.b, Code: {ZipFile: x}, ReservedConcurrentExecutions: 500}
""")
    output = run(str(template), "--cap", "0")
    assert "the same reserved concurrency of each function" in output
    shown = json.loads(run(str(template), "--cap", "0", "--json"))
    assert [cap["value"] for cap in shown["caps"]] == [0, None, None]


def test_json_has_limits_flows_and_caps() -> None:
    shown = json.loads(run(SHOP, "--json", "--gateway-rps", "100"))
    assert shown["usd_per_day"] == pytest.approx(24 * shown["usd_per_hour"], rel=0.1)
    assert any(limit["binds"] for limit in shown["limits"])
    assert shown["caps"] and shown["assumed"]["response_bytes"] == 10_240


def test_wrong_options_are_refused_in_one_line() -> None:
    for words, message in (((SHOP, "--parameter", "Memory"), "--parameter = 'Memory': give Name=value"),
                           ((SHOP, "--cap", "-1"), "--cap = -1.0: give 0"),
                           ((SHOP, "--response-kb", "-1"), "response_bytes = -1024")):
        error = CliRunner().invoke(app, ["ceiling", *words]).exception
        assert isinstance(error, InputError) and message in str(error)
    error = CliRunner().invoke(app, ["ceiling", "no.yaml"]).exception
    assert isinstance(error, TemplateError)


def test_a_price_book_of_one_s_own_counts(tmp_path: Path) -> None:
    own = tmp_path / "prices"
    shutil.copytree(PRICES, own)
    assert run(SHOP, "--prices", str(own)) == run(SHOP)
    with pytest.raises(PriceMissingError):
        run(SHOP, "--prices", str(tmp_path / "none"))


def test_event_sources_of_a_template_limit_it(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("""
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: x
      Handler: a.b
      Runtime: python3.13
      Events: {Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, ScalingConfig: {MaximumConcurrency: 5}}}}
  Jobs: {Type: AWS::SQS::Queue}
  Shared: {Type: AWS::Serverless::Application, Properties: {Location: ./shared.yaml}}
""", encoding="utf-8")
    output = run(str(template))
    assert "not in it: Shared (AWS::Serverless::Application) at ./shared.yaml: a template of its own" in output
    assert "maximum concurrency of SQS queue Jobs" in output
    shown = json.loads(run(str(template), "--json"))
    assert [limit["name"] for limit in shown["limits"] if limit["binds"]] == ["maximum concurrency of SQS queue Jobs"]
    assert shown["notes"]
