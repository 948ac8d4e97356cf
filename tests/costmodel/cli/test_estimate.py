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
    assert "| Gateway | — | $32.85 | +$32.85 | added |" in lines
    assert "| Nat | $32.85 | — | −$32.85 | removed |" in lines
    assert any(line.startswith("- Nat → Gateway: the same type at the same cost") for line in lines)
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


def price_of(tmp_path: Path, text: str, *words: str, name: str = "template.yaml") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return run(str(path), *words)


@pytest.mark.parametrize(("text", "said"), [
    ("Resources:\n  F: {Type: AWS::SQS::Queue\n", r"template\.yaml: not valid YAML: line 3, column 1"),
    ("Resource:\n  F: {Type: AWS::SQS::Queue}\n", "not a template: it has no Resources"),
    ("just: [a\n", "not valid YAML"),
])
def test_a_broken_template_is_told_by_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=said):
        price_of(tmp_path, text, "--rps", "1", "--duration", "5ms")


def test_a_template_on_one_line_of_json_is_one(tmp_path: Path) -> None:
    assert "$1.00" in price_of(tmp_path, '{"Resources":{"Key":{"Type":"AWS::KMS::Key"}}}', name="template.json")


def test_all_parameters_without_a_value_are_asked_for_at_once(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="parameters A, B have no default: give --parameter A=value --parameter B=value"):
        price_of(tmp_path, "Parameters: {A: {Type: String}, B: {Type: String}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n")


EVENTS = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Tracing: Active}}
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: x
      Handler: a.b
      Runtime: python3.13
      MemorySize: "{{resolve:ssm:/app/memory}}"
      Events:
        Tick: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
  Front:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: x, Handler: a.b, Runtime: python3.13, FunctionUrlConfig: {AuthType: NONE}}
  Jobs: {Type: AWS::SQS::Queue}
  Other: {Type: AWS::Serverless::Application, Properties: {Location: ./other.yaml}}
"""


def test_a_template_of_events_is_priced_and_what_is_not_known_is_named(tmp_path: Path) -> None:
    output = price_of(tmp_path, EVENTS, "--rps", "10", "--duration", "50ms")
    assert "given by the template: WorkerTick invokes Worker 8,760 times" in output
    assert "Worker.MemorySize = {{resolve:ssm:/app/memory}}: not a number that can be known offline: 1,024 MB is taken" in output
    assert "Worker: its invocations by SQS queue Jobs are not known" in output
    assert "Other (AWS::Serverless::Application) at ./other.yaml: a template of its own" in output
    assert "traces_recorded" in output and "X-Ray samples 1 request a second" in output
    assert "FrontUrl" in output


def test_a_misspelt_table_of_a_usage_file_is_suggested(template: str, tmp_path: Path) -> None:
    usage = tmp_path / "usage.toml"
    usage.write_text("[Natt]\nprocessed_gb = 1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"\[Natt\]: the template has no such resource \(did you mean Nat\?\)"):
        run(template, "--usage", str(usage), "--parameter", "Size=512")


def test_traffic_without_a_route_is_said_to_be_taken_by_none(tmp_path: Path) -> None:
    output = price_of(tmp_path, "Resources: {Q: {Type: AWS::SQS::Queue}}\n", "--rps", "10", "--duration", "5ms")
    assert "given: 10 requests/s, but no route of the template takes them" in output


def test_a_change_as_json_has_both_estimates_and_the_changes(template: str, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text(TEMPLATE.replace("!Ref Size", "1024").replace("  Nat:", "  Gateway:"), encoding="utf-8")
    shown = json.loads(run("--diff", template, str(new), *OPTIONS, "--json"))
    assert shown["change_usd"] == pytest.approx(shown["new"]["total_usd"] - shown["old"]["total_usd"])
    changes = {change["resource"]: change for change in shown["changes"]}
    assert changes["Nat"]["new_usd"] is None and changes["Gateway"]["old_usd"] is None and "F" in changes


def test_templates_of_one_name_are_told_apart_by_their_paths(template: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    new = tmp_path / "new" / "template.yaml"
    new.write_text(TEMPLATE, encoding="utf-8")
    assert f"| resource | {template} | {new} | change | |" in run("--diff", template, str(new), *OPTIONS)
