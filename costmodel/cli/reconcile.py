"""`costmodel reconcile RUN|WINDOW|USAGE --cur FILE`: our bill beside AWS's, and why they differ."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from costmodel.cli.candidates import Json
from costmodel.cli.sources import Memory, Prices, Region, Source, priced, read_source
from costmodel.cli.tables import plain, print_table, table, usd
from costmodel.errors import InputError
from loadgen.terminal import console, given_time, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from costmodel.pricing.invoices import Charge
    from costmodel.pricing.reconciliation import BillReconciliation, Compared

COLUMNS = ("service", "item", "our quantity", "AWS's", "ours", "AWS's charge", "difference", "because")


def reconcile(
    source: Source,
    *,
    cur: Annotated[Path, typer.Option(help="A CUR or FOCUS export (CSV, gzip, Parquet), or Cost Explorer's answer.")],
    since: Annotated[str | None, typer.Option("--from", help="Only AWS's lines that begin then or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only AWS's lines that begin before.")] = None,
    region: Region = None,
    account: Annotated[str | None, typer.Option(help="Only AWS's lines of this account.")] = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off our bill.")] = False,
    prices: Prices = None,
    memory: Memory = None,
    json: Json = False,
) -> None:
    """Lay our components beside AWS's charges and explain the difference."""
    from costmodel.pricing.invoices import read_invoice
    from costmodel.pricing.price_book import PriceBook
    from costmodel.pricing.reconciliation import reconcile as compare

    usage = read_source(source, region=region, memory=memory)
    bill = priced(usage, free_tier=free_tier, prices=prices)
    invoice = read_invoice(cur)
    charges = list(_within(invoice.charges, given_time("--from", since) if since else None,
                           given_time("--to", until) if until else None))
    if not charges:
        raise InputError(f"{cur}: no line in that time: check --from and --to")
    charges = _of_account(cur, charges, account)
    found = compare(bill, charges, PriceBook.load(bill.region, prices))
    notes = [*invoice.notes, *_notes(charges, found, bill.hours)]
    if json:
        print_json({**reconciliation_document(found), "notes": notes, "missing": list(bill.missing)})
        return
    print_table(table(COLUMNS, [_row(item) for item in found.items], left=("service", "item", "because")))
    for line in reconciliation_lines(found, [*notes, *(f"missing: {sentence}" for sentence in bill.missing)]):
        console().print(line, markup=False)


def reconciliation_document(found: BillReconciliation) -> dict[str, Any]:
    """The comparison as plain data, amounts in USD."""
    return {
        "region": found.region, "our_usd": found.our_usd, "aws_usd": found.aws_usd, "aws_file_usd": found.invoice_usd,
        "items": [{
            "service": item.service, "item": item.item, "unit": item.unit, "our_quantity": item.our_quantity,
            "aws_quantity": item.aws_quantity, "our_usd": item.our_usd, "aws_usd": item.aws_usd,
            "difference_usd": item.difference, "parts_usd": dict(item.parts), "why": list(item.why)} for item in found.items],
        "missing_on_our_side": [{"service": charge.service, "usage_type": charge.usage_type, "quantity": charge.quantity,
                                 "usd": charge.usd} for charge in found.unmatched],
        "not_compared_usd": dict(found.outside),
    }


def reconciliation_lines(found: BillReconciliation, notes: Iterable[str]) -> list[str]:
    """The totals, what only AWS has, and what was not compared; `notes` below them."""
    difference = round(found.aws_usd - found.our_usd, 4)
    charged = f"{usd(abs(difference), 4)} {'more' if difference > 0 else 'less'}" if difference else "the same"
    return [
        f"ours {usd(found.our_usd, 4)}, AWS's {usd(found.aws_usd, 4)}: AWS charged {charged}",
        *(f"missing on our side: {charge.service} {charge.usage_type}: {plain(charge.quantity)}, {usd(charge.usd, 4)}"
          for charge in sorted(found.unmatched, key=lambda charge: -charge.usd)),
        *(f"not compared: {reason}: {usd(amount, 4)}" for reason, amount in found.outside.items()),
        f"AWS's file in all: {usd(found.invoice_usd, 4)}",
        *notes,
    ]


def _notes(charges: Iterable[Charge], found: BillReconciliation, hours: float) -> Iterable[str]:
    """What makes the two sides differ in general."""
    accounts = sorted({charge.account for charge in charges if charge.account})
    if len(accounts) > 1:
        yield f"AWS's lines are of {len(accounts)} accounts ({', '.join(accounts)}): --account takes one"
    if found.aws_hours is not None and abs(found.aws_hours - hours) >= 1:
        part = ": --from and --to take a part of them" if found.aws_hours > hours else ""
        yield f"AWS's lines span {found.aws_hours:,.0f} h, our bill {hours:,.4g} h{part}"


def _of_account(path: Path, charges: list[Charge], account: str | None) -> list[Charge]:
    """The lines of an account. Raises InputError when there are none."""
    kept = [charge for charge in charges if account in (None, charge.account)]
    if not kept:
        there_are = ", ".join(sorted({charge.account for charge in charges if charge.account})) or "none is told"
        raise InputError(f"--account = {account}: no line of it in {path} (accounts: {there_are})")
    return kept


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
