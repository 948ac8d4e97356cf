"""`loadgen metrics`: a past window of an API in production, from CloudWatch, into a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def metrics(
    *,
    target: Annotated[Path, typer.Option("--target", "-t", help="The target file.")] = Path("target.toml"),
    out: Annotated[Path, typer.Option("--out", "-o", help="The directory to write.")] = Path("month"),
    days: Annotated[float, typer.Option(help="How many: by the minute up to 14, by 5 minutes up to 62.")] = 30.0,
    end: Annotated[str | None, typer.Option("--end", help="When the window ends, UTC [now].")] = None,
    log_days: Annotated[float, typer.Option(min=0, help="Read the functions' REPORT lines of the last days, too: billed "
                                                        "durations and INIT are only there.")] = 0.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask about the cost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Read a month (or less) of CloudWatch of deployed APIs: `costmodel price` takes the directory as it takes a run."""
    from loadgen.cli.quoting import confirm_reading
    from loadgen.collectors import production
    from loadgen.measurements.production import Production
    from loadgen.schema import to_plain
    from loadgen.target import read_target
    from loadgen.terminal import console, given_time, print_json, progress

    asked = production.plan_reading(read_target(target), days=days, log_days=log_days,
                                    end=None if end is None else given_time("--end", end))
    if not Production(out).finished:
        confirm_reading(asked.target, len(production.queries(asked)), yes=yes)
    with progress(quiet=as_json) as say:
        done = production.read_production(asked, out, progress=say)
    asked, reading, rows = done.asked, done.reading, len(done.metrics())
    if as_json:
        print_json({"window": str(out), "start": asked.start, "end": asked.end, "period_s": asked.period_s,
                    "datapoints": rows, **to_plain(reading)})
        return
    calls = sum(count for name, count in reading.api_calls.items() if name != "metrics_requested")
    console().print(f"window    {asked.start:%Y-%m-%d %H:%M} to {asked.end:%Y-%m-%d %H:%M} UTC by {asked.period_s} s: "
                    f"{rows:,} datapoints  ({calls:,} API calls)", markup=False)
    console().print(f"written   {out}: `costmodel price {out}` prints its bill", markup=False)
