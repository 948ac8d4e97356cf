from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.errors import InputError
from loadgen.errors import TemplateError

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Size: {Type: Number}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: x
      Handler: a.b
      Runtime: python3.13
      MemorySize: !Ref Size
      Events: {A: {Type: HttpApi, Properties: {Path: /a, Method: get}}}
  Nat: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: x}}
  Odd: {Type: AWS::Odd::Thing}
"""
OPTIONS = ("--rps", "10", "--duration", "50ms", "--parameter", "Size=512")


@pytest.fixture
def template(tmp_path: Path) -> str:
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE, encoding="utf-8")
    return str(file)


def run(*words: str) -> str:
    return CliRunner().invoke(app, ["price", *words], catch_exceptions=False).output


def test_the_bill_is_a_tree_by_resource_with_origins_and_ranges(template: str) -> None:
    lines = run(template, *OPTIONS).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("ServerlessHttpApi"))
    assert "–" in lines[at]
    assert "├─ http_requests" in lines[at + 1] and "26,280,000" in lines[at + 1] and lines[at + 1].rstrip().endswith("given")
    assert "└─ internet" in lines[at + 2] and lines[at + 2].rstrip().endswith("assumed")
    assert "us-east-1, a month of 730 h" in lines
    assert any(line.startswith("not on the bill: Odd (AWS::Odd::Thing)") for line in lines)


def test_a_parameter_without_a_value_is_asked_for(template: str) -> None:
    with pytest.raises(TemplateError, match="parameter Size has no default: give --parameter Size=value"):
        run(template)


def test_json_has_the_parts_and_their_bounds(template: str) -> None:
    shown = json.loads(run(template, *OPTIONS, "--json"))
    assert shown["low_usd"] < shown["total_usd"] < shown["high_usd"]
    (nat,) = [resource for resource in shown["resources"] if resource["resource"] == "Nat"]
    assert nat["type"] == "AWS::EC2::NatGateway" and nat["usd"] == pytest.approx(32.85)
    assert {part["origin"] for resource in shown["resources"] for part in resource["parts"]} == {"given", "assumed"}


def test_a_change_is_markdown_with_the_resources_that_changed(template: str, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text(TEMPLATE.replace("!Ref Size", "1024").replace("  Nat:", "  Gateway:"), encoding="utf-8")
    lines = run("--diff", template, str(new), *OPTIONS).splitlines()
    assert lines[0].startswith("### Monthly cost: $") and "+$" in lines[0]
    assert "| Gateway | — | $32.85 | +$32.85 |" in lines
    assert "| Nat | $32.85 | — | −$32.85 |" in lines
    assert not any(line.startswith("| ServerlessHttpApi") for line in lines)


def test_a_usage_file_prices_the_template_s_resources(template: str, tmp_path: Path) -> None:
    usage = tmp_path / "usage.toml"
    usage.write_text("[F]\nrequests = 3_000_000\nduration_ms = 120\n", encoding="utf-8")
    output = run(template, "--usage", str(usage), "--parameter", "Size=1536")
    assert "540,000" in output
    assert "not on the bill: ServerlessHttpApi: its requests are not known" in output


@pytest.mark.parametrize(("options", "message"), [
    (("--rps", "10"), "give both"), (("--duration", "fast", "--rps", "1"), "--duration = 'fast': give it as 45ms"),
    (("--usage", "no.toml"), r"no\.toml: no such file"), (("--parameter", "Size"), "--parameter = 'Size'")])
def test_wrong_options_are_refused(options: tuple[str, ...], message: str, template: str) -> None:
    with pytest.raises(InputError, match=message):
        run(template, *options)


CONDITIONAL = """
Parameters: {Size: {Type: Number}}
Conditions: {Never: !Equals [a, b]}
Resources:
  Nat: {Type: AWS::EC2::NatGateway, Condition: Never}
  Stream: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: !Ref Size}}
"""


def test_conditions_and_parameters_decide_what_stands(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text(CONDITIONAL)
    shown = CliRunner().invoke(app, ["price", str(path), "--parameter", "Size=8", "--json"], catch_exceptions=False).stdout
    assert json.loads(shown)["total_usd"] == pytest.approx(8 * 730 * 0.015)


def test_a_change_that_adds_a_parameter_is_priced(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("Resources:\n  Stream: {Type: AWS::Kinesis::Stream}\n")
    new.write_text(CONDITIONAL)
    arguments = ["price", "--diff", str(old), str(new), "--parameter", "Size=8"]
    assert "+$76.65" in CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_the_free_tier_is_taken_off_a_template_too() -> None:
    arguments = ["price", "scenarios/shop/template.yaml", "--rps", "1", "--duration", "50ms", "--json"]
    without, taken = (json.loads(CliRunner().invoke(app, [*arguments, *more], catch_exceptions=False).stdout)["total_usd"]
                      for more in ((), ("--free-tier",)))
    assert taken < without
