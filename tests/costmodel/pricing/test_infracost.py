from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.activity import Activity, FunctionTally, ProvisionedTally, RouteTally
from costmodel.errors import InputError
from costmodel.pricing.bill import price
from costmodel.pricing.infracost import infracost_usage, read_infracost, write_infracost
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.services.cloudwatch import LogsTally
from costmodel.pricing.usage_file import parse_usage

GIB = 1024.0**3
BOOK = PriceBook.load("us-east-1")
DAY = Activity("us-east-1", 7.3, (
    RouteTally("http", "GET /a", 1000.0, units=2000.0, response_bytes=GIB / 100),
    RouteTally("rest", "GET /b", 3000.0),
    FunctionTally("My.Function", "GET /a", "x86_64", 512, 900.0, gb_s=900 * 0.0612 * 0.5, log_bytes=GIB / 100),
    FunctionTally("My.Function", "GET /b", "x86_64", 512, 100.0, gb_s=100 * 0.0612 * 0.5),
    ProvisionedTally("My.Function", "x86_64", 1.0)), "measured")


def usage(text: str, path: Path) -> Path:
    file = path / "usage.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_measured_usage_is_written_as_a_month() -> None:
    content, lost = infracost_usage(DAY)
    resources = content["resource_usage"]
    assert resources['aws_lambda_function.this["My.Function"]'] == {"monthly_requests": 100_000, "request_duration_ms": 62}
    assert resources["aws_apigatewayv2_api.http_api"] == {"monthly_requests": 100_000, "request_size_kb": 1024}
    assert resources["aws_api_gateway_rest_api.rest_api"] == {"monthly_requests": 300_000}
    assert resources['aws_cloudwatch_log_group.this["My.Function"]']["monthly_data_ingested_gb"] == pytest.approx(1.0)
    assert resources["aws_data_transfer.sent"]["region"] == "us-east-1"
    assert resources["aws_data_transfer.sent"]["monthly_outbound_internet_gb"] == pytest.approx(1.0)
    provisioned = 'aws_lambda_provisioned_concurrency_config.this["My.Function"]'
    assert resources[provisioned] == {"monthly_duration_hrs": 730, "architecture": "x86_64", "memory_mb": 512}
    assert lost == [f"{provisioned}: how many environments is in the Terraform code"]


def test_what_was_written_reads_back_to_the_same_bill(tmp_path: Path) -> None:
    """To whole milliseconds and requests, as Infracost takes them; here they are whole."""
    month = Activity("us-east-1", 730.0, (
        RouteTally("http", "GET /", 1e6, units=1e6, response_bytes=10 * GIB), RouteTally("rest", "GET /", 2e6),
        FunctionTally("F", "GET /", "x86_64", 512, 3e6, gb_s=3e6 * 0.08 * 0.5, log_bytes=2 * GIB)), "measured")
    write_infracost(month, tmp_path / "usage.yml")
    back = read_infracost(tmp_path / "usage.yml", "us-east-1", memory_mb=512)
    assert float(price(meter(back), BOOK).total) == pytest.approx(float(price(meter(month), BOOK).total), rel=1e-12)


def test_the_published_form_is_read(tmp_path: Path) -> None:
    """100 M requests at 512 KB each are one unit each."""
    file = usage("""
version: 0.1
resource_usage:
  aws_lambda_function.f: {monthly_requests: 3000000, request_duration_ms: 119.2}
  aws_apigatewayv2_api.a: {monthly_requests: 100000000, average_request_size: 512}
""", tmp_path)
    bill = price(meter(read_infracost(file, "us-east-1", memory_mb={"f": 1536})), BOOK)
    assert float(bill.by("resource")["f"]) == pytest.approx(0.60 + 540_000 * 0.0000166667)
    assert float(bill.by("resource")["a"]) == pytest.approx(100.0)


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    file = usage("""
resource_type_default_usage: {aws_lambda_function: {monthly_requests: 5}}
resource_usage:
  aws_ssm_parameter.p: {monthly_api_interactions: 5}
  aws_s3_bucket.b: {object_tags: 0, standard: {storage_gb: 10}, glacier_deep_archive: {storage_gb: 5}}
  aws_cloudfront_distribution.d: {monthly_https_requests: {us: 5, europe: 7}}
  aws_apigatewayv2_api.a: {monthly_requests: 1, something: 5}
""", tmp_path)
    assert read_infracost(file, "us-east-1").missing == (
        "resource_type_default_usage of aws_lambda_function: not read from Infracost files: not on the bill",
        "aws_ssm_parameter.p: not read from Infracost files: not on the bill",
        "aws_s3_bucket.b: glacier_deep_archive.storage_gb is not read from Infracost files: not on the bill",
        "aws_cloudfront_distribution.d: monthly_https_requests.europe is not read from Infracost files: not on the bill",
        "aws_apigatewayv2_api.a: something is not read from Infracost files: not on the bill")


def test_the_older_key_of_a_request_s_size_is_read_too(tmp_path: Path) -> None:
    file = usage("resource_usage: {aws_apigatewayv2_api.a: {monthly_requests: 10, average_request_size: 600}}", tmp_path)
    assert next(read_infracost(file, "us-east-1").of(RouteTally)).units == 20


def test_modules_are_part_of_a_name(tmp_path: Path) -> None:
    file = usage("resource_usage: {module.shop.aws_lambda_function.f: {monthly_requests: 1}}", tmp_path)
    (tally,) = read_infracost(file, "us-east-1", memory_mb={"module.shop.f": 128}).of(FunctionTally)
    assert tally.function == "module.shop.f"


names = st.text(st.characters(codec="utf-8"), min_size=1)
apis = st.builds(RouteTally, st.sampled_from(["rest", "http"]), st.just(""), st.integers(1, 10**9).map(float),
                 resource=st.one_of(st.just(""), names, st.sampled_from(
                     ["this", "rest_api", "http_api", 'a"b', "x.y", "a[0]"])))


@given(st.lists(apis, max_size=5, unique_by=lambda api: (api.api, api.resource)), names)
def test_names_and_requests_are_the_same_after_going_out_and_coming_back(routes: list[RouteTally], function: str) -> None:
    made = FunctionTally(function, "", "x86_64", 512, 1000.0, gb_s=40.0)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "usage.yml"
        write_infracost(Activity("us-east-1", 730.0, (*routes, made), "measured"), path)
        back = read_infracost(path, "us-east-1", memory_mb={function: 512})
    assert {(api.api, api.resource, api.requests) for api in back.of(RouteTally)} == {
        (api.api, api.resource, api.requests) for api in routes}
    assert [(tally.function, tally.gb_s) for tally in back.of(FunctionTally)] == [(function, 40.0)]
    assert back.missing == ()


RESOURCES = {
    "my queue": {"kind": "sqs.queue", "requests": 3e6, "message_kb": 100},
    "topic": {"kind": "sns.topic", "publishes": 2e6, "message_kb": 3, "http_deliveries": 4e6, "email_deliveries": 2e6,
              "firehose_deliveries": 2e6},
    "table": {"kind": "dynamodb.table", "writes": 1e6, "reads": 3e6, "item_kb": 5, "stored_gb_months": 40,
              "backup_gb_months": 4, "restored_gb": 3},
    "bucket": {"kind": "s3.bucket", "stored_gb_months": 12.5, "writes": 1e5, "reads": 1e6, "transfer_out_gb": 200},
    "steps": {"kind": "stepfunctions.standard", "transitions": 1e5},
    "express": {"kind": "stepfunctions.express", "executions": 1e6, "duration_ms": 250, "memory_mb": 100},
    "bus": {"kind": "eventbridge.bus", "custom_events": 1e6, "event_kb": 100, "discovered_events": 1e5, "archived_gb": 5},
    "stream": {"kind": "kinesis.stream", "mode": "on_demand", "records": 2**20, "record_kb": 3.5, "retrieved_gb": 8,
               "consumer_gb": 1},
    "shards": {"kind": "kinesis.stream", "records": 1e6, "record_kb": 30, "consumers": 2},
    "group": {"kind": "cloudwatch.logs", "ingested_gb": 5, "stored_gb_months": 20, "scanned_gb": 100},
    "nat": {"kind": "vpc.nat_gateway", "processed_gb": 100}, "idle": {"kind": "vpc.nat_gateway"},
    "endpoint": {"kind": "vpc.endpoint", "processed_gb": 10},
    "balancer": {"kind": "alb.load_balancer", "new_connections": 3600 * 730 * 40, "connection_minutes": 60 * 730 * 500,
                 "processed_gb": 9000, "requests": 3600 * 730 * 100, "rules": 30},
    "cdn": {"kind": "cloudfront.distribution", "https_requests": 1e6, "http_requests": 5e5, "data_out_gb": 50,
            "to_origin_gb": 1.5},
    "acl": {"kind": "waf.web_acl", "rules": 5, "requests": 1e6},
    "secret": {"kind": "secretsmanager.secrets", "calls": 1e5},
    "trail": {"kind": "cloudtrail.trail", "management_events": 1e5, "data_events": 2e5, "insights_events": 4e5},
    "out": {"kind": "data_transfer.out", "internet_gb": 5.5, "between_zones_gb": 7, "between_regions_gb": 3},
    "socket": {"kind": "apigateway.websocket", "messages": 1e6, "message_kb": 40, "connection_minutes": 5e6},
}


@pytest.mark.parametrize("name", RESOURCES)
def test_every_resource_that_infracost_knows_costs_the_same_going_out_and_coming_back(name: str, tmp_path: Path) -> None:
    given_usage = parse_usage({"region": "us-east-1", name: RESOURCES[name]}).activity
    assert write_infracost(given_usage, tmp_path / "usage.yml") == []
    back = read_infracost(tmp_path / "usage.yml", "us-east-1")
    before, after = price(meter(given_usage), BOOK), price(meter(back), BOOK)
    assert float(after.total) == pytest.approx(float(before.total), rel=1e-12) and before.total
    assert {component.resource for component in after.components} - {"sent"} == {name}
    assert all("Terraform code" in sentence for sentence in back.missing)


@pytest.mark.parametrize(("table", "sentence"), [
    ({"kind": "sqs.queue", "requests": 1, "queue_type": "fifo"}, "aws_sqs_queue.r: queue_type = fifo is in the Terraform"),
    ({"kind": "sqs.queue", "requests": 1, "fair_requests": 5}, "aws_sqs_queue.r: fair_requests = 5 is in the Terraform"),
    ({"kind": "sns.topic", "publishes": 10, "http_deliveries": 3}, "http_subscriptions = 0.3 is written as 0: Infracost"),
    ({"kind": "vpc.nat_gateway", "gateways": 3}, "aws_nat_gateway.r: gateways = 3 is in the Terraform code"),
    ({"kind": "kms.keys", "keys": 1}, "r: kms.keys: Infracost's usage files have nothing for it"),
    ({"kind": "eventbridge.scheduler", "invocations": 1}, "r: eventbridge.scheduler: Infracost's usage files have nothing"),
    ({"kind": "ec2.instances", "instance_type": "m5.large", "instances": 1}, "r: ec2.instances: Infracost's usage files"),
    ({"kind": "apigateway.rest", "requests": 1, "response_kb": 0, "cache_gb": 0.5}, "r: its cache is in the Terraform"),
    ({"kind": "apigateway.rest", "requests": 1, "response_kb": 20 * 1024, "streams": True, "transfer": "none"},
     "aws_api_gateway_rest_api.r: streamed responses are written as a request each 10 MB"),
    ({"kind": "cloudwatch.logs", "ingested_gb": 1, "log_class": "infrequent_access"}, "log_class = infrequent_access is"),
])
def test_what_has_no_place_in_the_file_is_named(table: dict[str, Any], sentence: str) -> None:
    _, (told, *others) = infracost_usage(parse_usage({"region": "us-east-1", "r": table}).activity)
    assert sentence in told and not others


def test_requests_of_several_sizes_are_units_that_cost_the_same() -> None:
    mixed = Activity("us-east-1", 730.0, (RouteTally("http", "", 4e6, units=6e6),), "measured")
    content, lost = infracost_usage(mixed)
    assert content["resource_usage"]["aws_apigatewayv2_api.http_api"] == {
        "monthly_requests": 6_000_000, "request_size_kb": 512}
    assert "requests of several sizes" in lost[0]


def test_a_log_group_with_a_function_s_name_is_the_function_s(tmp_path: Path) -> None:
    file = usage("""
resource_usage:
  aws_lambda_function.f: {monthly_requests: 1}
  aws_cloudwatch_log_group.f: {monthly_data_ingested_gb: 1}
  aws_cloudwatch_log_group.g: {monthly_data_ingested_gb: 1}
""", tmp_path)
    groups = {tally.resource: tally.source for tally in read_infracost(file, "us-east-1", memory_mb=128).of(LogsTally)}
    assert groups == {"f": "lambda", "g": "custom"}


@pytest.mark.parametrize(("text", "message"), [
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: 1}}", r"aws_lambda_function\.f: its memory .*--memory f=MB"),
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: -1}}", "monthly_requests = -1: give a number of 0 or more"),
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: many}}", "monthly_requests = 'many'"),
    ("resource_usage: {aws_lambda_function.f: {monthly_requests: .nan}}", "monthly_requests = nan"),
    ("version: 0.1", "resource_usage: no such table"), ("resource_usage: {a: 1}", "resource_usage: no such table"),
    ("a: [", "not readable as YAML"),
])
def test_what_cannot_be_read_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_infracost(usage(text, tmp_path), "us-east-1")
    assert "\n" not in str(raised.value)
