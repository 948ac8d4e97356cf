"""AWS's own bills as charges: Cost and Usage Reports, FOCUS exports and Cost Explorer's answers.

    CUR (CSV, Parquet)   lineItem/UsageType, lineItem/UsageAmount, lineItem/UnblendedCost, …; CUR 2.0: line_item_usage_type, …
    FOCUS (CSV, Parquet) SkuMeter or x_UsageType, ConsumedQuantity, EffectiveCost, ChargeCategory, …
    Cost Explorer (JSON) get_cost_and_usage's answer with UnblendedCost and UsageQuantity, grouped by USAGE_TYPE, best
                         also by SERVICE

The format is known by its columns. A line that a Savings Plan covers counts at its effective cost. Amounts are USD.
Sources: AWS Data Exports user guide (dictionaries of legacy CUR, CUR 2.0, FOCUS 1.2); Cost Explorer API reference.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, TextIO

from costmodel.errors import InputError
from costmodel.pricing.usage_types import split_usage_type

Kind = Literal["usage", "other"]
USAGE_KINDS = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage")
NEGATIONS = ("SavingsPlanNegation",)
"""They take the on-demand cost of covered lines off; covered lines count at their effective cost, so these are left out."""


@dataclass(frozen=True)
class Charge:
    """One line. `usage_type` without the Region's prefix; `service` is AWS's code or name, "" where it is not told."""

    service: str
    usage_type: str
    region: str | None
    quantity: Decimal
    usd: Decimal
    kind: Kind = "usage"
    description: str = ""
    start: datetime | None = None


Row = Mapping[str, Any]
CUR = {
    "service": ("lineItem/ProductCode", "line_item_product_code"),
    "usage_type": ("lineItem/UsageType", "line_item_usage_type"),
    "region": ("product/regionCode", "product_region_code", "product/region", "product_region"),
    "quantity": ("lineItem/UsageAmount", "line_item_usage_amount"),
    "usd": ("lineItem/UnblendedCost", "line_item_unblended_cost"),
    "covered_usd": ("savingsPlan/SavingsPlanEffectiveCost", "savings_plan_savings_plan_effective_cost"),
    "kind": ("lineItem/LineItemType", "line_item_line_item_type"),
    "description": ("lineItem/LineItemDescription", "line_item_line_item_description"),
    "start": ("lineItem/UsageStartDate", "line_item_usage_start_date"),
}
FOCUS = {
    "service": ("x_ServiceCode", "ServiceName"),
    "usage_type": ("SkuMeter", "x_UsageType"),
    "region": ("RegionId",),
    "quantity": ("ConsumedQuantity", "PricingQuantity"),
    "usd": ("EffectiveCost", "BilledCost"),
    "kind": ("ChargeCategory",),
    "description": ("ChargeDescription",),
    "start": ("ChargePeriodStart",),
}


def read_charges(path: Path) -> list[Charge]:
    """The charges of a file. Raises InputError that names the file, and the column or the value that is wrong."""
    if path.suffix == ".json":
        return list(_cost_explorer(path))
    rows = _rows(path)
    columns = set(rows[0]) if rows else set()
    for names in (CUR, FOCUS):
        if columns.intersection(names["usage_type"]) and columns.intersection(names["usd"]):
            return [charge for number, row in enumerate(rows, 2) if (charge := _charge(path, number, row, names))]
    raise InputError(f"{path}: neither a Cost and Usage Report nor a FOCUS export: no column lineItem/UsageType, "
                     "line_item_usage_type, SkuMeter or x_UsageType with a cost beside it")


def _rows(path: Path) -> Sequence[Row]:
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return pq.read_table(path).to_pylist()
        with _opened(path) as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as problem:
        raise InputError(f"{path}: not readable as CSV or Parquet ({problem})") from None


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _charge(path: Path, number: int, row: Row, names: Mapping[str, Iterable[str]]) -> Charge | None:
    values = {key: _first(row, columns) for key, columns in names.items()}
    kind = values["kind"] or "Usage"
    if kind in NEGATIONS:
        return None
    usd = values["covered_usd"] if kind == "SavingsPlanCoveredUsage" and values.get("covered_usd") else values["usd"]
    region, usage_type = split_usage_type(str(values["usage_type"] or ""))
    where = f"{path}: line {number}"
    return Charge(
        service=str(values["service"] or ""), usage_type=usage_type, region=str(values["region"]) if values["region"] else region,
        quantity=_decimal(where, "quantity", values["quantity"]), usd=_decimal(where, "cost", usd),
        kind="usage" if kind in USAGE_KINDS else "other", description=str(values["description"] or kind),
        start=_time(where, values["start"]))


def _cost_explorer(path: Path) -> Iterator[Charge]:
    """The answer of `aws ce get-cost-and-usage`."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        groups = [(period, group) for period in data["ResultsByTime"] for group in period["Groups"]]
        keys = [of["Key"] for of in data.get("GroupDefinitions", ())]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{path}: not an answer of Cost Explorer's get-cost-and-usage ({problem!r})") from None
    if groups and "USAGE_TYPE" not in keys:
        raise InputError(f"{path}: not grouped by usage type: ask with --group-by Type=DIMENSION,Key=SERVICE "
                         "Type=DIMENSION,Key=USAGE_TYPE --metrics UnblendedCost UsageQuantity")
    for period, group in groups:
        named = dict(zip(keys, group["Keys"], strict=False))
        region, usage_type = split_usage_type(named["USAGE_TYPE"])
        metrics = {name: metric.get("Amount") for name, metric in group.get("Metrics", {}).items()}
        cost = next((metrics[name] for name in ("UnblendedCost", "NetUnblendedCost", "AmortizedCost", "BlendedCost")
                     if name in metrics), None)
        if cost is None or "UsageQuantity" not in metrics:
            raise InputError(f"{path}: metrics = {', '.join(metrics) or 'none'}: ask for UnblendedCost and UsageQuantity")
        yield Charge(named.get("SERVICE", ""), usage_type, region, _decimal(str(path), "UsageQuantity", metrics["UsageQuantity"]),
                     _decimal(str(path), "UnblendedCost", cost), description=named["USAGE_TYPE"],
                     start=_time(str(path), period.get("TimePeriod", {}).get("Start")))


def _first(row: Row, columns: Iterable[str]) -> Any:
    """The first of these columns that has a value."""
    return next((row[column] for column in columns if row.get(column) not in (None, "")), None)


def _decimal(where: str, what: str, value: Any) -> Decimal:
    try:
        return Decimal(str(value)) if value is not None else Decimal(0)
    except InvalidOperation:
        raise InputError(f"{where}: {what} = {value!r}: not a number") from None


def _time(where: str, value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{where}: start = {value!r}: not a time in ISO 8601") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
