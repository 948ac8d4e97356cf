"""Reports in the shape of AWS's own, with made-up accounts and amounts."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costmodel.errors import InputError
from costmodel.pricing.invoices import COMMITMENTS, RESERVATIONS, SAVINGS_PLANS, Charge, read_invoice

NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
LEGACY = """\
identity/LineItemId,identity/TimeInterval,bill/PayerAccountId,lineItem/UsageAccountId,lineItem/LineItemType,\
lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,lineItem/UsageAmount,\
lineItem/CurrencyCode,lineItem/UnblendedCost,lineItem/BlendedCost,product/regionCode,reservation/EffectiveCost,\
savingsPlan/SavingsPlanEffectiveCost,pricing/publicOnDemandCost
1,x,111,222,Usage,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,AWSLambda,EU-Request,Invoke,2000000.0,USD,0.4000000000,0.39,eu-west-1,,,0.4
2,x,111,222,Tax,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,AWSLambda,,,1.0,USD,0.5,0.5,,,,
3,x,111,333,SavingsPlanCoveredUsage,2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,AWSLambda,EU-Lambda-GB-Second,Invoke,10,USD,9,9,eu-west-1,,7.5,
4,x,111,333,SavingsPlanNegation,2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,ComputeSavingsPlans,EU-Lambda-GB-Second,Invoke,0,USD,-9,0,eu-west-1,,,
5,x,111,111,SavingsPlanRecurringFee,2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,ComputeSavingsPlans,EU-ComputeSP:1yrNoUpfront,,1,USD,8,8,,,,
6,x,111,222,DiscountedUsage,2026-11-01T00:00:00Z,2026-11-01T01:00:00Z,AmazonEC2,EU-BoxUsage:m5.large,RunInstances,1,USD,0,0,eu-west-1,0.06,,0.107
7,x,111,222,RIFee,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,AmazonEC2,EU-HeavyUsage:m5.large,RunInstances,720,USD,43.2,43.2,eu-west-1,,,
8,x,111,222,Credit,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,AWSLambda,EU-Request,Invoke,0,USD,-0.1,-0.1,eu-west-1,,,
9,x,111,222,EdpDiscount,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,AWSLambda,EU-Request,Invoke,0,USD,-0.02,-0.02,eu-west-1,,,
10,x,111,222,Refund,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,AmazonRDS,EU-InstanceUsage:db.t3.micro,,0,USD,-3,-3,eu-west-1,,,
"""
CUR2 = """\
line_item_line_item_type,line_item_product_code,line_item_usage_type,line_item_usage_amount,line_item_unblended_cost,\
line_item_usage_start_date,product_region_code,product,discount
Usage,AmazonApiGateway,USE1-ApiGatewayRequest,1000000,3.5,2026-11-01 00:00:00,us-east-1,"{""product_name"":""API""}",{}
"""
FOCUS = """\
BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargeClass,ChargePeriodEnd,ChargePeriodStart,CommitmentDiscountId,\
CommitmentDiscountStatus,ConsumedQuantity,EffectiveCost,ListCost,PricingQuantity,RegionId,ServiceName,SkuMeter,SubAccountId,x_Operation
0.4,111,USD,Usage,,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,,,2000000,0.4,0.4,2000000,us-east-1,AWS Lambda,Request,222,Invoke
0,111,USD,Usage,,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,sp-1,Used,10,0.0001,0.0002,10,us-east-1,AWS Lambda,Lambda-GB-Second,222,Invoke
0,111,USD,Usage,,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,sp-1,Unused,,0.9999,1,1,us-east-1,AWS Savings Plans,ComputeSP,222,
1,111,USD,Purchase,,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,sp-1,,,0,1,1,us-east-1,AWS Savings Plans,ComputeSP,222,
-1,111,USD,Credit,,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,,,,-1,-1,,us-east-1,AWS Lambda,Request,222,
-0.2,111,USD,Usage,Correction,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,,,,-0.2,-0.2,,us-east-1,AWS Lambda,Request,222,
0.08,111,USD,Tax,,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,,,,0.08,0.08,,,AWS Lambda,,222,
"""
EXPLORER: dict[str, Any] = {
    "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
    "ResultsByTime": [{
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-12-01"}, "Total": {}, "Estimated": False,
        "Groups": [{"Keys": ["AWS Lambda", "EU-Lambda-GB-Second-ARM"], "Metrics": {
            "UnblendedCost": {"Amount": "1.25", "Unit": "USD"}, "UsageQuantity": {"Amount": "93750", "Unit": "N/A"}}}]}],
    "DimensionValueAttributes": [],
}


def written(path: Path, text: str, name: str = "charges.csv") -> Path:
    file = path / name
    file.write_text(text, encoding="utf-8")
    return file


def charges(path: Path, text: str, name: str = "charges.csv") -> tuple[Charge, ...]:
    return read_invoice(written(path, text, name)).charges


def others(found: tuple[Charge, ...]) -> dict[str, Decimal]:
    usd: dict[str, Decimal] = {}
    for charge in found:
        if charge.kind == "other":
            usd[charge.description] = usd.get(charge.description, Decimal(0)) + charge.usd
    return usd


def test_a_legacy_report_is_read_and_covered_usage_counts_at_its_effective_cost(tmp_path: Path) -> None:
    requests, covered, reserved = (charge for charge in charges(tmp_path, LEGACY) if charge.kind == "usage")
    assert requests == Charge("AWSLambda", "Request", "eu-west-1", Decimal(2_000_000), Decimal("0.4"), start=NOVEMBER,
                              end=DECEMBER, operation="Invoke", account="222")
    assert (covered.usage_type, covered.usd, covered.account) == ("Lambda-GB-Second", Decimal("7.5"), "333")
    assert (covered.on_demand_usd, requests.on_demand_usd) == (Decimal(9), None)
    assert (reserved.usage_type, reserved.usd, reserved.on_demand_usd) == (
        "BoxUsage:m5.large", Decimal("0.06"), Decimal("0.107"))


def test_what_is_no_usage_keeps_its_amount_under_its_own_name(tmp_path: Path) -> None:
    assert others(charges(tmp_path, LEGACY)) == {
        "Tax": Decimal("0.5"), "Credit": Decimal("-0.1"), "EdpDiscount": Decimal("-0.02"), "Refund": Decimal(-3),
        SAVINGS_PLANS: Decimal("0.5"), RESERVATIONS: Decimal("43.14")}


@pytest.mark.parametrize(("text", "column"), [
    (LEGACY, "lineItem/UnblendedCost"), (CUR2, "line_item_unblended_cost"), (FOCUS, "BilledCost")])
def test_the_charges_of_a_file_sum_to_its_invoice(text: str, column: str, tmp_path: Path) -> None:
    invoiced = sum(Decimal(row[column]) for row in csv.DictReader(io.StringIO(text)))
    assert sum(charge.usd for charge in charges(tmp_path, text)) == invoiced


def test_a_report_of_cur_2_is_read_whatever_other_columns_it_has(tmp_path: Path) -> None:
    (charge,) = charges(tmp_path, CUR2)
    assert (charge.service, charge.usage_type, charge.region) == ("AmazonApiGateway", "ApiGatewayRequest", "us-east-1")
    assert (charge.quantity, charge.usd, charge.start) == (Decimal(1_000_000), Decimal("3.5"), NOVEMBER)


def test_a_focus_export_is_read_at_effective_costs_and_unused_commitment_is_no_usage(tmp_path: Path) -> None:
    found = charges(tmp_path, FOCUS)
    assert [(charge.usage_type, charge.quantity, charge.usd) for charge in found if charge.kind == "usage"] == [
        ("Request", Decimal(2_000_000), Decimal("0.4")), ("Lambda-GB-Second", Decimal(10), Decimal("0.0001"))]
    assert others(found) == {COMMITMENTS: Decimal("0.9999"), "Credit": Decimal(-1), "Usage Correction": Decimal("-0.2"),
                             "Tax": Decimal("0.08")}


def test_the_usage_type_of_focus_1_0_is_read_from_aws_s_own_column(tmp_path: Path) -> None:
    assert charges(tmp_path, FOCUS.replace("SkuMeter", "x_UsageType")) == charges(tmp_path, FOCUS)


def test_cost_explorer_is_read_with_what_it_cannot_tell(tmp_path: Path) -> None:
    answer = {**EXPLORER, "NextPageToken": "more"}
    answer["ResultsByTime"] = [{**EXPLORER["ResultsByTime"][0], "Estimated": True}]
    invoice = read_invoice(written(tmp_path, json.dumps(answer), "answer.json"))
    assert invoice.charges == (Charge("AWS Lambda", "Lambda-GB-Second-ARM", "eu-west-1", Decimal(93_750), Decimal("1.25"),
                                      start=NOVEMBER, end=DECEMBER),)
    assert [note.split(":")[0] for note in invoice.notes] == [
        "Cost Explorer marks a part of it as estimated", "the answer goes on at its NextPageToken",
        "Cost Explorer's sums hold credits and discounts"]


def test_cost_explorer_by_record_type_tells_credits_apart(tmp_path: Path) -> None:
    answer = json.dumps(EXPLORER).replace('"Key": "SERVICE"', '"Key": "RECORD_TYPE"').replace('"AWS Lambda"', '"Credit"')
    (charge,) = charges(tmp_path, answer, "answer.json")
    assert (charge.kind, charge.description, charge.usd) == ("other", "Credit", Decimal("1.25"))


def test_compressed_and_parquet_files_and_a_byte_order_mark_are_read_too(tmp_path: Path) -> None:
    import pandas as pd

    with gzip.open(tmp_path / "report.csv.gz", "wt", encoding="utf-8-sig") as file:
        file.write(LEGACY)
    pd.read_csv(written(tmp_path, CUR2)).to_parquet(tmp_path / "report.parquet")
    assert read_invoice(tmp_path / "report.csv.gz").charges == charges(tmp_path, LEGACY)
    assert read_invoice(tmp_path / "report.parquet").charges == charges(tmp_path, CUR2)
    assert charges(tmp_path, "\ufeff" + LEGACY) == charges(tmp_path, LEGACY)


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.csv", "name,cost\nx,1\n", "neither a Cost and Usage Report nor a FOCUS export"),
    ("a.csv", "SkuMeter,ListCost\nx,1\n", "neither a Cost and Usage Report nor a FOCUS export"),
    ("a.csv", "", "no line in it"), ("a.csv", LEGACY.splitlines()[0], "no line in it"),
    ("a.csv", LEGACY.replace("2000000.0", "many"), "line 2: quantity = 'many': not a number"),
    ("a.csv", LEGACY.replace("2000000.0", "nan"), "line 2: quantity = 'nan': not a number"),
    ("a.csv", LEGACY.replace("2000000.0,USD", "2000000.0,EUR"), "line 2: currency = EUR: the price book is in USD"),
    ("a.csv", LEGACY.replace("Usage,2026-11-01T00:00:00Z", "Usage,soon", 1), "start = 'soon'"),
    ("a.csv.gz", LEGACY, "not readable as CSV or Parquet"),
    ("a.json", "{}", "not an answer of Cost Explorer"), ("a.json", "[]", "not an answer of Cost Explorer"),
    ("a.json", '{"ResultsByTime": [{"Groups": [{}]}]}', "not an answer of Cost Explorer"),
    ("a.json", '{"ResultsByTime": []}', "no group in it: ask with --group-by"),
    ("a.json", json.dumps(EXPLORER).replace('"1.25"', "{}"), "UnblendedCost = "),
    ("a.json", json.dumps({**EXPLORER, "GroupDefinitions": [{"Key": "SERVICE"}, {"Key": "REGION"}]}), "not grouped by"),
    ("a.json", json.dumps(EXPLORER).replace("UsageQuantity", "NormalizedUsageAmount"), "ask for UnblendedCost and"),
    ("a.parquet", "nothing", "not readable as CSV or Parquet"),
])
def test_what_is_no_bill_is_refused_in_one_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        charges(tmp_path, text, name)
    assert "\n" not in str(raised.value)


def test_a_compressed_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(LEGACY.encode())[:-20])
    with pytest.raises(InputError, match="not readable as CSV"):
        read_invoice(tmp_path / "a.csv.gz")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for name in ("no.csv", "no.json", "no.parquet"):
        with pytest.raises(InputError, match="no such file"):
            read_invoice(tmp_path / name)
