"""A change made through boto3 governs the next request."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from loadgen.aws import client
from loadgen.discovery import discover
from loadgen.target import Target


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest) -> Any:
    from pathlib import Path

    from loadgen.local.cloud import LocalCloud

    template = Path(request.config.rootpath) / "scenarios" / "shop" / "template.yaml"
    with LocalCloud(template, ingestion_delay_s=0.0, provisioned_delay_s=0.2) as target:
        yield target


def status(target: Target, kind: str, path: str) -> int:
    try:
        with urllib.request.urlopen(target.apis[kind].address + path) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def reported_memory(target: Target, function: str) -> int:
    """Memory Size of the next request's REPORT line."""
    logs, group = client(target, "logs"), target.functions[function].log_group
    before = reports(logs, group)
    assert status(target, "http", {"Reports": "/reports", "Products": "/products"}[function]) == 200
    wait_for(lambda: len(reports(logs, group)) > len(before))
    return int(re.search(r"Memory Size: (\d+) MB", reports(logs, group)[-1])[1])  # type: ignore[index]


def reports(logs: Any, group: str) -> list[str]:
    return [event["message"] for event in logs.filter_log_events(logGroupName=group, filterPattern="REPORT")["events"]]


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_memory_of_latest_changes_the_next_report_at_once(cloud: Target) -> None:
    client(cloud, "lambda").update_function_configuration(FunctionName=cloud.functions["Reports"].name, MemorySize=512)
    assert reported_memory(cloud, "Reports") == 512


def test_memory_behind_an_alias_changes_only_after_publish_and_move(cloud: Target) -> None:
    lambda_, name = client(cloud, "lambda"), cloud.functions["Products"].name
    before = reported_memory(cloud, "Products")
    lambda_.update_function_configuration(FunctionName=name, MemorySize=256)
    assert reported_memory(cloud, "Products") == before
    version = lambda_.publish_version(FunctionName=name)["Version"]
    assert reported_memory(cloud, "Products") == before
    lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert reported_memory(cloud, "Products") == 256


def test_reserved_concurrency_of_zero_throttles_through_the_api(cloud: Target) -> None:
    lambda_, name = client(cloud, "lambda"), cloud.functions["Orders"].name
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    order = urllib.request.Request(cloud.apis["rest"].address + "/orders", data=b'{"product": "a", "quantity": 1}',
                                   headers={"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(order)
    assert refused.value.code == 500
    lambda_.delete_function_concurrency(FunctionName=name)
    with urllib.request.urlopen(order) as answer:
        assert answer.status in (200, 201)


def test_a_rest_method_throttle_holds_for_its_route_alone_until_it_is_removed(cloud: Target) -> None:
    gateway, api = client(cloud, "apigateway"), cloud.apis["rest"]

    def patch(op: str, path: str, value: str | None = None) -> None:
        operation = {"op": op, "path": path, **({"value": value} if value else {})}
        gateway.update_stage(restApiId=api.id, stageName=api.stage, patchOperations=[operation])

    patch("replace", "/~1reports/GET/throttling/burstLimit", "0")
    assert (status(cloud, "rest", "/reports"), status(cloud, "rest", "/products")) == (429, 200)
    patch("remove", "/~1reports/GET")
    assert status(cloud, "rest", "/reports") == 200


def test_an_http_stage_throttle_holds_and_keeps_what_an_update_does_not_name(cloud: Target) -> None:
    gateway, api = client(cloud, "apigatewayv2"), cloud.apis["http"]
    key = {"ApiId": api.id, "StageName": api.stage}
    gateway.update_stage(**key, RouteSettings={"GET /reports": {"ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 1}})
    assert (status(cloud, "http", "/reports"), status(cloud, "http", "/products")) == (429, 200)
    gateway.update_stage(**key, DefaultRouteSettings={"DetailedMetricsEnabled": True})
    assert status(cloud, "http", "/reports") == 429
    gateway.delete_route_settings(**key, RouteKey="GET /reports")
    assert status(cloud, "http", "/reports") == 200
    assert gateway.get_stage(**key)["AccessLogSettings"]["Format"] == api.log_format


def test_a_cache_answers_until_it_is_flushed(cloud: Target) -> None:
    gateway, api = client(cloud, "apigateway"), cloud.apis["rest"]
    lambda_, name = client(cloud, "lambda"), cloud.functions["Product"].name
    key = {"restApiId": api.id, "stageName": api.stage}
    gateway.update_stage(**key, patchOperations=[
        {"op": "replace", "path": "/cacheClusterEnabled", "value": "true"},
        {"op": "replace", "path": "/~1products~1{id}/GET/caching/enabled", "value": "true"}])
    assert status(cloud, "rest", "/products/7") == 200
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert (status(cloud, "rest", "/products/7"), status(cloud, "rest", "/products/8")) == (200, 500)
    gateway.flush_stage_cache(**key)
    assert status(cloud, "rest", "/products/7") == 500
    lambda_.delete_function_concurrency(FunctionName=name)
    gateway.update_stage(**key, patchOperations=[{"op": "replace", "path": "/cacheClusterEnabled", "value": "false"}])


def test_a_direct_invoke_is_answered_by_the_version_that_the_alias_names(cloud: Target) -> None:
    answer = client(cloud, "lambda").invoke(FunctionName=cloud.functions["Product"].name, Qualifier="live",
                                            LogType="Tail", Payload=b"{}")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "1")
    assert "LogResult" in answer


def test_metrics_arrive_under_exactly_their_dimensions(cloud: Target) -> None:
    status(cloud, "http", "/reports")
    function = [{"Name": "FunctionName", "Value": cloud.functions["Reports"].name}]

    def value(stat: str, dimensions: Any, namespace: str = "AWS/Lambda") -> Any:
        metric = {"Namespace": namespace, "MetricName": "Duration", "Dimensions": dimensions}
        now = int(time.time())
        found = client(cloud, "cloudwatch").get_metric_data(
            StartTime=now - 600, EndTime=now + 60,
            MetricDataQueries=[{"Id": "q", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": stat}}])
        return found["MetricDataResults"][0]["Values"]

    wait_for(lambda: bool(value("SampleCount", function)))
    rising = [value(stat, function) for stat in ("Minimum", "p50", "p99.9", "Maximum")]
    assert rising == sorted(rising)
    assert value("Sum", function, "AWS/Other") == []
    assert value("Sum", [*function, {"Name": "Resource", "Value": "elsewhere"}]) == []


def test_discovery_over_plain_boto3_finds_what_was_deployed(local_cloud: Target) -> None:
    rest, http = local_cloud.apis["rest"], local_cloud.apis["http"]
    base = http.address.removesuffix(f"/{http.id}")
    found = discover(region=local_cloud.region, api_ids=[rest.id, http.id], endpoint_url=local_cloud.endpoint_url,
                     invoke_url=base + "/{api_id}")
    assert (found.apis, found.functions, found.missing) == (local_cloud.apis, local_cloud.functions, ())
    declared, deployed = local_cloud.deployment, found.deployment
    assert {route.name: route.body_schema for route in deployed.routes("rest")} == {
        route.name: route.body_schema for route in declared.routes("rest")}
    assert {(r.name, r.function, r.cache_keys) for r in deployed.triggers} == {
        (r.name, r.function, r.cache_keys) for r in declared.triggers}
    assert deployed.apis["ShopRest"].cached_routes == declared.apis["ShopRest"].cached_routes
