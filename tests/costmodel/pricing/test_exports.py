from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from costmodel.activity import Activity, CacheTally, FunctionTally, RouteTally
from costmodel.errors import InputError
from costmodel.pricing.bill import Bill, price
from costmodel.pricing.exports import AMOUNTS, COLUMNS, focus_rows, write_focus
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter

START = datetime(2026, 2, 3, 4, tzinfo=UTC)


def bill(hours: float = 2.0) -> Bill:
    tallies = (RouteTally("http", "GET /", 5e6, units=5e6, response_bytes=3e10), CacheTally("rest", 0.5, hours),
               FunctionTally("F", "GET /", "arm64", 512, 5e6, gb_s=123.4567, log_bytes=1e9))
    return price(meter(Activity("us-east-1", hours, tallies, "measured")), PriceBook.load("us-east-1"))


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


def test_the_periods_are_the_bill_s_hours_and_their_calendar_month() -> None:
    row = focus_rows(bill(), START)[0]
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (START, datetime(2026, 2, 3, 6, tzinfo=UTC))
    assert row["BillingPeriodStart"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert row["BillingPeriodEnd"] == datetime(2026, 3, 1, tzinfo=UTC)


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


def test_another_suffix_and_a_start_without_a_zone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.csv or \.parquet"):
        write_focus(bill(), tmp_path / "bill.xls", START)
    with pytest.raises(InputError, match="give a time zone"):
        focus_rows(bill(), datetime(2026, 2, 3))
