from __future__ import annotations

import json

import pytest

from costmodel.pricing.price_book import PriceBook, regions
from costmodel.pricing.usage_types import FILE, aws_name, is_known_service, items_named, split_usage_type

TABLE = json.loads(FILE.read_text(encoding="utf-8"))
ENTRIES = [(service, item, entry) for service, of in TABLE["services"].items() for item, entry in of["items"].items()]


@pytest.mark.parametrize(("service", "item", "region", "usage_type"), [
    ("lambda", "duration_arm64", "us-east-1", "Lambda-GB-Second-ARM"),
    ("lambda", "duration_x86_64", "eu-west-1", "EU-Lambda-GB-Second"),
    ("lambda", "snapstart_cache", "eu-central-1", "EUC1-Lambda-SnapStart-Cached-GB-S"),
    ("lambda", "managed_instances_fee_c7g.xlarge", "us-east-1", "Lambda-Managed-Instances-c7g.xlarge-Management-Hours"),
    ("apigateway", "http_requests", "us-east-1", "USE1-ApiGatewayHttpRequest"),
    ("apigateway", "cache_0.5_gb", "ap-northeast-1", "APN1-ApiGatewayCacheUsage:0.5GB"),
    ("ec2", "m7g.large", "us-west-2", "USW2-BoxUsage:m7g.large"),
    ("ec2", "m7g.large_savings_plan_1_year", "us-east-1", "BoxUsage:m7g.large"),
    ("sqs", "standard", "us-east-1", "Requests-RBP"), ("sqs", "standard", "eu-west-1", "EU-Requests-Tier1"),
    ("sqs", "fair_queue_surcharge", "eu-west-1", None),
    ("kms", "requests", "us-east-1", "us-east-1-KMS-Requests"),
    ("kms", "requests", "eu-west-1", "eu-west-1-KMS-Requests"),
    ("vpc", "interface_endpoint_hour", "ap-southeast-5", "APS7-VpcEndpoint-Hours"),
    ("cloudfront", "data_out", "eu-west-1", "US-DataTransfer-Out-Bytes"),
    ("lambda", "durable_operations", "us-east-1", None), ("lambda", "requests", "xx-nowhere-1", None),
])
def test_an_item_has_aws_s_usage_type_as_the_region_s_bills_write_it(service: str, item: str, region: str,
                                                                    usage_type: str | None) -> None:
    assert aws_name(service, item, region).usage_type == usage_type


@pytest.mark.parametrize(("text", "region", "rest"), [
    ("USE1-ApiGatewayRequest", "us-east-1", "ApiGatewayRequest"), ("EU-Request", "eu-west-1", "Request"),
    ("EUW1-Request", "eu-west-1", "Request"), ("ap-southeast-2-KMS-Keys", "ap-southeast-2", "KMS-Keys"),
    ("us-gov-west-1-KMS-Keys", "us-gov-west-1", "KMS-Keys"), ("APS99-Request", "APS99", "Request"),
    ("Lambda-GB-Second", None, "Lambda-GB-Second"), ("Global-Request", "global", "Global-Request"),
    ("Request", None, "Request"), ("IA-TimedStorage-ByteHrs", None, "IA-TimedStorage-ByteHrs"),
    ("US-Requests-Tier1", None, "US-Requests-Tier1"),
])
def test_a_usage_type_is_split_from_its_prefix(text: str, region: str | None, rest: str) -> None:
    assert split_usage_type(text) == (region, rest)


@pytest.mark.parametrize("region", regions())
def test_every_exported_usage_type_leads_back_to_its_item(region: str) -> None:
    for service, item in PriceBook.load(region).prices:
        name = aws_name(service, item, region)
        if name.usage_type is not None:
            found_region, plain = split_usage_type(name.usage_type)
            found = items_named(name.service_code, plain, name.operation or "")
            assert (service, item) in [(each.service, each.item) for each in found], name
            bare = region == "us-east-1" or service in ("cloudfront", "cloudwatch")
            assert found_region in (region, None if bare else "")


@pytest.mark.parametrize(("service", "usage_type", "operation", "item"), [
    ("AWSLambda", "Request-ARM", "", "requests"), ("AWSLambda", "Global-Request", "", "requests"),
    ("AWSQueueService", "Requests-FIFO-Tier1", "", "fifo"), ("awswaf", "RequestV2-Tier1", "", "requests"),
    ("awskms", "Global-KMS-Requests", "", "requests"), ("AWSEvents", "Event-64K-Chunks", "PutEvents", "custom_events"),
    ("AWSEvents", "Event-64K-Chunks", "ReceivedPartnerEvents", "partner_events"),
    ("AmazonS3", "DataTransfer-Out-Bytes", "", "internet"), ("AmazonEC2", "USW2-AWS-Out-Bytes", "", "inter_region"),
    ("EC2 - Other", "NatGateway-Bytes", "", "nat_gateway_gb"), ("CloudWatch Events", "ScheduledInvocation", "", "scheduler"),
    ("AmazonEC2", "BoxUsage:r9.large", "RunInstances", "r9.large"),
])
def test_other_names_mean_the_same_item(service: str, usage_type: str, operation: str, item: str) -> None:
    assert items_named(service, usage_type, operation)[0].item == item


def test_the_free_gb_seconds_can_be_of_either_architecture() -> None:
    found = items_named("AWSLambda", "Global-Lambda-GB-Second")
    assert [each.item for each in found] == ["duration_x86_64", "duration_arm64"]


@pytest.mark.parametrize(("service", "usage_type"), [
    ("AmazonDynamoDB", "IA-TimedStorage-ByteHrs"), ("awswaf", "Request"), ("AmazonECR", "TimedStorage-ByteHrs"),
    ("", "TimedStorage-ByteHrs")])
def test_what_only_resembles_a_usage_type_is_no_item(service: str, usage_type: str) -> None:
    assert items_named(service, usage_type) == []


def test_every_item_of_the_book_has_a_usage_type_or_a_reason_why_not() -> None:
    known = TABLE["services"]
    for service, item in PriceBook.load("us-east-1").prices:
        name = aws_name(service, item, "us-east-1")
        assert is_known_service(name.service_name), service
        if name.usage_type is None:
            fits = [of for of in known[service]["items"]
                    if of == item or ("*" in of and item.startswith(of.split("*")[0]))]
            assert fits and known[service]["items"][fits[0]]["why"], (service, item)


def test_every_usage_type_names_its_source_or_that_it_has_none() -> None:
    for service, item, entry in ENTRIES:
        if any(entry["types"]):
            assert entry["source"] is None or entry["source"] in TABLE["sources"], (service, item)
    assert {(service, item) for service, item, entry in ENTRIES if any(entry["types"]) and entry["source"] is None} == {
        ("apigateway", f"cache_{size}_gb") for size in ("1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")}


def test_every_region_of_the_book_has_a_prefix() -> None:
    zones = {"us-west-2-lax-1"}
    assert set(regions()) - zones <= set(TABLE["region_prefixes"])
