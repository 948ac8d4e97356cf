from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costmodel.activity import Activity, CacheTally, FunctionTally, RouteTally
from costmodel.errors import InputError
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.exports import AMOUNTS, COLUMNS, focus_rows, on_demand, write_focus
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.usage_file import UsageFile, parse_usage

BOOK = PriceBook.load("us-east-1")
START = datetime(2026, 2, 3, 4, tzinfo=UTC)


def bill(hours: float = 2.0) -> Bill:
    tallies = (RouteTally("http", "GET /", 5e6, units=5e6, response_bytes=3e10), CacheTally("rest", 0.5, hours),
               FunctionTally("F", "GET /", "arm64", 512, 5e6, gb_s=123.4567, log_bytes=1e9))
    return price(meter(Activity("us-east-1", hours, tallies, "measured")), BOOK)


def test_each_component_is_a_row_and_the_costs_add_up() -> None:
    rows = focus_rows(bill(), START)
    assert len(rows) == len(bill().components)
    for column in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"):
        assert sum(row[column] for row in rows) == bill().total


def test_a_row_s_quantity_times_its_price_is_its_cost() -> None:
    for row in focus_rows(bill(), START):
        assert row["PricingQuantity"] * row["ContractedUnitPrice"] == row["BilledCost"]


def test_a_row_has_aws_s_names() -> None:
    row = next(row for row in focus_rows(bill(), START) if row["x_UsageType"] == "Lambda-GB-Second-ARM")
    assert (row["ServiceName"], row["ServiceCategory"], row["x_ServiceCode"]) == ("AWS Lambda", "Compute", "AWSLambda")
    assert (row["SkuMeter"], row["x_Operation"], row["RegionId"]) == ("Lambda-GB-Second-ARM", "Invoke", "us-east-1")
    assert (row["ResourceId"], row["Tags"], row["x_Origin"]) == ("F", {"route": "GET /"}, "measured")
    assert (row["ChargeCategory"], row["ProviderName"], row["BillingCurrency"]) == ("Usage", "Amazon Web Services", "USD")
    assert (row["SkuId"], row["PricingUnit"]) == ("us-east-1/lambda/duration_arm64", "GB-Seconds")
    assert row["BillingAccountId"] == "estimate"


@pytest.mark.parametrize(("start", "hours", "end"), [
    (START, 2.0, datetime(2026, 2, 3, 6, tzinfo=UTC)),
    (datetime(2026, 12, 1, tzinfo=UTC), 730.0, datetime(2026, 12, 31, 10, tzinfo=UTC)),
    (datetime(2026, 11, 1, tzinfo=UTC), 730.0, datetime(2026, 12, 1, tzinfo=UTC)),
    (datetime(2026, 11, 30, 23, tzinfo=UTC), 2.0, datetime(2026, 12, 1, tzinfo=UTC))])
def test_a_charge_s_period_ends_with_the_bill_s_hours_or_with_its_month(start: datetime, hours: float,
                                                                        end: datetime) -> None:
    row = focus_rows(bill(hours), start)[0]
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"], row["x_PeriodHours"]) == (start, end, Decimal(str(hours)))
    assert row["BillingPeriodStart"] == start.replace(day=1, hour=0)
    assert row["BillingPeriodEnd"] == (start.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)


def test_csv_holds_the_amounts_in_full_and_times_in_utc(tmp_path: Path) -> None:
    write_focus(bill(), tmp_path / "bill.csv", START)
    with (tmp_path / "bill.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert sum(Decimal(row["BilledCost"]) for row in rows) == bill().total
    assert not any("E" in row[column] for row in rows for column in AMOUNTS)
    assert rows[0]["ChargePeriodStart"] == "2026-02-03T04:00:00Z"
    assert json.loads(rows[0]["Tags"]) in ({}, {"route": "GET /"})


def test_parquet_has_decimals_and_times_as_such(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_focus(bill(), tmp_path / "bill.parquet", START)
    table = pq.read_table(tmp_path / "bill.parquet")
    assert tuple(table.column_names) == COLUMNS
    assert str(table.schema.field("BilledCost").type) == "decimal128(38, 18)"
    assert sum(table["BilledCost"].to_pylist()) == pytest.approx(bill().total)
    assert table["ChargePeriodStart"].to_pylist()[0] == START


def test_a_discount_lowers_the_contracted_cost_and_not_the_listed_one() -> None:
    usage = parse_usage({"region": "us-east-1", "web": {
        "kind": "ec2.instances", "instance_type": "m5.large", "instances": 1, "discount": 0.25}})
    (row,) = exported(usage)
    assert row["ListCost"] == Decimal("0.096") * 730 and row["ListUnitPrice"] == Decimal("0.096")
    assert row["ContractedCost"] == row["BilledCost"] == row["EffectiveCost"] == Decimal("0.072") * 730


@pytest.mark.parametrize(("commitment", "statuses"), [
    ({}, ["Used", None, None]), ({"commitment_usd_per_hour": 0.001}, ["Used", None, None, None]),
    ({"commitment_usd_per_hour": 1}, ["Used", None, "Unused", None])])
def test_a_savings_plan_is_a_purchase_and_what_it_covers_is_not_billed_again(commitment: dict[str, float],
                                                                             statuses: list[str | None]) -> None:
    usage = with_plan(commitment)
    rows = exported(usage)
    covered = [row for row in rows if row["CommitmentDiscountStatus"]]
    (purchase,) = [row for row in rows if row["ChargeCategory"] == "Purchase"]
    assert sorted(row["CommitmentDiscountStatus"] or "" for row in rows) == sorted(status or "" for status in statuses)
    assert all(row["BilledCost"] == 0 and row["PricingCategory"] == "Committed" for row in covered)
    assert (purchase["EffectiveCost"], purchase["CommitmentDiscountId"]) == (0, covered[0]["CommitmentDiscountId"])
    assert float(purchase["BilledCost"]) == pytest.approx(float(sum(row["EffectiveCost"] for row in covered)), rel=1e-15)
    total = float(priced(usage).total)
    for column in ("BilledCost", "EffectiveCost"):
        assert float(sum(row[column] for row in rows)) == pytest.approx(total, rel=1e-15)


def test_free_quantities_have_no_list_cost_either() -> None:
    usage = with_plan({})
    free = [row for row in exported(replace(usage, savings_plan=None, free_tier=True)) if row["x_UsageType"] == "Request"]
    assert free[0]["ListCost"] == free[0]["BilledCost"] == pytest.approx(Decimal("0.40"))


def with_plan(commitment: dict[str, float]) -> UsageFile:
    return parse_usage({"region": "us-east-1", "savings_plan": {"years": 1, **commitment}, "f": {
        "kind": "lambda.function", "requests": 3e6, "duration_ms": 120, "memory_mb": 1536, "cold_starts": 0, "log_kb": 0}})


def priced(usage: UsageFile) -> Bill:
    return price(meter(usage.activity), BOOK, free_tier=usage.free_tier, savings_plan=usage.savings_plan)


def exported(usage: UsageFile) -> list[dict[str, Any]]:
    return focus_rows(priced(usage), START, on_demand(usage, BOOK))


def everything() -> list[dict[str, Any]]:
    """Rows of every service: under a Savings Plan, and what the book knows no plan's rate for."""
    planned = parse_usage({
        "region": "us-east-1", "savings_plan": {"years": 1, "commitment_usd_per_hour": 0.01}, "free_tier": True,
        "f": {"kind": "lambda.function", "requests": 3e6, "duration_ms": 120, "memory_mb": 1536, "cold_starts": 0,
              "log_kb": 1, "provisioned_concurrency": 1, "snapstart_versions": 1, "durable_operations": 5},
        "api": {"kind": "apigateway.http", "requests": 1e6, "response_kb": 2},
        "queue": {"kind": "sqs.queue", "requests": 5e6},
        "rest": {"kind": "apigateway.rest", "requests": 1e6, "response_kb": 2, "cache_gb": 0.5},
        "table": {"kind": "dynamodb.table", "writes": 1e6, "reads": 1e6, "stored_gb_months": 50},
        "bucket": {"kind": "s3.bucket", "stored_gb_months": 10, "reads": 1e6},
        "acl": {"kind": "waf.web_acl", "rules": 3},
        "topic": {"kind": "sns.topic", "publishes": 5e6, "email_deliveries": 1e5},
        "bus": {"kind": "eventbridge.bus", "custom_events": 1e6},
        "stream": {"kind": "kinesis.stream", "records": 1e6},
        "workflow": {"kind": "stepfunctions.standard", "transitions": 1e5},
        "keys": {"kind": "kms.keys", "keys": 1, "requests": 1e5},
        "secrets": {"kind": "secretsmanager.secrets", "calls": 1e5},
        "nat": {"kind": "vpc.nat_gateway", "processed_gb": 5},
        "cdn": {"kind": "cloudfront.distribution", "data_out_gb": 2000},
        "pool": {"kind": "cognito.user_pool", "monthly_users": 20_000},
        "traces": {"kind": "xray.traces", "recorded": 2e5},
        "trail": {"kind": "cloudtrail.trail", "data_events": 1e5},
        "metrics": {"kind": "cloudwatch.metrics", "custom_metrics": 50},
        "lb": {"kind": "alb.load_balancer", "requests": 1e6}})
    servers = parse_usage({
        "region": "us-east-1", "web": {"kind": "fargate.tasks", "vcpu": 1, "memory_gb": 2, "tasks": 1},
        "vm": {"kind": "ec2.instances", "instance_type": "m5.large", "instances": 1, "discount": 0.1}})
    return exported(planned) + exported(servers)


def test_every_row_obeys_the_specification() -> None:
    rules = json.loads((Path(__file__).parent / "data" / "focus_1_2.json").read_text(encoding="utf-8"))
    rows = everything()
    types = {"Decimal": Decimal, "String": str, "Date/Time": datetime, "JSON": dict}
    assert [name for name in COLUMNS if not name.startswith("x_")] == sorted(set(rules["columns"]) - {
        "BillingAccountType", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice"})
    for name, rule in rules["columns"].items():
        for row in rows if name in COLUMNS else ():
            if row[name] is None:
                assert rule["nulls"], (name, row["SkuId"])
            else:
                assert isinstance(row[name], types[rule["type"]]), (name, row[name])
                assert row[name] in rule.get("allowed", [row[name]]), (name, row[name])
    assert {row["ServiceName"] for row in rows} >= {"AWS Lambda", "Amazon DynamoDB", "AWS Savings Plans"}
    assert all(rules["subcategories"][row["ServiceSubcategory"]] == row["ServiceCategory"] for row in rows)


def test_every_row_s_values_agree_with_each_other_as_the_specification_wants() -> None:
    """The conditions that tables of allowed values cannot state: columns that are null together, products, periods."""
    for row in everything():
        usage, purchase = row["ChargeCategory"] == "Usage", row["ChargeCategory"] == "Purchase"
        unused = row["CommitmentDiscountStatus"] == "Unused"
        assert row["ChargeFrequency"] != "Usage-Based" or usage
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
        assert row["PricingQuantity"] * row["ContractedUnitPrice"] == row["ContractedCost"]
        assert row["PricingQuantity"] * row["ListUnitPrice"] == row["ListCost"]
        assert row["ListCost"] >= row["ContractedCost"] >= 0 <= row["BilledCost"]
        assert None not in [row[name] for name in
                            ("SkuId", "SkuPriceId", "PricingQuantity", "PricingUnit", "PricingCategory")]
        assert (row["ConsumedQuantity"] is None) == (purchase or unused) == (row["ConsumedUnit"] is None)
        committed = [name for name in row if name.startswith("CommitmentDiscount") and not name.endswith("Status")]
        assert len({row[name] is None for name in committed}) == 1
        assert (row["CommitmentDiscountStatus"] is not None) == (usage and row["CommitmentDiscountId"] is not None)
        assert (row["PricingCategory"] == "Committed") == (usage and row["CommitmentDiscountId"] is not None)
        assert not purchase or row["EffectiveCost"] == 0
        assert re.fullmatch(r"[A-Z][A-Za-z ]*|vCPU-Hours|[A-Za-z -]+-(Hours|Months|Seconds|Minutes)", row["PricingUnit"])


def test_another_suffix_and_a_start_without_a_zone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.csv or \.parquet"):
        write_focus(bill(), tmp_path / "bill.xls", START)
    with pytest.raises(InputError, match="give a time zone"):
        focus_rows(bill(), datetime(2026, 2, 3))
