"""`costmodel export RUN|USAGE -o FILE`: the bill as FOCUS rows, or the usage as an Infracost usage file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costmodel.cli.sources import Memory, Region, Source, priced, read_source, started_at
from costmodel.errors import InputError
from loadgen.terminal import console


def export(
    source: Source,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help=".csv or .parquet: FOCUS 1.2; .yml: Infracost usage.")],
    region: Region = None,
    start: Annotated[str | None, typer.Option(help="When the period begins; else the run's start or this month's.")] = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Take AWS's monthly allowances off.")] = False,
    memory: Memory = None,
) -> None:
    """Write a bill or its usage for another tool."""
    usage = read_source(source, region=region, memory=memory)
    if output.suffix in (".yml", ".yaml"):
        from costmodel.pricing.infracost import write_infracost

        write_infracost(usage.activity, output)
        wrote = "Infracost usage of a month of 730 h"
    elif output.suffix in (".csv", ".parquet"):
        from costmodel.pricing.exports import write_focus

        bill = priced(usage, free_tier=free_tier)
        write_focus(bill, output, started_at(source, start))
        wrote = f"FOCUS 1.2, {len(bill.components)} rows, {bill.total:,.4f} USD"
    else:
        raise InputError(f"--output = {output}: give a name that ends in .csv, .parquet or .yml")
    for sentence in usage.activity.missing:
        console().print(f"missing: {sentence}", markup=False)
    console().print(f"{output}: {wrote}", markup=False)
