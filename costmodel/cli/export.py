"""`costmodel export RUN|WINDOW|USAGE -o FILE`: the bill as FOCUS rows, or the usage as an Infracost usage file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costmodel.cli.sources import Memory, Prices, Region, Source, priced, read_source, started_at
from costmodel.errors import InputError
from loadgen.terminal import console


def export(
    source: Source,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help=".csv or .parquet: FOCUS 1.2; .yml: Infracost usage.")],
    region: Region = None,
    start: Annotated[str | None, typer.Option(help="When the period begins; else the run's or window's start, or this month's.")] = None,
    account: Annotated[str, typer.Option(help="FOCUS: the BillingAccountId of the rows.")] = "estimate",
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off.")] = False,
    prices: Prices = None,
    memory: Memory = None,
) -> None:
    """Write a bill or its usage for another tool."""
    usage = read_source(source, region=region, memory=memory)
    if output.suffix in (".yml", ".yaml"):
        from costmodel.pricing.infracost import write_infracost

        for sentence in write_infracost(usage.activity, output):
            typer.echo(f"not in the file: {sentence}", err=True)
        wrote = "Infracost usage of a month of 730 h"
    elif output.suffix in (".csv", ".parquet"):
        from costmodel.pricing.exports import on_demand, write_focus
        from costmodel.pricing.price_book import PriceBook

        bill = priced(usage, free_tier=free_tier, prices=prices)
        book = PriceBook.load(bill.region, prices)
        rows = write_focus(bill, output, started_at(source, start), on_demand(usage, book, free_tier=free_tier),
                           account=account)
        wrote = f"FOCUS 1.2, {rows} rows, {bill.total:,.4f} USD"
    else:
        raise InputError(f"--output = {output}: give a name that ends in .csv, .parquet or .yml")
    for sentence in usage.activity.missing:
        console().print(f"missing: {sentence}", markup=False)
    console().print(f"{output}: {wrote}", markup=False)
