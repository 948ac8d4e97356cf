"""`costmodel reconcile RUN|USAGE --cur FILE`: our bill beside AWS's, and why they differ."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.candidates import Json
from costmodel.cli.sources import Memory, Region, Source, priced, read_source, started_at
from costmodel.cli.tables import plain, print_table, table, usd
from costmodel.errors import InputError
from loadgen.terminal import console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from costmodel.pricing.invoices import Charge
    from costmodel.pricing.reconciliation import BillReconciliation, Compared

COLUMNS = ("service", "item", "our quantity", "AWS's", "ours", "AWS's charge", "difference", "because")


def reconcile(
    source: Source,
    *,
    cur: Annotated[Path, typer.Option(help="A CUR or FOCUS export (CSV, CSV.gz, Parquet), or Cost Explorer's answer (JSON).")],
    since: Annotated[str | None, typer.Option("--from", help="Only AWS's lines that begin at this time or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only AWS's lines that begin before this time.")] = None,
    region: Region = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off our bill.")] = False,
    memory: Memory = None,
    json: Json = False,
) -> None:
    """Lay our components beside AWS's charges and explain the difference."""
    from costmodel.pricing.invoices import read_charges
    from costmodel.pricing.price_book import PriceBook
    from costmodel.pricing.reconciliation import reconcile as compare

    usage = read_source(source, region=region, memory=memory)
    bill = priced(usage, free_tier=free_tier)
    charges = list(_within(read_charges(cur), started_at(source, since) if since else None,
                           started_at(source, until) if until else None))
    if not charges:
        raise InputError(f"{cur}: no line in that time: check --from and --to")
    found = compare(bill, charges, PriceBook.load(bill.region))
    if json:
        print_json(reconciliation_document(found))
        return
    print_table(table(COLUMNS, [_row(item) for item in found.items], left=("service", "item", "because")))
    for line in reconciliation_lines(found, bill.missing):
        console().print(line, markup=False)


def reconciliation_document(found: BillReconciliation) -> dict[str, Any]:
    """The comparison as plain data, amounts in USD."""
    return {
        "region": found.region, "our_usd": found.our_usd, "aws_usd": found.aws_usd,
        "items": [{
            "service": item.service, "item": item.item, "unit": item.unit, "our_quantity": item.our_quantity,
            "aws_quantity": item.aws_quantity, "our_usd": item.our_usd, "aws_usd": item.aws_usd,
            "difference_usd": item.difference, "parts_usd": dict(item.parts), "why": list(item.why)} for item in found.items],
        "missing_on_our_side": [{"service": charge.service, "usage_type": charge.usage_type, "quantity": charge.quantity,
                                 "usd": charge.usd} for charge in found.unmatched],
        "not_compared_usd": dict(found.outside),
    }


def reconciliation_lines(found: BillReconciliation, missing: Iterable[str]) -> list[str]:
    """The totals, what only AWS has, and what was not compared."""
    difference = found.aws_usd - found.our_usd
    return [
        f"ours {usd(found.our_usd, 4)}, AWS's {usd(found.aws_usd, 4)}: AWS charged "
        f"{usd(abs(difference), 4)} {'more' if difference >= 0 else 'less'}",
        *(f"missing on our side: {charge.service} {charge.usage_type}: {plain(charge.quantity)}, {usd(charge.usd, 4)}"
          for charge in sorted(found.unmatched, key=lambda charge: -charge.usd)),
        *(f"not compared: {reason}: {usd(amount, 4)}" for reason, amount in found.outside.items()),
        *(f"missing: {sentence}" for sentence in missing),
    ]


def _within(charges: Iterable[Charge], since: datetime | None, until: datetime | None) -> Iterable[Charge]:
    """The lines that begin in the period; a line without a time only where no period is asked for."""
    for charge in charges:
        after = since is None or (charge.start is not None and charge.start >= since)
        before = until is None or (charge.start is not None and charge.start < until)
        if after and before:
            yield charge


def _row(item: Compared) -> tuple[str, ...]:
    return (item.service, item.item, plain(item.our_quantity), plain(item.aws_quantity), usd(item.our_usd, 4),
            usd(item.aws_usd, 4), usd(item.difference, 4), "; ".join(item.why))
