"""A bill as FOCUS 1.2 rows, a row a component, for the tools that read AWS's own FOCUS exports.

    ListCost        at the published price, after tiers and allowances (AWS bills free quantities at a list price of 0)
    ContractedCost  less the discount that the account agreed on
    EffectiveCost   less a Savings Plan: what a covered row takes of the commitment
    BilledCost      0 on covered rows; the commitment is billed by a row of its own, a Purchase

Unit prices are what a unit paid on average, so that each cost is PricingQuantity x its price. A row that the plan
covers in part is two. The sum of BilledCost and that of EffectiveCost are the bill's total.

Columns are those of the FinOps Open Cost and Usage Specification 1.2, and AWS's x_ columns. What only an account
knows is null (names, invoice) or says that it is an estimate (`BillingAccountId`, `CommitmentDiscountId`). `SkuId`
and `SkuPriceId` are the price book's names of the item in its Region: AWS's own ids are in none of its sources.
`SkuMeter` (and `x_UsageType`, its name in AWS's FOCUS 1.0) is AWS's usage type, null where none is known. Times are
UTC, ends exclusive. A charge belongs to the month that it begins in: its period ends with that month at the latest,
whatever the hours of the bill (a nominal month has 730 h, November 720); `x_PeriodHours` has them. Amounts in USD.
Source: focus.finops.org, version 1.2; AWS Data Exports user guide, "FOCUS 1.2 with AWS columns".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from costmodel.errors import InputError
from costmodel.pricing.bill import Bill, CostComponent, Key, price
from costmodel.pricing.price_book import PriceBook
from costmodel.pricing.services import meter
from costmodel.pricing.usage_file import UsageFile
from costmodel.pricing.usage_types import aws_name

COST_DIGITS = 18
"""Decimals of an amount in Parquet, decimal128(38, 18)."""
SHARE_DIGITS = 20
ESTIMATE = "estimate"
AMOUNTS = ("BilledCost", "CommitmentDiscountQuantity", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice",
           "EffectiveCost", "ListCost", "ListUnitPrice", "PricingQuantity", "x_PeriodHours")
TIMES = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
COLUMNS = (
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "CapacityReservationId", "CapacityReservationStatus", "ChargeCategory", "ChargeClass",
    "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "CommitmentDiscountCategory",
    "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountStatus",
    "CommitmentDiscountType", "CommitmentDiscountUnit", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingCurrency", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId",
    "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory",
    "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags",
    "x_Operation", "x_Origin", "x_PeriodHours", "x_PriceSource", "x_ServiceCode", "x_UsageType")
COMMITMENT = {
    "CommitmentDiscountCategory": "Spend", "CommitmentDiscountId": f"compute-savings-plan-{ESTIMATE}",
    "CommitmentDiscountName": "Compute Savings Plan", "CommitmentDiscountType": "Compute Savings Plan",
    "CommitmentDiscountUnit": "USD"}


@dataclass(frozen=True)
class OnDemand:
    """A bill's usage at the prices before a Savings Plan (`contracted`) and before agreed discounts too (`listed`).

    `multipliers`: what the plan multiplies the on-demand prices of its items by; none without a plan.
    """

    contracted: Bill
    listed: Bill
    multipliers: Mapping[Key, Decimal]


def on_demand(usage: UsageFile, book: PriceBook, *, free_tier: bool = False) -> OnDemand:
    """The same usage without what the account agreed on with AWS."""
    plan, own, used = usage.savings_plan, usage.book(book), meter(usage.activity)
    listed = tuple(replace(tally, discount=0.0) if hasattr(tally, "discount") else tally  # type: ignore[call-arg]
                   for tally in usage.activity.tallies)
    free = free_tier or usage.free_tier
    keys = {(line.service, line.item) for line in used.lines}
    return OnDemand(
        price(used, own, free_tier=free), price(meter(replace(usage.activity, tallies=listed)), own, free_tier=free),
        own.savings_multipliers(plan.years, keys) if plan else {})


def focus_rows(bill: Bill, start: datetime, before: OnDemand | None = None, *,
               account: str = ESTIMATE) -> list[dict[str, Any]]:
    """The bill's components as FOCUS rows; `start` of its period, with a time zone.

    `before`: the prices before discounts and a Savings Plan; without it the bill has neither.
    """
    if start.tzinfo is None:
        raise InputError(f"start = {start}: give a time zone, as 2026-10-01T00:00:00Z")
    period = _period(bill, start.astimezone(UTC), account)
    rows = list(_usage_rows(bill, before or OnDemand(bill, bill, {})))
    committed = sum((row["EffectiveCost"] for row in rows if "CommitmentDiscountId" in row), Decimal(0))
    if committed:
        rows.append(_purchase(bill, committed))
    return [{column: {**period, **row}.get(column) for column in COLUMNS} for row in rows]


def write_focus(bill: Bill, path: Path, start: datetime, before: OnDemand | None = None, *,
                account: str = ESTIMATE) -> int:
    """Write the rows as CSV or Parquet, by the file's suffix, and say how many."""
    rows = focus_rows(bill, start, before, account=account)
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    elif path.suffix == ".parquet":
        _write_parquet(rows, path)
    else:
        raise InputError(f"{path}: give a name that ends in .csv or .parquet")
    return len(rows)


def _period(bill: Bill, start: datetime, account: str) -> dict[str, Any]:
    """What all rows have in common."""
    month = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month_end = (month + timedelta(days=32)).replace(day=1)
    amazon = dict.fromkeys(("InvoiceIssuerName", "ProviderName", "PublisherName"), "Amazon Web Services")
    return {
        **amazon, "BillingAccountId": account, "BillingCurrency": "USD", "PricingCurrency": "USD",
        "BillingPeriodStart": month, "BillingPeriodEnd": month_end, "ChargePeriodStart": start,
        "ChargePeriodEnd": min(start + timedelta(hours=bill.hours), month_end), "RegionId": bill.region,
        "RegionName": bill.region, "x_PeriodHours": Decimal(repr(bill.hours))}


def _usage_rows(bill: Bill, before: OnDemand) -> Iterator[dict[str, Any]]:
    priced = len(before.contracted.components)
    for component, contracted, listed in zip(bill.components[:priced], before.contracted.components,
                                             before.listed.components, strict=True):
        multiplier = before.multipliers.get((component.service, component.item), Decimal(1))
        share = _covered_share(component.price, contracted.price, multiplier)
        if share:
            covered = component.quantity * share
            yield {**_row(component, bill.region, covered, contracted.price, listed.price),
                   **_covered(covered * contracted.price * multiplier)}
        if share < 1:
            yield _row(component, bill.region, component.quantity * (1 - share), contracted.price, listed.price)
    for component in bill.components[priced:]:
        row = _row(component, bill.region, component.quantity, component.price, component.price)
        yield {**row, **_covered(component.cost), "CommitmentDiscountStatus": "Unused", "ConsumedQuantity": None,
               "ConsumedUnit": None}


def _covered_share(paid: Decimal, contracted: Decimal, multiplier: Decimal) -> Decimal:
    """How much of a quantity the plan pays for: paid = contracted x (1 - share x (1 - multiplier))."""
    if multiplier == 1 or not contracted:
        return Decimal(0)
    return round((contracted - paid) / (contracted * (1 - multiplier)), SHARE_DIGITS)


def _covered(effective: Decimal) -> dict[str, Any]:
    """What the commitment pays: nothing is billed but the commitment."""
    return {**COMMITMENT, "BilledCost": Decimal(0), "EffectiveCost": effective, "PricingCategory": "Committed",
            "CommitmentDiscountStatus": "Used", "CommitmentDiscountQuantity": effective}


def _purchase(bill: Bill, committed: Decimal) -> dict[str, Any]:
    """The commitment of the period, used or not."""
    plan = CostComponent(
        "savings_plans", "commitment", "Compute Savings Plan", "USD", quantity=committed, price=Decimal(1), cost=committed,
        origin="given", source="the usage's own savings_plan", effective=None)
    return {
        **_row(plan, bill.region, committed, Decimal(1), Decimal(1)), **COMMITMENT, "EffectiveCost": Decimal(0),
        "CommitmentDiscountQuantity": committed, "ChargeCategory": "Purchase", "ChargeFrequency": "Recurring",
        "ConsumedQuantity": None, "ConsumedUnit": None}


def _row(component: CostComponent, region: str, quantity: Decimal, contracted: Decimal,
         listed: Decimal) -> dict[str, Any]:
    """A quantity at the contracted price."""
    name = aws_name(component.service, component.item, region)
    unit = _unit(component.unit)
    cost = quantity * contracted
    sku = f"{region}/{component.service}/{component.item}"
    return {
        "BilledCost": cost, "EffectiveCost": cost, "ContractedCost": cost, "ContractedUnitPrice": contracted,
        "ListCost": quantity * listed, "ListUnitPrice": listed, "ConsumedQuantity": quantity, "ConsumedUnit": unit,
        "PricingQuantity": quantity, "PricingUnit": unit, "PricingCategory": "Standard", "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": f"{component.item} of {component.resource}: {quantity:f} {component.unit}",
        "ResourceId": component.resource, "ResourceName": component.resource, "ServiceCategory": name.category,
        "ServiceName": name.service_name, "ServiceSubcategory": name.subcategory, "SkuId": sku, "SkuPriceId": sku,
        "SkuMeter": name.usage_type, "x_UsageType": name.usage_type, "x_Operation": name.operation,
        "x_ServiceCode": name.service_code, "x_Origin": component.origin, "x_PriceSource": component.source,
        "Tags": {"route": component.route} if component.route else {}}


def _unit(text: str) -> str:
    """A unit in FOCUS's form: `GB-second` is `GB-Seconds`, `64-KB request` is `Requests`."""
    words = re.split(r"([ -])", re.sub(r"^\d+-KB ", "", text))
    capital = "".join(word.capitalize() if word.islower() else word for word in words)
    return capital if words[-1] in ("GB", "USD") else f"{capital}s"


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
