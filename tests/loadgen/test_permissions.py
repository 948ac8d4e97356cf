"""The IAM policies that the verbs need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadgen.permissions import POLICIES, policy
from loadgen.target import Target, TargetApi, TargetFunction
from loadgen.template import read_template

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"


@pytest.fixture(scope="module")
def target() -> Target:
    return Target(read_template(SHOP), {"rest": TargetApi("rest", "abc", "shop", "prod", "http://x", "/aws/rest", "f")},
                  {"Orders": TargetFunction("shop-orders", "/aws/lambda/shop-orders")}, "eu-west-1")


def actions(verb: str, target: Target | None = None) -> set[str]:
    return {action for statement in policy(verb, target)["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("verb", POLICIES)
def test_a_policy_for_a_target_names_its_own_resources_alone(verb: str, target: Target) -> None:
    document = policy(verb, target)
    named = [arn for statement in document["Statement"] for arn in statement["Resource"] if arn != "*"]
    own = ("/restapis/abc", "function:shop-orders", "log-group:/aws/rest:", "log-group:/aws/lambda/shop-orders:")
    assert all(any(part in arn for part in own) or arn.endswith("/account") for arn in named)
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("verb", ["discover", "run", "collect", "metrics"])
def test_only_a_sweep_may_change_anything(verb: str) -> None:
    verbs = ("Update", "Put", "Delete", "Publish", "PATCH", "Create")
    assert not [action for action in actions(verb) if action.split(":")[1].startswith(verbs)]
    assert actions("sweep") >= actions("run") | actions("collect")


def test_metrics_of_production_need_what_describes_and_what_collects() -> None:
    assert {"cloudwatch:GetMetricData", "logs:FilterLogEvents", "apigateway:GET",
            "lambda:GetFunctionConfiguration"} <= actions("metrics")


def test_a_function_itself_can_never_be_deleted(target: Target) -> None:
    for place in (target, None):
        deleting = [statement for statement in policy("sweep", place)["Statement"]
                    if "lambda:DeleteFunction" in statement["Action"]]
        assert [arn.count(":") for statement in deleting for arn in statement["Resource"]] == [7]
