from __future__ import annotations

import pytest

from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.usage_types import (
    aws_name,
    full_usage_type,
    is_known_service,
    items_by_usage_type,
    split_usage_type,
)


@pytest.mark.parametrize(("service", "item", "region", "usage_type"), [
    ("lambda", "duration_arm64", "us-east-1", "Lambda-GB-Second-ARM"),
    ("lambda", "duration_x86_64", "eu-west-1", "EU-Lambda-GB-Second"),
    ("apigateway", "http_requests", "us-east-1", "USE1-ApiGatewayHttpRequest"),
    ("apigateway", "cache_1.6_gb", "ap-northeast-1", "APN1-ApiGatewayCacheUsage:1.55GB"),
    ("ec2", "m7g.large", "us-west-2", "USW2-BoxUsage:m7g.large"),
    ("lambda", "snapstart_cache", "us-east-1", None),
    ("lambda", "requests", "xx-nowhere-1", None),
])
def test_an_item_has_aws_s_usage_type_with_the_region_s_prefix(service: str, item: str, region: str,
                                                               usage_type: str | None) -> None:
    assert full_usage_type(service, item, region) == usage_type


@pytest.mark.parametrize(("text", "region", "rest"), [
    ("USE1-ApiGatewayRequest", "us-east-1", "ApiGatewayRequest"), ("EU-Request", "eu-west-1", "Request"),
    ("Lambda-GB-Second", None, "Lambda-GB-Second"), ("Global-Request", None, "Global-Request"), ("Request", None, "Request"),
])
def test_a_usage_type_is_split_from_its_prefix(text: str, region: str | None, rest: str) -> None:
    assert split_usage_type(text) == (region, rest)


def test_every_usage_type_leads_back_to_its_item() -> None:
    for (code, usage_type), (service, item) in items_by_usage_type().items():
        name = aws_name(service, item)
        assert (name.service_code, name.usage_type) == (code, usage_type)


def test_every_item_of_the_table_is_in_the_price_book() -> None:
    book = PriceBook.load("us-east-1")
    assert set(items_by_usage_type().values()) <= set(book.prices)


def test_every_service_of_the_book_has_its_aws_name() -> None:
    for service, item in PriceBook.load("us-east-1").prices:
        assert is_known_service(aws_name(service, item).service_name), service
