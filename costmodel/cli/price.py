"""`costmodel price RUN | USAGE`: the bill by component, of what AWS saw of a run, or of usage as a file states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.estimate import Duration, Older, Rps, RunOf, UsageOf, print_estimate
from costmodel.cli.sources import Memory, Prices, Region, priced, read_source
from costmodel.cli.tables import plain, print_table, table, usd
from costmodel.cli.templates import Parameters, is_template, may_be_template
from costmodel.cli.windows import traffic_lines, window_traffic
from costmodel.errors import InputError
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from costmodel.pricing.bill import Bill

COLUMNS = ("service", "item", "resource", "route", "quantity", "unit", "price", "cost", "origin")


def print_kinds(asked: str | None) -> None:
    """Print the keys of one kind of resource of a usage file, or of the file itself and of every kind.

    Raises InputError for a kind that there is not.
    """
    from costmodel.pricing.usage_file import KINDS, no_such_kind
    from costmodel.pricing.usage_keys import COLUMNS as KEY_COLUMNS
    from costmodel.pricing.usage_keys import FILE, described

    if asked is not None and asked not in KINDS:
        raise InputError(f"--kinds {asked}: {no_such_kind(asked)}")
    shown = {asked: KINDS[asked]} if asked else {FILE: None, **KINDS}
    rows = [(kind, *row) for kind, made in shown.items() for row in described(kind, made)]
    print_table(table(("kind", *KEY_COLUMNS), rows, left=("kind", *KEY_COLUMNS)))


def price(
    source: Annotated[Path | None, typer.Argument(
        metavar="RUN|WINDOW|USAGE|TEMPLATE", help="A collected run, a usage file, or a template before it is deployed.")] = None,
    *,
    region: Region = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off.")] = False,
    prices: Prices = None,
    memory: Memory = None,
    rps: Rps = None,
    duration: Duration = None,
    usage: UsageOf = None,
    run: RunOf = None,
    parameter: Parameters = None,
    diff: Older = None,
    json: Annotated[bool, typer.Option("--json", help="Print the bill as JSON.")] = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="Print what a usage file can hold, or one kind in RUN's place, "
                                                        "and stop.")] = False,
) -> None:
    """What a run cost on AWS (or would have there), what a month of usage costs, or what a template will cost."""
    if kinds:
        print_kinds(None if source is None else str(source))
        return
    if source is None:
        raise InputError("RUN|USAGE|TEMPLATE: missing: give a run, a usage file (--kinds lists what it can hold) or a template")
    for_templates = {"--rps": rps, "--duration": duration, "--usage": usage, "--run": run, "--parameter": parameter,
                     "--diff": diff}
    given = [option for option, value in for_templates.items() if value is not None]
    if is_template(source) or (given and may_be_template(source)):
        print_estimate(source, rps=rps, duration=duration, usage=usage, run=run, parameter=parameter, region=region,
                       diff=diff, free_tier=free_tier, prices=prices, json=json)
        return
    if given:
        raise InputError(f"{given[0]}: only for a template, and {source} is none")
    bill = priced(read_source(source, region=region, memory=memory), free_tier=free_tier, prices=prices)
    print_bill(bill, json=json, traffic=window_traffic(source))


def print_bill(bill: Bill, *, json: bool, traffic: Mapping[str, Any] | None = None) -> None:
    """The bill as a table with what stands below it, or as JSON; `traffic`: of a window of production."""
    if json:
        print_json({**bill_document(bill), **({} if traffic is None else {"traffic": traffic})})
        return
    print_table(bill_table(bill))
    for line in (*bill_lines(bill), *(traffic_lines(traffic) if traffic else ())):
        console().print(line, markup=False)


def bill_document(bill: Bill) -> dict[str, Any]:
    """The bill as plain data, amounts in USD."""
    return {
        "region": bill.region,
        "hours": bill.hours,
        "free_tier": bill.free_tier,
        "requests": bill.requests,
        "total_usd": bill.total,
        "invoice_total_usd": bill.invoice_total,
        "usd_per_million": bill.usd_per_million if bill.requests else None,
        "usd_by_service": dict(bill.by("service")),
        "components": [asdict(component) for component in bill.components],
        "missing": list(bill.missing),
        "notes": list(bill.notes),
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
    unsure = sorted({f"{c.service} {c.item}" for c in bill.components if c.confidence == "low"})
    return [
        f"{bill.region}, {period_label(bill.hours)}, {bill.requests:,.0f} billed requests: {per_million}",
        f"the free tier is {'taken off' if bill.free_tier else 'not taken off'}",
        f"as an invoice, each item to the cent: {usd(bill.invoice_total)}",
        *(f"prices: {source}" for source in sources),
        *(f"to be verified, low confidence: {item}" for item in unsure),
        *bill.notes,
        *(f"missing: {sentence}" for sentence in bill.missing),
    ]


def period_label(hours: float) -> str:
    """`730 h`, `720 h (30 days)`: which month a bill is of."""
    days = f" ({hours / 24:g} days)" if hours >= 24 and hours % 24 == 0 else ""
    return f"{hours:,.4g} h{days}"


def _decimals(total: Decimal) -> int:
    """Of cents for a month's bill, of millionths of a dollar for a run's."""
    return 2 if total >= 100 else 4 if total >= 1 else 6
