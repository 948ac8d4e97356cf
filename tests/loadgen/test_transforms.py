"""Loops are run, SAM is translated, and what only the account knows is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.errors import TemplateError
from loadgen.template import read_template, survey

LOOP = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters: {Sizes: {Type: CommaDelimitedList, Default: "256, 512"}}
Resources:
  Fn::ForEach::Functions:
    - Size
    - !Ref Sizes
    - F${Size}:
        Type: AWS::Serverless::Function
        Properties: {InlineCode: x, Handler: a.b, Runtime: python3.13, MemorySize: !Ref Size, Description: "of ${Size} MB"}
  Fn::ForEach::Queues:
    - Name
    - [a-b, "1.5"]
    - Queue&{Name}: {Type: AWS::SQS::Queue, Properties: {QueueName: "${Name}"}}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_loop_makes_its_body_once_a_value(tmp_path: Path) -> None:
    path = written(tmp_path, LOOP)
    assert {name: of.memory_mb for name, of in read_template(path).functions.items()} == {"F256": 256, "F512": 512}
    assert {"Queueab", "Queue15"} <= survey(path).resources.keys()
    assert survey(path).resources["Queueab"] == ("AWS::SQS::Queue", {"QueueName": "a-b"})
    assert list(read_template(path, {"Sizes": "1024"}).functions) == ["F1024"]


def test_a_loop_within_a_loop_is_run_too(tmp_path: Path) -> None:
    path = written(tmp_path, """
Resources:
  Fn::ForEach::Outer:
    - A
    - [x, y]
    - Fn::ForEach::Inner: [B, [p, q], {"T${A}${B}": {Type: AWS::SNS::Topic}}]
""")
    assert list(survey(path).resources) == ["Txp", "Txq", "Typ", "Tyq"]


@pytest.mark.parametrize(("argument", "said"), [
    ("[A, [x]]", "Fn::ForEach::L: give [identifier, [values], {key: body}]"),
    ("[A, !Ref Nothing, {'T${A}': {Type: X}}]", "Ref Nothing: the template has no parameter Nothing"),
    ("[A, !Split [',', !ImportValue x], {'T${A}': {Type: X}}]", "its values are not known offline: write them out"),
])
def test_a_loop_that_cannot_be_run_is_refused_by_name(tmp_path: Path, argument: str, said: str) -> None:
    with pytest.raises(TemplateError) as refused:
        survey(written(tmp_path, f"Resources:\n  Fn::ForEach::L: {argument}\n"))
    assert said in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [
    ("Resources:\n  A: just text\n", "resource A = just text: give it a Type and Properties"),
    ("Resources:\n  A: {Properties: {}}\n", "resource A = "),
    ("Resources:\n  A: {Type: AWS::SQS::Queue, Properties: [x]}\n", "A.Properties: not understood: give a mapping"),
    ("Parameters: [x]\nResources: {A: {Type: X}}\n", "Parameters: give a mapping"),
    ("Resources:\n  A:\n\tType: x\n", "not valid YAML: line 3, column 1: "),
])
def test_a_template_of_another_form_gets_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TemplateError) as refused:
        survey(written(tmp_path, text))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_macros_and_inclusions_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    found = survey(written(tmp_path, """
Transform: [Shout, {Name: "AWS::Include", Parameters: {Location: s3://a/top.yaml}}]
Resources:
  Fn::Transform: {Name: "AWS::Include", Parameters: {Location: s3://a/more.yaml}}
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Body: {"Fn::Transform": {Name: "AWS::Include", Parameters: {Location: s3://a/b}}}}}
  F: {Type: AWS::Lambda::Function, Properties: {Runtime: python3.13}}
"""))
    said = [str(doubt) for doubt in found.doubts]
    assert any(each.startswith("Transform Shout: a macro") for each in said)
    assert "Fn::Transform: Fn::Transform AWS::Include s3://a/more.yaml: what it adds is not known here" in said[2]
    assert any(each.startswith("Api: Fn::Transform AWS::Include s3://a/b") for each in said)
    assert list(found.deployment.functions) == ["F"]


DOUBTFUL = """
Parameters: {Path: {Type: "AWS::SSM::Parameter::Value<String>", Default: /app/memory}}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {MemorySize: !ImportValue memory, Timeout: "{{resolve:ssm:/app/timeout}}", Architectures: [!ImportValue a]}
  G: {Type: AWS::Lambda::Function, Properties: {MemorySize: !Ref Path, ReservedConcurrentExecutions: !ImportValue r}}
"""


def test_what_only_the_account_knows_is_a_doubt_with_its_setting_and_a_default(tmp_path: Path) -> None:
    path = written(tmp_path, DOUBTFUL)
    found = survey(path)
    settings = {(getattr(doubt, "resource", None), getattr(doubt, "setting", None)) for doubt in found.doubts}
    assert settings == {("F", "MemorySize"), ("F", "Timeout"), ("F", "Architectures"), ("G", "MemorySize"),
                        ("G", "ReservedConcurrentExecutions")}
    assert found.deployment.functions["F"].memory_mb == 128 and found.deployment.functions["G"].reserved is None
    assert survey(path, {"Path": "512"}).deployment.functions["G"].memory_mb == 512
    with pytest.raises(TemplateError):
        read_template(path)


def test_function_urls_are_front_doors_of_a_survey(tmp_path: Path) -> None:
    found = survey(written(tmp_path, """
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: x, Handler: a.b, Runtime: python3.13, FunctionUrlConfig: {AuthType: NONE}}
""")).deployment
    assert found.api("url").name == "FUrl"
    assert [(route.api, route.function) for route in found.triggers] == [("FUrl", "F")]


def test_sam_resources_are_translated_without_the_transform_too(tmp_path: Path) -> None:
    text = "Resources:\n  F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, Handler: a.b, Runtime: python3.13}}\n"
    assert list(read_template(written(tmp_path, text)).functions) == ["F"]


def test_a_route_to_a_function_elsewhere_is_a_doubt(tmp_path: Path) -> None:
    found = survey(written(tmp_path, """
Resources:
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  To:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Http, IntegrationType: AWS_PROXY, IntegrationUri: "arn:aws:lambda:us-east-1:123456789012:function:other"}
  Route: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: GET /a, Target: !Sub "integrations/${To}"}}
"""))
    assert "no function of this template, but Http GET /a invokes it" in str(found.doubts[0])


def test_all_parameters_without_a_value_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"parameter A: it has no default: give its value \(and that of B\)") as asked:
        survey(written(tmp_path, "Parameters: {A: {Type: String}, B: {Type: String}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n"))
    assert vars(asked.value)["parameters"] == ("A", "B")


@pytest.mark.parametrize(("expression", "size"), [
    ("!Select [1, [128, 256]]", 256), ("!Select [0, !Split [',', '512,1024']]", 512), ("!Select [1, !Ref List]", 2048),
    ("!FindInMap [Sizes, other, size, {DefaultValue: 640}]", 640)])
def test_lists_and_defaults_are_resolved(tmp_path: Path, expression: str, size: int) -> None:
    path = written(tmp_path, f"""
Parameters: {{List: {{Type: CommaDelimitedList, Default: "1024, 2048"}}}}
Mappings: {{Sizes: {{one: {{size: 1}}}}}}
Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{MemorySize: {expression}}}}}}}
""")
    assert read_template(path).functions["F"].memory_mb == size


def test_a_loop_takes_its_values_from_a_mapping_too(tmp_path: Path) -> None:
    found = survey(written(tmp_path, """
Mappings: {Names: {all: {of: [a, b]}}}
Resources:
  Fn::ForEach::L: [N, !FindInMap [Names, all, of], {"T${N}": {Type: AWS::SNS::Topic}}]
"""))
    assert list(found.resources) == ["Ta", "Tb"]


def test_json_may_be_indented_by_tabs(tmp_path: Path) -> None:
    path = written(tmp_path, '{\n\t"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}\n}\n')
    assert list(survey(path).resources) == ["Q"]
