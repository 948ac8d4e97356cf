from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.activity import Activity, FunctionTally, RouteTally
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.invoices import SAVINGS_PLANS, Charge
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.reconciliation import Compared, reconcile
from costmodel.pricing.services import meter

BOOK = PriceBook.load("us-east-1")


def bill(requests: float = 3e6, gb_s: float = 540_000.0, *, api: float = 0.0, free_tier: bool = False) -> Bill:
    tallies = (FunctionTally("F", "GET /", "x86_64", 1536, requests, gb_s=gb_s), RouteTally("rest", "GET /", api))
    return price(meter(Activity("us-east-1", 730.0, tallies, "measured")), BOOK, free_tier=free_tier)


def charge(usage_type: str, quantity: float, usd: str, service: str = "AWSLambda",
           region: str | None = "us-east-1") -> Charge:
    return Charge(service, usage_type, region, Decimal(str(quantity)), Decimal(usd))


REQUESTS = charge("Request", 3_000_000, "0.60")
DURATION = charge("Lambda-GB-Second", 540_000, "9.000018")


def item(name: str, ours: Bill, *charges: Charge) -> Compared:
    return next(of for of in reconcile(ours, charges, BOOK).items if of.item == name)


def test_equal_bills_have_nothing_to_explain() -> None:
    found = reconcile(bill(), [REQUESTS, DURATION], BOOK)
    assert all(of.difference == 0 and not of.parts for of in found.items)
    assert found.our_usd == found.aws_usd == Decimal("9.600018")


def test_lines_of_both_architectures_and_of_many_hours_are_summed() -> None:
    half = charge("Request", 1_500_000, "0.30")
    arm = charge("Request-ARM", 1_500_000, "0.30")
    assert item("requests", bill(), half, arm, DURATION).difference == 0


def test_more_usage_on_aws_s_side_is_a_difference_of_quantity() -> None:
    found = item("duration_x86_64", bill(), REQUESTS, charge("Lambda-GB-Second", 594_000, "9.9000198"))
    assert found.parts == {"quantity": 54_000 * Decimal("0.0000166667")}
    assert found.why == ("quantity +0.9000 USD: AWS counted +10.0 %",)


def test_lines_without_a_cost_are_the_free_tier() -> None:
    free = charge("Global-Request", 1_000_000, "0", region=None)
    found = item("requests", bill(), charge("Request", 2_000_000, "0.40"), free)
    assert found.parts == {"free tier": Decimal("-0.20")}


def test_the_free_tier_is_recognised_in_a_sum_by_the_book_s_allowance() -> None:
    found = item("duration_x86_64", bill(), REQUESTS, charge("Lambda-GB-Second", 540_000, "2.33"))
    assert set(found.parts) == {"free tier", "rounding"}
    assert found.parts["free tier"] == -400_000 * Decimal("0.0000166667")
    assert abs(found.parts["rounding"]) < Decimal("0.01")


def test_a_free_tier_on_our_side_is_told() -> None:
    found = item("requests", bill(free_tier=True), REQUESTS, DURATION)
    assert found.parts == {"taken off on our side": pytest.approx(Decimal("0.20"))}


def test_a_price_within_the_tiers_is_the_account_s_other_usage() -> None:
    rest = charge("ApiGatewayRequest", 1_000_000, "2.80", "AmazonApiGateway")
    found = item("rest_requests", bill(api=1e6), REQUESTS, DURATION, rest)
    assert found.parts == {"tier": Decimal("-0.70")}
    assert "other usage" in found.why[0]


def test_what_a_commitment_covers_is_told_apart_from_price_and_tier() -> None:
    covered = replace(charge("Lambda-GB-Second", 500_000, "7.00"), on_demand_usd=Decimal("8.33335"))
    found = item("duration_x86_64", bill(), REQUESTS, covered, charge("Lambda-GB-Second", 40_000, "0.666668"))
    assert found.parts == {"commitment": Decimal("-1.33335")}
    assert found.why == ("commitment -1.3334 USD: a Savings Plan or a reservation covers a part",)


def test_a_price_outside_the_tiers_is_another_price() -> None:
    found = item("requests", bill(), charge("Request", 3_000_000, "0.54"), DURATION)
    assert found.parts == {"price": Decimal("-0.06")}
    assert found.why == ("price -0.0600 USD: AWS's unit price is 90.0 % of ours: another day's price, or a discount",)


def test_what_aws_rounded_is_rounding() -> None:
    found = item("duration_x86_64", bill(), REQUESTS, charge("Lambda-GB-Second", 540_000, "9.0000180001"))
    assert set(found.parts) == {"rounding"}


def test_what_one_side_lacks_is_named() -> None:
    logs = charge("VendedLog-Bytes", 2, "1.00", "AmazonCloudWatch")
    strange = charge("Lambda-Strange", 1, "5")
    found = reconcile(bill(), [REQUESTS, logs, strange], BOOK)
    by_item = {of.item: of for of in found.items}
    assert by_item["logs_ingest_lambda_standard"].parts == {"missing on our side": Decimal("1.00")}
    assert by_item["duration_x86_64"].parts == {"missing in AWS's file": -Decimal("9.000018")}
    assert [of.usage_type for of in found.unmatched] == ["Lambda-Strange"]
    assert found.aws_usd == Decimal("6.60")


def test_other_services_regions_and_taxes_are_set_aside_with_their_amounts() -> None:
    tax = Charge("AWSLambda", "", None, Decimal(0), Decimal("0.5"), "other", "Tax")
    fee = Charge("ComputeSavingsPlans", "EU-ComputeSP", None, Decimal(0), Decimal(4), "other", SAVINGS_PLANS)
    found = reconcile(bill(), [REQUESTS, DURATION, tax, fee, charge("RDS:x", 1, "7", "AmazonRDS"),
                               charge("Request", 1, "2", region="eu-west-1")], BOOK)
    assert found.outside == {"Tax (AWSLambda)": Decimal("0.5"), SAVINGS_PLANS: Decimal(4), "AmazonRDS": Decimal(7),
                             "usage in eu-west-1": Decimal(2)}
    assert found.aws_usd == found.our_usd
    assert found.invoice_usd == found.aws_usd + Decimal("13.5")


def test_a_usage_type_without_a_region_is_of_us_east_1() -> None:
    ireland = price(meter(Activity("eu-west-1", 730.0, (FunctionTally("F", "", "x86_64", 512, 1e6),), "measured")),
                    PriceBook.load("eu-west-1"))
    bare = charge("Request", 5, "1", region=None)
    dashboard = charge("DashboardsUsageHour", 1, "3", "AmazonCloudWatch", None)
    found = reconcile(ireland, [bare, dashboard], PriceBook.load("eu-west-1"))
    assert found.outside == {"usage in us-east-1": Decimal(1)}
    assert "dashboard" in {of.item for of in found.items}


def test_the_free_gb_seconds_go_to_the_architecture_that_the_bill_has() -> None:
    free = charge("Global-Lambda-GB-Second", 400_000, "0", region="global")
    tallies = (FunctionTally("F", "", "arm64", 512, 0.0, gb_s=5e5),)
    arm = price(meter(Activity("us-east-1", 730.0, tallies, "measured")), BOOK)
    found = item("duration_arm64", arm, free, charge("Lambda-GB-Second-ARM", 100_000, "1.33334"))
    assert found.parts == {"free tier": -400_000 * Decimal("0.0000133334")}


def test_the_period_of_aws_s_lines_is_told() -> None:
    first, last = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC)
    found = reconcile(bill(), [replace(REQUESTS, start=first, end=last), DURATION], BOOK)
    assert found.aws_hours == 240.0
    assert reconcile(bill(), [REQUESTS], BOOK).aws_hours is None


lines = st.builds(
    Charge, st.sampled_from(["AWSLambda", "AmazonRDS", "awswaf", "AmazonEC2", ""]),
    st.sampled_from(["Request", "Lambda-GB-Second", "Lambda-New", "DataTransfer-Out-Bytes", "BoxUsage:m5.large", ""]),
    st.sampled_from(["us-east-1", "eu-west-1", None, "global"]), st.decimals(0, 1000, places=2),
    st.decimals(-100, 100, places=4),
    st.sampled_from(["usage", "other"]), st.sampled_from(["", "Tax", "Credit", SAVINGS_PLANS]))


@given(st.lists(lines))
def test_nothing_of_aws_s_charge_is_left_out(charges: list[Charge]) -> None:
    assert reconcile(bill(), charges, BOOK).invoice_usd == sum((of.usd for of in charges), Decimal(0))


@pytest.mark.parametrize(("service", "usage_type", "expected"), [
    ("AmazonApiGateway", "DataTransfer-Out-Bytes", "internet"), ("EC2 - Other", "NatGateway-Hours", "nat_gateway_hour"),
    ("AWS Lambda", "Lambda-GB-Second", "duration_x86_64"), ("", "ApiGatewayHttpRequest", "http_requests"),
    ("Amazon Elastic Compute Cloud - Compute", "BoxUsage:m7g.large", "m7g.large")])
def test_a_charge_finds_its_item_under_each_of_aws_s_names(service: str, usage_type: str, expected: str) -> None:
    found = reconcile(bill(), [charge(usage_type, 1, "1", service)], BOOK)
    assert expected in {of.item for of in found.items}


def test_a_usage_type_that_several_services_have_needs_its_service() -> None:
    found = reconcile(bill(), [charge("Requests-Tier1", 5, "1", "")], BOOK)
    assert [of.usage_type for of in found.unmatched] == ["Requests-Tier1"]


amounts = st.decimals(0, 10**6, places=4)


@given(amounts, amounts, amounts, st.booleans())
def test_the_parts_sum_to_the_difference_exactly(ours: Decimal, quantity: Decimal, usd: Decimal, free: bool) -> None:
    lines = [Charge("AWSLambda", "Request", "us-east-1", quantity, usd)]
    if free:
        lines.append(Charge("AWSLambda", "Global-Request", None, Decimal(7), Decimal(0)))
    for found in reconcile(bill(requests=float(ours), gb_s=0.0), lines, BOOK).items:
        assert sum(found.parts.values(), Decimal(0)) == pytest.approx(found.difference, rel=Decimal("1e-20"))
