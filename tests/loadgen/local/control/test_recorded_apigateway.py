"""API Gateway's answers against AWS's recorded ones: each play repeats what was recorded, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:123456789012:function"
Steps = Iterator[tuple[str, Any]]
Play = Callable[[Any, str], Steps]
PLAYS: dict[str, Play] = {}


def play(case: str) -> Callable[[Play], Play]:
    def register(steps: Play) -> Play:
        PLAYS[case] = steps
        return steps
    return register


def rest_api(ask: Any, name: str) -> tuple[str, str]:
    made = ask("apigateway", "create_rest_api", name=name)
    root = next(r["id"] for r in ask("apigateway", "get_resources", restApiId=made["id"])["item"] if r["path"] == "/")
    return made["id"], root


def mocked_api(ask: Any, name: str) -> tuple[str, str]:
    api, root = rest_api(ask, name)
    ask("apigateway", "put_method", restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    ask("apigateway", "put_integration", restApiId=api, resourceId=root, httpMethod="GET", type="MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'})
    return api, ask("apigateway", "create_deployment", restApiId=api)["id"]


@play("stage-accesslog")
def _(ask: Any, fn: str) -> Steps:
    api, deployment = mocked_api(ask, fn)
    ask("apigateway", "create_stage", restApiId=api, stageName="dev", deploymentId=deployment, description="dev stage")
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:access"

    def update(*operations: tuple[str, str, str | None]) -> Any:
        patches = [{"op": op, "path": path, **({"value": value} if value else {})} for op, path, value in operations]
        return ask("apigateway", "update_stage", restApiId=api, stageName="dev", patchOperations=patches)

    yield "update-stage-access-log-dest-add", update(("replace", "/accessLogSettings/destinationArn", arn))
    yield "update-stage-access-log-format-add", update(
        ("replace", "/accessLogSettings/destinationArn", f"{arn}a"),
        ("replace", "/accessLogSettings/format", "$context.requestId $context.identity.sourceIp"))
    yield "update-stage-access-log-remove-all", update(("remove", "/accessLogSettings", None))


@play("deploy-delete")
def _(ask: Any, fn: str) -> Steps:
    api, first = mocked_api(ask, fn)
    ask("apigateway", "create_stage", restApiId=api, stageName="s1", deploymentId=first)
    second = ask("apigateway", "create_deployment", restApiId=api)["id"]
    ask("apigateway", "update_stage", restApiId=api, stageName="s1",
        patchOperations=[{"op": "replace", "path": "/deploymentId", "value": second}])
    yield "get-stages-after-update", ask("apigateway", "get_stages", restApiId=api)
    yield "delete-deployment-error", ask("apigateway", "delete_deployment", restApiId=api, deploymentId=second)
    yield "delete-deployment-1", ask("apigateway", "delete_deployment", restApiId=api, deploymentId=first)


@play("stages-filter")
def _(ask: Any, fn: str) -> Steps:
    api, first = mocked_api(ask, fn)
    second = ask("apigateway", "create_deployment", restApiId=api)["id"]
    for stage, deployment in (("stage1", first), ("stage2", second)):
        ask("apigateway", "create_stage", restApiId=api, stageName=stage, deploymentId=deployment)
    yield "", ask("apigateway", "get_stages", restApiId=api, deploymentId=first)


@play("int-missing")
def _(ask: Any, fn: str) -> Steps:
    api, root = rest_api(ask, fn)

    def get(api_id: str, resource: str) -> Any:
        return ask("apigateway", "get_integration", restApiId=api_id, resourceId=resource, httpMethod="GET")

    yield "get-integration-no-api", get("noapi", root)
    yield "get-integration-no-resource", get(api, "noresource")
    yield "get-integration-no-method", get(api, root)
    ask("apigateway", "put_method", restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    yield "get-integration-no-integration", get(api, root)


@play("int-validation")
def _(ask: Any, fn: str) -> Steps:
    api, root = rest_api(ask, fn)
    ask("apigateway", "put_method", restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")

    def put(kind: str, uri: str | None = None, method: str | None = "POST") -> Any:
        more = {key: value for key, value in (("uri", uri), ("integrationHttpMethod", method)) if value}
        return ask("apigateway", "put_integration", restApiId=api, resourceId=root, httpMethod="GET", type=kind, **more)

    gateway = "arn:aws:apigateway:us-east-1"
    yield "required-integration-method-HTTP", put("HTTP", "http://example.com", None)
    yield "not-required-integration-method-MOCK", put("MOCK", None, None)
    yield "no-s3-support-AWS_PROXY", put("AWS_PROXY", f"{gateway}:s3:path/bucket/key")
    yield "invalid-uri-HTTP", put("HTTP", "non-uri")
    yield "invalid-uri-not-an-arn", put("AWS_PROXY", "non-arn")
    yield "invalid-uri-invalid-arn", put("AWS_PROXY", f"{gateway}:lambda:test")
    yield "aws-integration-type-AWS_PROXY", put(
        "AWS_PROXY", f"{gateway}:lambda:path/2015-03-31/functions/{ARN}:MyLambda/invocations")


@pytest.mark.parametrize("case", PLAYS)
def test_the_answers_equal_the_recorded_ones(case: str, ask: Any, deviations: Callable[..., list[str]]) -> None:
    assert deviations(case, PLAYS[case](ask, f"test-{case}")) == []
