"""AWS's price documents, made here in the shape that was recorded of the real ones; the numbers are made up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costmodel.errors import InputError
from costmodel.pricing.price_book import PriceBook, Tier
from costmodel.pricing.price_list import FREE_TIER_TERM, changes, read_offers, refresh

Ranges = list[tuple[str, str, str]]
"""beginRange, endRange, USD."""


def term(sku: str, ranges: Ranges, code: str = "JRTCKXETXF") -> dict[str, Any]:
    return {"offerTermCode": code, "sku": sku, "effectiveDate": "2026-11-01T00:00:00Z", "termAttributes": {},
            "priceDimensions": {f"{sku}.{code}.{n}": {
                "unit": "Requests", "beginRange": begin, "endRange": end, "appliesTo": [], "pricePerUnit": {"USD": usd}}
                for n, (begin, end, usd) in enumerate(ranges)}}


def product(sku: str, usage_type: str, region: str | None = "us-east-1") -> dict[str, Any]:
    attributes = {"usagetype": usage_type, "operation": ""} | ({"regionCode": region} if region else {})
    return {"sku": sku, "productFamily": "Serverless", "attributes": attributes}


def answer(*products: tuple[dict[str, Any], Ranges], code: str = "AWSLambda", as_text: bool = True) -> dict[str, Any]:
    """What get_products answers: each element a JSON text."""
    listed = [{"product": one, "serviceCode": code, "version": "1", "publicationDate": "2026-11-02T10:00:00Z",
               "terms": {"OnDemand": {f"{one['sku']}.JRTCKXETXF": term(one["sku"], ranges)}}} for one, ranges in products]
    return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(one) for one in listed] if as_text else listed}


def bulk_file(*products: tuple[dict[str, Any], Ranges], code: str = "AWSLambda") -> dict[str, Any]:
    """The same as a bulk offer file, with a free-tier term beside."""
    return {
        "formatVersion": "v1.0", "offerCode": code, "version": "1", "publicationDate": "2026-11-02T10:00:00Z",
        "products": {one["sku"]: one for one, _ in products},
        "terms": {"OnDemand": {one["sku"]: {
            f"{one['sku']}.JRTCKXETXF": term(one["sku"], ranges),
            f"{one['sku']}.{FREE_TIER_TERM}": term(one["sku"], [("0", "1000000", "0.0")], FREE_TIER_TERM),
        } for one, ranges in products}},
    }


REQUESTS = (product("A", "Request"), [("0", "Inf", "0.0000003000")])
DURATION = (product("B", "Lambda-GB-Second"), [("15000000000", "Inf", "0.0000133334"), ("0", "6000000000", "0.0000166667"),
                                               ("6000000000", "15000000000", "0.0000150000")])


@pytest.mark.parametrize("document", [answer(REQUESTS, DURATION), answer(REQUESTS, DURATION, as_text=False),
                                      bulk_file(REQUESTS, DURATION)])
def test_both_documents_give_tiers_in_order_and_no_free_tier(document: dict[str, Any]) -> None:
    requests, duration = read_offers([document], "us-east-1")
    assert (requests.service, requests.item, requests.tiers) == ("lambda", "requests", (Tier(None, Decimal("3E-7")),))
    assert duration.item == "duration_x86_64"
    assert [tier.up_to for tier in duration.tiers] == [6_000_000_000, 15_000_000_000, None]
    assert str(duration.effective) == "2026-11-01" and duration.published == "2026-11-02"


@pytest.mark.parametrize(("region", "usage_type"), [
    ("us-east-1", "ApiGatewayRequest"), ("us-east-1", "USE1-ApiGatewayRequest"), ("eu-west-1", "EU-ApiGatewayRequest"),
    ("eu-central-1", "EUC1-ApiGatewayRequest")])
def test_a_usage_type_is_matched_after_the_prefix_of_its_region(region: str, usage_type: str) -> None:
    document = answer((product("A", usage_type, region), [("0", "Inf", "0.000004")]), code="AmazonApiGateway")
    (offer,) = read_offers([document], region)
    assert (offer.service, offer.item) == ("apigateway", "rest_requests")


def test_a_usage_type_that_only_resembles_one_is_not_taken_for_it() -> None:
    other = (product("C", "Request-Managed-Instances"), [("0", "Inf", "9")])
    elsewhere = (product("D", "EUC1-Request", "eu-central-1"), [("0", "Inf", "9")])
    (offer,) = read_offers([answer(REQUESTS, other, elsewhere)], "us-east-1")
    assert offer.tiers[0].usd == Decimal("3E-7")


def test_the_price_list_s_other_classes_and_free_tiers_are_not_the_item() -> None:
    """DynamoDB's products of us-east-1: the plain type begins with the free tier, the prefixed one has none."""
    document = bulk_file(
        (product("A", "TimedStorage-ByteHrs"), [("0", "25", "0"), ("25", "Inf", "0.25")]),
        (product("B", "USE1-TimedStorage-ByteHrs"), [("0", "Inf", "0.25")]),
        (product("C", "IA-TimedStorage-ByteHrs"), [("0", "Inf", "0.1")]),
        (product("D", "Global-TimedStorage-ByteHrs"), [("0", "25", "0")]), code="AmazonDynamoDB")
    (offer,) = read_offers([document], "us-east-1")
    assert (offer.item, offer.tiers) == ("storage", (Tier(None, Decimal("0.25")),))


def test_the_tiers_after_the_free_one_begin_at_nothing() -> None:
    document = bulk_file((product("A", "Request"), [("0", "10", "0"), ("10", "110", "2"), ("110", "Inf", "1")]))
    (offer,) = read_offers([document], "us-east-1")
    assert offer.tiers == (Tier(Decimal(100), Decimal(2)), Tier(None, Decimal(1)))


def test_an_item_s_own_usage_type_goes_before_its_other_names() -> None:
    document = bulk_file((product("A", "USE1-RequestV2-Tier1"), [("0", "Inf", "0.0000002")]),
                         (product("B", "USE1-RequestV2-Tier0"), [("0", "Inf", "0.0000006")]), code="awswaf")
    assert [str(offer.tiers[0].usd) for offer in read_offers([document], "us-east-1")] == ["6E-7"]


def test_a_product_is_told_by_its_attribute_where_the_usage_type_is_shared() -> None:
    standard, overhead = product("A", "TimedStorage-ByteHrs"), product("B", "TimedStorage-ByteHrs")
    standard["attributes"]["volumeType"], overhead["attributes"]["volumeType"] = "Standard", "INTAAS3ObjectOverhead"
    document = bulk_file((standard, [("0", "Inf", "0.023")]), (overhead, [("0", "Inf", "0.021")]), code="AmazonS3")
    (offer,) = read_offers([document], "us-east-1")
    assert offer.tiers[0].usd == Decimal("0.023")


def test_nat_gateways_are_read_from_the_offer_of_ec2_and_queues_by_their_regional_names() -> None:
    gateway = (product("A", "NatGateway-Hours"), [("0", "Inf", "0.045")])
    (nat,) = read_offers([bulk_file(gateway, code="AmazonEC2")], "us-east-1")
    queue = (product("B", "EU-Requests-FIFO-Tier1", "eu-west-1"), [("0", "Inf", "0.0000005")])
    (fifo,) = read_offers([bulk_file(queue, code="AWSQueueService")], "eu-west-1")
    assert (nat.item, fifo.item) == ("nat_gateway_hour", "fifo")


def test_two_prices_for_one_item_are_refused() -> None:
    document = bulk_file((product("A", "Request"), [("0", "Inf", "2")]), (product("B", "Request"), [("0", "Inf", "3")]))
    with pytest.raises(InputError, match="lambda requests: two prices"):
        read_offers([document], "us-east-1")


def test_an_old_file_that_names_no_region_is_matched_by_the_prefix() -> None:
    document = bulk_file((product("A", "EU-Request", None), [("0", "Inf", "0.0000002")]),
                         (product("B", "USW2-Request", None), [("0", "Inf", "9")]))
    (offer,) = read_offers([document], "eu-west-1")
    assert offer.tiers[0].usd == Decimal("2E-7")


def test_a_change_names_what_was_and_what_is() -> None:
    (change,) = changes(PriceBook.load("us-east-1"), read_offers([answer(REQUESTS, DURATION)], "us-east-1"))
    assert (change.item, change.before, change.after) == (
        "requests", (Tier(None, Decimal("2e-7")),), (Tier(None, Decimal("3E-7")),))


def test_a_refreshed_book_has_the_new_price_with_its_source_and_all_others_exactly_as_before(tmp_path: Path) -> None:
    refresh(tmp_path, "us-east-1", read_offers([answer(REQUESTS, DURATION)], "us-east-1"), "lambda.json")
    before, after = PriceBook.load("us-east-1"), PriceBook.load("us-east-1", tmp_path)
    requests = after.price("lambda", "requests")
    assert requests.tiers[0].usd == Decimal("3E-7") and str(requests.effective) == "2026-11-01"
    assert requests.sources == ("AWS Price List, published 2026-11-02",)
    refreshed = {("lambda", "requests"), ("lambda", "duration_x86_64")}
    assert all(after.prices[key] == price for key, price in before.prices.items() if key not in refreshed)
    assert after.allowances == before.allowances


def test_a_price_without_a_region_is_refreshed_for_all_regions(tmp_path: Path) -> None:
    document = bulk_file((product("A", "US-Requests-Tier2-HTTPS", None), [("0", "Inf", "0.000002")]), code="AmazonCloudFront")
    refresh(tmp_path, "us-east-1", read_offers([document], "us-east-1"), "cloudfront.json")
    for region in ("us-east-1", "eu-west-1"):
        book = PriceBook.load(region, tmp_path)
        assert book.price("cloudfront", "https_requests").tiers == (Tier(None, Decimal("0.000002")),)


def test_a_refresh_adds_what_the_book_lacked_and_a_whole_region(tmp_path: Path) -> None:
    document = answer((product("A", "EUN9-Request", "eu-north-9"), [("0", "Inf", "0.0000002")]))
    refresh(tmp_path, "eu-north-9", read_offers([document], "eu-north-9"), "lambda.json")
    assert PriceBook.load("eu-north-9", tmp_path).price("lambda", "requests").unit == "request"


def test_every_linux_instance_is_an_item_and_other_operations_are_not(tmp_path: Path) -> None:
    linux, windows = (product(name, "BoxUsage:r9.large") for name in "AB")
    linux["attributes"]["operation"], windows["attributes"]["operation"] = "RunInstances", "RunInstances:0002"
    document = answer((linux, [("0", "Inf", "0.126")]), (windows, [("0", "Inf", "9")]), code="AmazonEC2")
    refresh(tmp_path, "us-east-1", read_offers([document], "us-east-1"), "ec2.json")
    book = PriceBook.load("us-east-1", tmp_path)
    assert book.price("ec2", "r9.large").tiers == (Tier(None, Decimal("0.126")),)
    assert book.price("lambda", "managed_instances_fee_r9.large").tiers[0].usd == Decimal("0.0189")


@pytest.mark.parametrize("document", [{"PriceList": ["{}"]}, {"products": {}, "terms": {}}, [], {"PriceList": [1]}])
def test_what_is_no_price_document_is_refused(document: Any) -> None:
    with pytest.raises(InputError, match=r"no price document in AWS's shape|no price in it"):
        read_offers([document], "us-east-1")


def test_a_document_of_another_region_is_refused() -> None:
    with pytest.raises(InputError, match="no price in it that the book has an item for in eu-west-1"):
        read_offers([answer(REQUESTS)], "eu-west-1")
