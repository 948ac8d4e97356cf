from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from costmodel.errors import InputError
from costmodel.pricing.invoices import Charge, read_charges

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
LEGACY = """\
identity/LineItemId,lineItem/LineItemType,lineItem/ProductCode,lineItem/UsageType,lineItem/UsageAmount,\
lineItem/UnblendedCost,lineItem/UsageStartDate,product/regionCode,lineItem/LineItemDescription,savingsPlan/SavingsPlanEffectiveCost
1,Usage,AWSLambda,EU-Request,2000000.0,0.4000000000,2026-11-01T00:00:00Z,eu-west-1,requests,
2,Tax,AWSLambda,,,0.5,2026-11-01T00:00:00Z,,Tax,
3,SavingsPlanCoveredUsage,AWSLambda,EU-Lambda-GB-Second,10,9,2026-11-01T00:00:00Z,eu-west-1,covered,7.5
4,SavingsPlanNegation,ComputeSavingsPlans,EU-Lambda-GB-Second,0,-9,2026-11-01T00:00:00Z,eu-west-1,negation,
"""
CUR2 = """\
line_item_line_item_type,line_item_product_code,line_item_usage_type,line_item_usage_amount,line_item_unblended_cost,\
line_item_usage_start_date,product_region_code
Usage,AmazonApiGateway,USE1-ApiGatewayRequest,1000000,3.5,2026-11-01 00:00:00,us-east-1
"""
FOCUS = """\
ChargeCategory,ServiceName,SkuMeter,RegionId,ConsumedQuantity,PricingQuantity,BilledCost,EffectiveCost,ChargePeriodStart
Usage,AWS Lambda,Request,us-east-1,5,5,0,0.000001,2026-11-01T00:00:00Z
Credit,AWS Lambda,Request,us-east-1,,,-1,-1,2026-11-01T00:00:00Z
"""
EXPLORER = {
    "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
    "ResultsByTime": [{
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-12-01"}, "Total": {}, "Estimated": False,
        "Groups": [{"Keys": ["AWS Lambda", "EU-Lambda-GB-Second-ARM"], "Metrics": {
            "UnblendedCost": {"Amount": "1.25", "Unit": "USD"}, "UsageQuantity": {"Amount": "93750", "Unit": "N/A"}}}]}],
}


def written(path: Path, text: str, name: str = "charges.csv") -> Path:
    file = path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_legacy_report_is_read_and_covered_usage_counts_at_its_effective_cost(tmp_path: Path) -> None:
    requests, tax, covered = read_charges(written(tmp_path, LEGACY))
    assert requests == Charge("AWSLambda", "Request", "eu-west-1", Decimal(2_000_000), Decimal("0.4"),
                              description="requests", start=NOVEMBER)
    assert (tax.kind, tax.usd) == ("other", Decimal("0.5"))
    assert (covered.kind, covered.usage_type, covered.usd) == ("usage", "Lambda-GB-Second", Decimal("7.5"))


def test_a_report_of_cur_2_is_read(tmp_path: Path) -> None:
    (charge,) = read_charges(written(tmp_path, CUR2))
    assert (charge.service, charge.usage_type, charge.region) == ("AmazonApiGateway", "ApiGatewayRequest", "us-east-1")
    assert (charge.quantity, charge.usd, charge.start) == (Decimal(1_000_000), Decimal("3.5"), NOVEMBER)


def test_a_focus_export_is_read_at_effective_costs(tmp_path: Path) -> None:
    usage, credit = read_charges(written(tmp_path, FOCUS))
    assert (usage.service, usage.usage_type, usage.quantity, usage.usd) == (
        "AWS Lambda", "Request", Decimal(5), Decimal("0.000001"))
    assert credit.kind == "other" and credit.usd == -1


def test_cost_explorer_is_read(tmp_path: Path) -> None:
    (charge,) = read_charges(written(tmp_path, json.dumps(EXPLORER), "answer.json"))
    assert charge == Charge("AWS Lambda", "Lambda-GB-Second-ARM", "eu-west-1", Decimal(93_750), Decimal("1.25"),
                            description="EU-Lambda-GB-Second-ARM", start=NOVEMBER)


def test_compressed_and_parquet_files_are_read_too(tmp_path: Path) -> None:
    import pandas as pd

    with gzip.open(tmp_path / "report.csv.gz", "wt", encoding="utf-8") as file:
        file.write(LEGACY)
    pd.read_csv(written(tmp_path, CUR2)).to_parquet(tmp_path / "report.parquet")
    assert read_charges(tmp_path / "report.csv.gz") == read_charges(written(tmp_path, LEGACY))
    assert read_charges(tmp_path / "report.parquet") == read_charges(written(tmp_path, CUR2))


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.csv", "name,cost\nx,1\n", "neither a Cost and Usage Report nor a FOCUS export"),
    ("a.csv", "", "neither a Cost and Usage Report"),
    ("a.csv", LEGACY.replace("2000000.0", "many"), "line 2: quantity = 'many': not a number"),
    ("a.csv", LEGACY.replace("2026-11-01T00:00:00Z,eu-west-1,requests", "soon,eu-west-1,requests"), "start = 'soon'"),
    ("a.json", "{}", "not an answer of Cost Explorer"),
    ("a.json", json.dumps({**EXPLORER, "GroupDefinitions": [{"Key": "SERVICE"}]}), "not grouped by usage type"),
    ("a.json", json.dumps(EXPLORER).replace("UsageQuantity", "NormalizedUsageAmount"), "ask for UnblendedCost and UsageQuantity"),
    ("a.parquet", "nothing", "not readable as CSV or Parquet"),
])
def test_what_is_no_bill_is_refused_in_one_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_charges(written(tmp_path, text, name))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for name in ("no.csv", "no.json", "no.parquet"):
        with pytest.raises(InputError, match="no such file"):
            read_charges(tmp_path / name)
