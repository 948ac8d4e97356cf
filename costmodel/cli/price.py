"""`costmodel price RUN`: the bill of a run by component, from what AWS saw of it."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.tables import plain, print_table, table, usd
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from costmodel.pricing.bill import Bill

COLUMNS = ("service", "item", "resource", "route", "quantity", "unit", "price", "cost", "origin")


def price(
    run: Annotated[Path, typer.Argument(help="A collected run directory.")],
    region: Annotated[str | None, typer.Option(help="Price it as if in this Region; else the run's own.")] = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the bill as JSON.")] = False,
) -> None:
    """What a run cost on AWS, or would have cost there when it ran on the local cloud."""
    from dataclasses import replace

    from costmodel.activity import observed
    from costmodel.pricing import bill as bills
    from costmodel.pricing.price_book import PriceBook
    from costmodel.pricing.services import meter
    from loadgen.measurements.run import Run

    activity = observed(Run(run))
    activity = replace(activity, region=region or activity.region)
    bill = bills.price(meter(activity), PriceBook.load(activity.region), free_tier=free_tier)
    if json:
        print_json(bill_document(bill))
    else:
        print_table(bill_table(bill))
        for line in bill_lines(bill):
            console().print(line, markup=False)


def bill_document(bill: Bill) -> dict[str, Any]:
    """The bill as plain data, amounts in USD."""
    return {
        "region": bill.region,
        "hours": bill.hours,
        "requests": bill.requests,
        "total_usd": bill.total,
        "usd_per_million": bill.usd_per_million if bill.requests else None,
        "usd_by_service": dict(bill.by("service")),
        "components": [asdict(component) for component in bill.components],
        "missing": list(bill.missing),
    }


def bill_table(bill: Bill) -> Table:
    """A row a component, dearest first, and the total."""
    decimals = _decimals(bill.total)
    rows = [
        (c.service, c.item, c.resource, c.route or "", plain(c.quantity), c.unit, f"${plain(c.price)}",
         usd(c.cost, decimals), c.origin)
        for c in sorted(bill.components, key=lambda component: -component.cost)
    ]
    total = ("total", *[""] * 6, usd(bill.total, decimals), "")
    left = ("service", "item", "resource", "route", "unit", "origin")
    return table(COLUMNS, [*rows, total], left=left)


def bill_lines(bill: Bill) -> list[str]:
    """What stands below the table: per million requests, where the prices are from, what is missing."""
    per_million = f"{usd(bill.usd_per_million)} per million" if bill.requests else "no requests"
    sources = sorted({f"{c.source} (effective {c.effective or 'undated'})" for c in bill.components})
    return [
        f"{bill.region}, {bill.hours:,.4g} h, {bill.requests:,.0f} billed requests: {per_million}",
        *(f"prices: {source}" for source in sources),
        *(f"missing: {sentence}" for sentence in bill.missing),
    ]


def _decimals(total: Decimal) -> int:
    """Of cents for a month's bill, of millionths of a dollar for a run's."""
    return 2 if total >= 100 else 4 if total >= 1 else 6
