"""A bill as FOCUS 1.2 rows, a row a component, for the tools that read AWS's own FOCUS exports.

Columns are the mandatory ones of the FinOps Open Cost and Usage Specification 1.2 that a forecast can fill, and AWS's
x_ columns. `SkuMeter` (and `x_UsageType`, its name in FOCUS 1.0) is AWS's usage type; null where none is known.
`ContractedUnitPrice` is what a unit paid after tiers and allowances, so a row's costs are quantity x that price. What
only an account knows (account ids, SKU ids, invoice) is null. Times are UTC, ends exclusive; amounts in USD.
Source: focus.finops.org, version 1.2; AWS Data Exports user guide, "FOCUS 1.2 with AWS columns".
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from costmodel.errors import InputError
from costmodel.pricing.bill import Bill, CostComponent
from costmodel.pricing.usage_types import aws_name, full_usage_type

COST_DIGITS = 18
"""Decimals of an amount in Parquet, decimal128(38, 18)."""
AMOUNTS = ("BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "ListCost",
           "ListUnitPrice", "PricingQuantity")
TIMES = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName",
    "ListCost", "ListUnitPrice", "PricingCategory", "PricingCurrency", "PricingQuantity", "PricingUnit", "ProviderName",
    "PublisherName", "RegionId", "RegionName", "ResourceId", "ResourceName", "ServiceCategory", "ServiceName",
    "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId", "SubAccountId", "Tags", "x_Operation", "x_ServiceCode",
    "x_UsageType", "x_Origin", "x_PriceSource")


def focus_rows(bill: Bill, start: datetime) -> list[dict[str, Any]]:
    """The bill's components as FOCUS rows; `start` of its period, with a time zone."""
    if start.tzinfo is None:
        raise InputError(f"start = {start}: give a time zone, as 2026-10-01T00:00:00Z")
    return [_row(component, bill, start.astimezone(UTC)) for component in bill.components]


def write_focus(bill: Bill, path: Path, start: datetime) -> None:
    """Write the rows as CSV or Parquet, by the file's suffix."""
    rows = focus_rows(bill, start)
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    elif path.suffix == ".parquet":
        _write_parquet(rows, path)
    else:
        raise InputError(f"{path}: give a name that ends in .csv or .parquet")


def _row(component: CostComponent, bill: Bill, start: datetime) -> dict[str, Any]:
    name = aws_name(component.service, component.item)
    usage_type = full_usage_type(component.service, component.item, bill.region)
    month = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    cost: Mapping[str, Any] = dict.fromkeys(("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"), component.cost)
    price = dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), component.price)
    amazon = dict.fromkeys(("InvoiceIssuerName", "ProviderName", "PublisherName"), "Amazon Web Services")
    quantity = {"ConsumedQuantity": component.quantity, "ConsumedUnit": component.unit,
                "PricingQuantity": component.quantity, "PricingUnit": component.unit}
    row = {
        **cost, **price, **amazon, **quantity, "BillingCurrency": "USD", "PricingCurrency": "USD",
        "BillingPeriodStart": month, "BillingPeriodEnd": (month + timedelta(days=32)).replace(day=1),
        "ChargePeriodStart": start, "ChargePeriodEnd": start + timedelta(hours=bill.hours),
        "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based", "PricingCategory": "Standard",
        "ChargeDescription": f"{component.item} of {component.resource}: {component.quantity:f} {component.unit}",
        "RegionId": bill.region, "RegionName": bill.region, "ResourceId": component.resource,
        "ResourceName": component.resource, "ServiceCategory": name.category, "ServiceName": name.service_name,
        "ServiceSubcategory": name.subcategory, "SkuMeter": usage_type, "x_UsageType": usage_type,
        "x_Operation": name.operation, "x_ServiceCode": name.service_code, "x_Origin": component.origin,
        "x_PriceSource": component.source, "Tags": {"route": component.route} if component.route else {},
    }
    return {column: row.get(column) for column in COLUMNS}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Mapping):
        import json

        return json.dumps(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    amount, time = pa.decimal128(38, COST_DIGITS), pa.timestamp("us", tz="UTC")
    schema = pa.schema([
        (name, amount if name in AMOUNTS else time if name in TIMES else pa.string()) for name in COLUMNS])
    smallest = Decimal(1).scaleb(-COST_DIGITS)
    plain = [{name: value.quantize(smallest) if isinstance(value, Decimal) else _text(value)
              if isinstance(value, Mapping) else value for name, value in row.items()} for row in rows]
    pq.write_table(pa.Table.from_pylist(plain, schema=schema), path)
