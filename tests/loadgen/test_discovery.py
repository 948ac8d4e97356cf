"""Deployed APIs and functions as a Target, over HTTP against the local cloud's control plane."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadgen import aws
from loadgen.access_format import FORMATS
from loadgen.configuration import declared
from loadgen.deployment import Route
from loadgen.discovery import discover
from loadgen.errors import InputError, UnreachableError
from loadgen.local.cloud import LocalCloud
from loadgen.target import Target, read_target, write_target
from loadgen.template import read_template

SHOP = Path(__file__).parents[2] / "scenarios" / "shop" / "template.yaml"
INVOKE_URL = "http://127.0.0.1:9/{api_id}"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Target]:
    with LocalCloud(SHOP) as target:
        yield target


def find(cloud: Target, *kinds: Any) -> Target:
    return discover(region=cloud.region, api_ids=[cloud.api(kind).id for kind in kinds],
                    endpoint_url=cloud.endpoint_url, invoke_url=INVOKE_URL)


def by_name(route: Route) -> tuple[str, str]:
    return route.api, route.name


def test_what_is_discovered_is_what_the_template_declares(cloud: Target) -> None:
    found, template = find(cloud, "rest", "http").deployment, read_template(SHOP)
    offline = {name: replace(function, code_uri=None, metadata={}) for name, function in template.functions.items()}
    assert found.functions == offline
    assert found.apis == template.apis
    assert sorted(found.triggers, key=by_name) == sorted(template.triggers, key=by_name)
    for kind in ("rest", "http"):
        assert declared(found, kind) == declared(template, kind)


def test_addresses_end_in_the_stage_unless_it_is_the_default_one(cloud: Target) -> None:
    found = find(cloud, "rest", "http")
    assert found.api("rest").address == f"http://127.0.0.1:9/{cloud.api('rest').id}/prod"
    assert found.api("http").address == f"http://127.0.0.1:9/{cloud.api('http').id}"


def test_a_target_of_one_api_holds_its_functions_alone(cloud: Target) -> None:
    found = find(cloud, "http")
    assert list(found.apis) == ["http"]
    assert {route.api for route in found.deployment.triggers} == {"ShopHttp"}
    assert set(found.functions) == {"Products", "Product", "Orders", "Reports"}


def test_a_discovered_target_survives_its_file(cloud: Target, tmp_path: Path) -> None:
    found = find(cloud, "rest", "http")
    write_target(found, tmp_path / "target.toml")
    assert read_target(tmp_path / "target.toml") == found


def test_the_shop_lacks_nothing(cloud: Target) -> None:
    assert find(cloud, "rest", "http").missing == ()


def command(gap: str) -> list[list[str]]:
    """The words of each command that a gap's text ends with."""
    words, commands = shlex.split(gap[gap.index(": aws ") + 2:]), [[]]  # type: list[str], list[list[str]]
    for word in words:
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_a_rest_stage_without_the_needed_variables_gets_the_command_that_mends_it(cloud: Target) -> None:
    api, gateway = cloud.api("rest"), aws.client(cloud, "apigateway")
    patch = {"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId $context.status"}
    gateway.update_stage(restApiId=api.id, stageName=api.stage, patchOperations=[patch])
    gaps = find(cloud, "rest").missing
    assert len(gaps) == 1
    assert "lacks $context.requestTimeEpoch, $context.responseLatency" in gaps[0]
    words = command(gaps[0])[0]
    assert words[:3] == ["aws", "apigateway", "update-stage"]
    assert option(words, "--endpoint-url") == cloud.endpoint_url
    gateway.update_stage(restApiId=option(words, "--rest-api-id"), stageName=option(words, "--stage-name"),
                         patchOperations=json.loads(option(words, "--patch-operations")))
    assert find(cloud, "rest").missing == ()
    assert find(cloud, "rest").api("rest").log_group == api.log_group


def test_an_http_stage_without_a_log_gets_the_commands_that_mend_it(cloud: Target) -> None:
    client = aws.client(cloud, "apigatewayv2")
    api_id = client.create_api(Name="bare", ProtocolType="HTTP")["ApiId"]
    function = aws.client(cloud, "lambda").get_function(FunctionName=cloud.functions["Orders"].name)
    integration = client.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", PayloadFormatVersion="1.0",
        IntegrationUri=function["Configuration"]["FunctionArn"])["IntegrationId"]
    client.create_route(ApiId=api_id, RouteKey="$default", Target=f"integrations/{integration}")
    client.create_stage(ApiId=api_id, StageName="v1")
    found = discover(region=cloud.region, api_ids=[api_id], endpoint_url=cloud.endpoint_url, invoke_url=INVOKE_URL)
    assert [(route.name, route.function) for route in found.deployment.triggers] == [("ANY $default", "Orders")]
    assert found.deployment.functions["Orders"].alias is None
    assert found.deployment.api("http").payload_format == "1.0"
    create, update = command(found.missing[0])
    assert create[1:3] == ["logs", "create-log-group"]
    settings = json.loads(option(update, "--access-log-settings"))
    assert settings["Format"] == FORMATS["http"]
    assert settings["DestinationArn"].endswith(f":log-group:{option(create, '--log-group-name')}")


def test_an_unknown_api_is_named_with_where_to_look(cloud: Target) -> None:
    with pytest.raises(InputError, match="api = nonesuch: no REST or HTTP API with this id in us-east-1"):
        discover(region="us-east-1", api_ids=["nonesuch"], endpoint_url=cloud.endpoint_url)


def test_two_apis_of_one_kind_are_refused(cloud: Target) -> None:
    with pytest.raises(InputError, match="one rest API at most"):
        find(cloud, "rest", "rest")


def test_a_stage_that_does_not_exist_is_named_with_those_that_do(cloud: Target) -> None:
    api_id = cloud.api("rest").id
    with pytest.raises(InputError, match=rf"api = {api_id}/test: give one stage as {api_id}/STAGE \(there are: prod\)"):
        discover(region="us-east-1", api_ids=[f"{api_id}/test"], endpoint_url=cloud.endpoint_url)


def test_nothing_at_the_endpoint_is_one_line() -> None:
    with pytest.raises(UnreachableError, match="discover: Could not connect") as caught:
        discover(region="us-east-1", api_ids=["abc"], endpoint_url="http://127.0.0.1:9")
    assert "\n" not in str(caught.value)
