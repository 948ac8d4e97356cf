"""AWS's own bills as charges: Cost and Usage Reports, FOCUS exports and Cost Explorer's answers.

    CUR (CSV, Parquet)   lineItem/UsageType, lineItem/UsageAmount, lineItem/UnblendedCost, …; line_item_… in CUR 2.0
    FOCUS (CSV, Parquet) SkuMeter or x_UsageType, ConsumedQuantity, BilledCost, EffectiveCost, ChargeCategory, …
    Cost Explorer (JSON) get_cost_and_usage's answer with UnblendedCost and UsageQuantity, grouped by USAGE_TYPE, best
                         also by SERVICE

The format is known by its columns, others are ignored. Costs are those of the invoice: unblended, or BilledCost.
Usage that a Savings Plan or a reservation covers counts at its effective cost; what the invoice has otherwise for it
(nothing, or the on-demand price that a negation takes off again) stays with the commitment's fees. So the charges of
a file always sum to its invoice. Amounts are USD.
Sources: AWS Data Exports user guide (dictionaries of legacy CUR, CUR 2.0, FOCUS 1.0 to 1.2); FOCUS 1.2, columns
CommitmentDiscountStatus and ChargeClass; Cost Explorer API reference.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, TextIO

from costmodel.errors import InputError
from costmodel.pricing.usage_types import split_usage_type

Kind = Literal["usage", "other"]
SAVINGS_PLANS = "Savings Plans: fees less the effective cost of what they cover"
RESERVATIONS = "reservations: fees less the effective cost of what they cover"
COMMITMENTS = "commitments: purchases less the effective cost of what they cover"
COVERED = {"SavingsPlanCoveredUsage": SAVINGS_PLANS, "DiscountedUsage": RESERVATIONS}
"""Types of CUR lines that are usage and do not cost what the invoice says, by who pays."""
FEES = {"SavingsPlanNegation": SAVINGS_PLANS, "SavingsPlanRecurringFee": SAVINGS_PLANS,
        "SavingsPlanUpfrontFee": SAVINGS_PLANS, "RIFee": RESERVATIONS}
GROUP_BY = ("--group-by Type=DIMENSION,Key=SERVICE Type=DIMENSION,Key=USAGE_TYPE --metrics UnblendedCost UsageQuantity")


@dataclass(frozen=True)
class Charge:
    """One line. `usage_type` without the Region's prefix; `service` is AWS's code or name, "" where it is not told.

    `description` of one that is no usage: what it is, as a reason why it is not compared.
    """

    service: str
    usage_type: str
    region: str | None
    quantity: Decimal
    usd: Decimal
    kind: Kind = "usage"
    description: str = ""
    start: datetime | None = None
    end: datetime | None = None
    operation: str = ""
    account: str = ""
    on_demand_usd: Decimal | None = None
    """Of usage that a commitment covers: its cost without that, None where it is not told or not covered."""


@dataclass(frozen=True)
class Invoice:
    """The charges of a file; `notes` is what their reader should know of them, each a sentence."""

    charges: tuple[Charge, ...]
    notes: tuple[str, ...] = ()


Row = Mapping[str, Any]
Columns = Mapping[str, tuple[str, ...]]
Layout = tuple[Columns, Callable[[str, Row], Iterable["Charge"]]]
CUR: Columns = {
    "service": ("lineItem/ProductCode", "line_item_product_code"),
    "usage_type": ("lineItem/UsageType", "line_item_usage_type"),
    "operation": ("lineItem/Operation", "line_item_operation"),
    "account": ("lineItem/UsageAccountId", "line_item_usage_account_id"),
    "region": ("product/regionCode", "product_region_code", "product/region", "product_region"),
    "quantity": ("lineItem/UsageAmount", "line_item_usage_amount"),
    "usd": ("lineItem/UnblendedCost", "line_item_unblended_cost"),
    "currency": ("lineItem/CurrencyCode", "line_item_currency_code"),
    "kind": ("lineItem/LineItemType", "line_item_line_item_type"),
    "SavingsPlanCoveredUsage": ("savingsPlan/SavingsPlanEffectiveCost", "savings_plan_savings_plan_effective_cost"),
    "DiscountedUsage": ("reservation/EffectiveCost", "reservation_effective_cost"),
    "on_demand_usd": ("pricing/publicOnDemandCost", "pricing_public_on_demand_cost"),
    "start": ("lineItem/UsageStartDate", "line_item_usage_start_date"),
    "end": ("lineItem/UsageEndDate", "line_item_usage_end_date"),
}
FOCUS: Columns = {
    "service": ("x_ServiceCode", "ServiceName"),
    "usage_type": ("SkuMeter", "x_UsageType"),
    "operation": ("x_Operation",),
    "account": ("SubAccountId",),
    "region": ("RegionId",),
    "quantity": ("ConsumedQuantity", "PricingQuantity"),
    "usd": ("BilledCost",),
    "effective_usd": ("EffectiveCost",),
    "on_demand_usd": ("ContractedCost", "ListCost"),
    "currency": ("BillingCurrency",),
    "kind": ("ChargeCategory",),
    "class": ("ChargeClass",),
    "commitment": ("CommitmentDiscountId", "CommitmentDiscountType", "CommitmentDiscountCategory"),
    "status": ("CommitmentDiscountStatus",),
    "start": ("ChargePeriodStart",),
    "end": ("ChargePeriodEnd",),
}


def read_invoice(path: Path) -> Invoice:
    """The charges of a file. Raises InputError that names the file, and the column or the value that is wrong."""
    if path.suffix == ".json":
        return _cost_explorer(path)
    charges: list[Charge] = []
    layout: Layout | None = None
    for number, row in enumerate(_rows(path), 2):
        layout = layout or _layout(path, row)
        columns, charges_of = layout
        charges += charges_of(f"{path}: line {number}", {key: _first(row, names) for key, names in columns.items()})
    if layout is None:
        raise InputError(f"{path}: no line in it: give a Cost and Usage Report or a FOCUS export")
    return Invoice(tuple(charges))


def _layout(path: Path, row: Row) -> Layout:
    """The columns that the file has of its format, and what makes charges of their values."""
    for columns, charges_of in ((CUR, _cur_charges), (FOCUS, _focus_charges)):
        present = {key: tuple(name for name in names if name in row) for key, names in columns.items()}
        if present["usage_type"] and present["usd"]:
            return present, charges_of
    raise InputError(f"{path}: neither a Cost and Usage Report nor a FOCUS export: no column lineItem/UsageType, "
                     "line_item_usage_type, SkuMeter or x_UsageType with lineItem/UnblendedCost, "
                     "line_item_unblended_cost or BilledCost beside it")


def _rows(path: Path) -> Iterator[Row]:
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches():
                    yield from batch.to_pylist()
        else:
            with _opened(path) as text:
                yield from csv.DictReader(text)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, ValueError) as problem:
        raise InputError(f"{path}: not readable as CSV or Parquet ({' '.join(str(problem).split())})") from None


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _cur_charges(where: str, values: Mapping[str, Any]) -> Iterator[Charge]:
    """A line of a report; one that a commitment covers is two charges."""
    kind = str(values["kind"] or "Usage")
    billed = _decimal(where, "cost", values["usd"])
    covered = values.get(kind) if kind in COVERED else None
    if kind == "Usage" or kind in COVERED:
        usd = billed if covered is None else _decimal(where, "effective cost", covered)
        yield from _usage(where, values, billed, usd, COVERED.get(kind, ""))
    else:
        yield _charge(where, values, billed, FEES.get(kind, kind))


def _focus_charges(where: str, values: Mapping[str, Any]) -> Iterator[Charge]:
    """A row of an export; one that a commitment covers is two charges, a correction is no usage."""
    billed = _decimal(where, "BilledCost", values["usd"])
    kind = str(values["kind"] or "Usage")
    reason = kind if values["class"] is None else f"{kind} {values['class']}"
    if reason == "Usage" and values["status"] != "Unused":
        usd = billed if values["effective_usd"] is None else _decimal(where, "EffectiveCost", values["effective_usd"])
        yield from _usage(where, values, billed, usd, COMMITMENTS)
    else:
        committed = values["commitment"] and kind in ("Usage", "Purchase")
        yield _charge(where, values, billed, COMMITMENTS if committed else reason)


def _usage(where: str, values: Mapping[str, Any], billed: Decimal, usd: Decimal, commitment: str) -> Iterator[Charge]:
    """Usage at its effective cost, and what the invoice has beside that for the same usage."""
    charge = _charge(where, values, usd)
    if usd == billed:
        yield charge
        return
    on_demand = billed or values["on_demand_usd"]
    told = None if on_demand is None else _decimal(where, "on-demand cost", on_demand)
    yield replace(charge, on_demand_usd=told)
    yield _charge(where, values, billed - usd, commitment)


def _charge(where: str, values: Mapping[str, Any], usd: Decimal, reason: str = "") -> Charge:
    """Usage, or with a reason what is none."""
    currency = values.get("currency")
    if currency not in (None, "USD"):
        raise InputError(f"{where}: currency = {currency}: the price book is in USD")
    region, usage_type = split_usage_type(str(values["usage_type"] or ""))
    return Charge(
        service=str(values["service"] or ""), usage_type=usage_type,
        region=str(values["region"]) if values["region"] else region,
        quantity=Decimal(0) if reason else _decimal(where, "quantity", values["quantity"]), usd=usd,
        kind="other" if reason else "usage", description=reason, start=_time(where, "start", values["start"]),
        end=_time(where, "end", values["end"]), operation=str(values["operation"] or ""),
        account=str(values["account"] or ""))


def _cost_explorer(path: Path) -> Invoice:
    """The answer of `aws ce get-cost-and-usage`."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        keys = [of["Key"] for of in data.get("GroupDefinitions", ())]
        groups = [(period, dict(zip(keys, group["Keys"], strict=True)), group["Metrics"])
                  for period in data["ResultsByTime"] for group in period["Groups"]]
        if groups and "USAGE_TYPE" not in keys:
            raise InputError(f"{path}: not grouped by usage type: ask with {GROUP_BY}")
        charges = tuple(_explored(str(path), *group) for group in groups)
        estimated = any(period.get("Estimated") for period in data["ResultsByTime"])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InputError(f"{path}: not an answer of Cost Explorer's get-cost-and-usage ({problem!r})") from None
    if not charges:
        raise InputError(f"{path}: no group in it: ask with {GROUP_BY}")
    notes = {"Cost Explorer marks a part of it as estimated: the month is not closed": estimated,
             "the answer goes on at its NextPageToken: what follows is not in this file": "NextPageToken" in data,
             "Cost Explorer's sums hold credits and discounts: none is told apart": "RECORD_TYPE" not in keys}
    return Invoice(charges, tuple(note for note, holds in notes.items() if holds))


def _explored(where: str, period: Mapping[str, Any], named: Mapping[str, str], metrics: Mapping[str, Any]) -> Charge:
    if "UnblendedCost" not in metrics or "UsageQuantity" not in metrics:
        raise InputError(f"{where}: metrics = {', '.join(metrics) or 'none'}: ask for UnblendedCost and UsageQuantity")
    cost, quantity = metrics["UnblendedCost"], metrics["UsageQuantity"]
    kind = named.get("RECORD_TYPE", "Usage")
    times = period["TimePeriod"]
    values = {
        "service": named.get("SERVICE"), "usage_type": named["USAGE_TYPE"], "operation": named.get("OPERATION"),
        "account": named.get("LINKED_ACCOUNT"), "region": named.get("REGION"), "quantity": quantity["Amount"],
        "currency": cost.get("Unit"), "start": times["Start"], "end": times["End"]}
    return _charge(where, values, _decimal(where, "UnblendedCost", cost["Amount"]),
                   "" if kind == "Usage" or kind in COVERED else FEES.get(kind, kind))


def _first(row: Row, columns: Iterable[str]) -> Any:
    """The first of these columns that has a value."""
    for column in columns:
        value = row.get(column)
        if value not in (None, ""):
            return value
    return None


def _decimal(where: str, what: str, value: Any) -> Decimal:
    try:
        found = Decimal(str(value)) if value is not None else Decimal(0)
    except InvalidOperation:
        raise InputError(f"{where}: {what} = {value!r}: not a number") from None
    if not found.is_finite():
        raise InputError(f"{where}: {what} = {value!r}: not a number")
    return found


def _time(where: str, what: str, value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{where}: {what} = {value!r}: not a time in ISO 8601") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
